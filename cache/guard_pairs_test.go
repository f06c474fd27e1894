package cache

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var pairLine = regexp.MustCompile(`^("(?:[^"\\]|\\.)*")\s+("(?:[^"\\]|\\.)*")\s*->\s*(agree|veto \w+|doubt \w+)$`)

// TestGuardPairs runs testdata/guards: a file a guard, a pair of questions a line, with what the guards together are to
// say of it, whichever question comes first: nothing, a veto of one guard, or no veto but a doubt of one.
func TestGuardPairs(t *testing.T) {
	files, err := filepath.Glob("testdata/guards/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		n := 0
		in := bufio.NewScanner(f)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			n++
			line := strings.TrimSpace(in.Text())
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			m := pairLine.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("%s:%d: cannot be read: %s", file, n, line)
				continue
			}
			a, errA := strconv.Unquote(m[1])
			b, errB := strconv.Unquote(m[2])
			if errA != nil || errB != nil {
				t.Errorf("%s:%d: %v %v", file, n, errA, errB)
				continue
			}
			for _, texts := range [2][2]string{{a, b}, {b, a}} {
				found := inspect(analyse(texts[0]), analyse(texts[1]), nil)
				if got, ok := saysOf(found, m[3]); !ok {
					t.Errorf("%s:%d: %q, %q: %s (%+v), want %s", file, n, texts[0], texts[1], got, found, m[3])
				}
			}
		}
		if err := in.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// saysOf puts findings in a word, and reports whether they are what is wanted.
func saysOf(found []finding, want string) (string, bool) {
	veto, vetoed := refusal(found, true)
	switch {
	case len(found) == 0:
		return "agree", want == "agree"
	case vetoed:
		return "veto " + string(veto.reason), want == "veto "+string(veto.reason)
	}
	for _, f := range found {
		if want == "doubt "+string(f.reason) {
			return want, true
		}
	}
	return "doubt " + string(found[0].reason), false
}
