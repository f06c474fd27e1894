package bench

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestProxyMeasuresWhatItSays(t *testing.T) {
	t.Parallel()
	report, err := Proxy(t.Context(), ProxyOptions{Duration: 150 * time.Millisecond, Rounds: 1, Conns: 2})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
	if len(report.Rows) != 3 {
		t.Fatalf("%d rows, want 3", len(report.Rows))
	}
	for _, row := range report.Rows {
		if row.Rate <= 0 || row.P50 <= 0 || row.P99 < row.P50 {
			t.Errorf("%s: rate %v, p50 %v, p99 %v", row.Kind, row.Rate, row.P50, row.P99)
		}
	}
	if exact := report.Rows[1]; exact.Share != 1 {
		t.Errorf("%.3f of the repeats were exact hits, want all", exact.Share)
	}
	if semantic := report.Rows[2]; semantic.Share == 0 {
		t.Error("no rewording was a semantic hit")
	}
}

func TestRewordingsDoNotRepeat(t *testing.T) {
	t.Parallel()
	qs := questions()
	n := len(qs) * (len(openings)*len(closings) - 1)
	seen := map[string]bool{}
	for i := range n {
		r := rewording(qs, i)
		if seen[r] || slices.Contains(qs, r) {
			t.Fatalf("rewording %d of %d is not new: %q", i, n, r)
		}
		if !strings.Contains(r, qs[i%len(qs)]) {
			t.Fatalf("rewording %d does not carry its question: %q", i, r)
		}
		seen[r] = true
	}
}

func TestProxyRefusesBadOptions(t *testing.T) {
	t.Parallel()
	if _, err := Proxy(t.Context(), ProxyOptions{Rounds: -1}); err == nil || !strings.Contains(err.Error(), "rounds -1") {
		t.Errorf("got %v, want an error that names the field and the value", err)
	}
}
