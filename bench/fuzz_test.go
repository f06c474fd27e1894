package bench

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/cache"
)

// FuzzPairs reads any file of pairs: what is read is whole, and read the same when written anew.
func FuzzPairs(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbf" + hitsPairs))
	f.Add([]byte("{\"a\":\"x\",\"b\":\"y\",\"same\":null}\r\n\r\n"))
	f.Add([]byte(`{"A":"x","b":"\ud800","same":true,"domain":"a02","same":false}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		var pairs, again []Pair
		if err := linesOf(bytes.NewReader(file), pairLine(&pairs)); err != nil && !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("an error without its line: %v", err)
		}
		var out bytes.Buffer
		lines := json.NewEncoder(&out)
		for _, p := range pairs {
			if p.A == "" || p.B == "" {
				t.Errorf("%+v", p)
			}
			_, _, _ = p.HeldOut(), p.Calibration(), p.of(foundSets)
			if err := lines.Encode(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := linesOf(&out, pairLine(&again)); err != nil || !slices.Equal(pairs, again) {
			t.Errorf("%+v, read again %+v: %v", pairs, again, err)
		}
		if of := subjects(pairs); len(of) != len(pairs) {
			t.Errorf("%d subjects of %d pairs", len(of), len(pairs))
		}
	})
}

// FuzzAnswers reads any file of pairs of answers: a topic is fitted or held out, never both.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"a":"x","b":"y","same":true,"topic":"2"}` + "\n" + `{"a":"x","b":"y","same":false,"topic":"3"}`))
	f.Add([]byte(`{"a":"x","b":"y","same":true,"topic":"-1"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		var fitted, heldOut []cache.LabelledPair
		_ = linesOf(bytes.NewReader(file), answerLine(&fitted, &heldOut)) // what was read before an error is judged
		for _, p := range slices.Concat(fitted, heldOut) {
			of := func(q cache.LabelledPair) bool { return q.Group == p.Group }
			if p.A == "" || p.B == "" || slices.ContainsFunc(fitted, of) == slices.ContainsFunc(heldOut, of) {
				t.Errorf("%+v", p)
			}
		}
	})
}

// FuzzTexts reads any file of texts: none is empty, none comes twice.
func FuzzTexts(f *testing.F) {
	f.Add([]byte("one\n two \n{\"a\":\"one\",\"b\":\"three\"}\n\n{}"))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, file []byte) {
		var texts []string
		_ = linesOf(bytes.NewReader(file), textLine(&texts)) // what was read before an error is judged
		seen := map[string]bool{}
		for _, text := range texts {
			if strings.TrimSpace(text) != text || text == "" || seen[text] {
				t.Errorf("%q among %q", text, texts)
			}
			seen[text] = true
		}
	})
}
