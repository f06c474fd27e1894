package promtext

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	var w Writer
	w.Family("a_total", Counter, "Back\\slash and\nline.")
	w.Count(math.MaxUint64, "x", "say \"hi\"\\\n", "y", "é")
	w.Count(0)
	w.Family("b", Gauge, "B.")
	w.Sample(0.1)
	w.Sample(math.Inf(-1), "x", "")
	w.Family("c_seconds", Histogram, "C.")
	w.Buckets([]uint64{1, 2, 3}, 6, 1500*time.Millisecond, "stage", "key")
	want := `# HELP a_total Back\\slash and\nline.
# TYPE a_total counter
a_total{x="say \"hi\"\\\n",y="é"} 18446744073709551615
a_total 0
# HELP b B.
# TYPE b gauge
b 0.1
b{x=""} -Inf
# HELP c_seconds C.
# TYPE c_seconds histogram
c_seconds_bucket{stage="key",le="1e-06"} 1
c_seconds_bucket{stage="key",le="2e-06"} 3
c_seconds_bucket{stage="key",le="+Inf"} 6
c_seconds_sum{stage="key"} 1.5
c_seconds_count{stage="key"} 6
`
	if got := string(w.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// FuzzLabel holds that no label's value gets out of its quotes.
func FuzzLabel(f *testing.F) {
	f.Add("a\"} 1\nevil 2")
	f.Add("\xff\\")
	line := regexp.MustCompile(`^m\{l="(?:[^"\\\n]|\\["\\n])*"\} 1\n$`)
	f.Fuzz(func(t *testing.T, v string) {
		var w Writer
		w.name = "m"
		w.Count(1, "l", v)
		if got := string(w.Bytes()); !line.MatchString(got) || !utf8.ValidString(got) || strings.Count(got, "\n") != 1 {
			t.Errorf("%q is written %q", v, got)
		}
	})
}
