package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestAnswerIsFoundByWhoSawIt asks again at once, while the answer is on its way to the cache, in every pair of forms.
// Each round is a new question, for any one of them may be stored in time by chance.
func TestAnswerIsFoundByWhoSawIt(t *testing.T) {
	const rounds = 25
	forms := map[string]string{"plain": "", "stream": `"stream":true`, "stream with usage": `"stream":true,"stream_options":{"include_usage":true}`}
	for first, asFirst := range forms {
		for second, asSecond := range forms {
			t.Run(first+" then "+second, func(t *testing.T) {
				r := newRig(t, answerWith("Like this."))
				for i := range rounds {
					text := fmt.Sprintf("question %d", i)
					r.ask(text, asFirst, "x-portkey-cache", "simple")
					again := r.ask(text, asSecond, "x-portkey-cache", "simple", "cache-control", "only-if-cached")
					if again.StatusCode != 200 || again.cache() != "HIT" {
						t.Fatalf("round %d: %d, %s", i, again.StatusCode, again.cache())
					}
				}
				r.wantCalls(rounds)
			})
		}
	}
}

func TestRefreshIsSeenByWhoSawIt(t *testing.T) {
	var r *rig
	r = newRig(t, func(w http.ResponseWriter, req *http.Request) {
		answerWith(fmt.Sprintf("Answer %d.", r.calls.Load()))(w, req)
	})
	r.ask("what now?", "")
	for i := range 25 {
		r.ask("what now?", "", "cache-control", "no-cache")
		want := fmt.Sprintf("Answer %d.", i+2)
		if got := r.ask("what now?", ""); got.cache() != "HIT" || !strings.Contains(got.body, want) {
			t.Fatalf("round %d: %s, %s, want %q", i, got.cache(), got.body, want)
		}
	}
}
