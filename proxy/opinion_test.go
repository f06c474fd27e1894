package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestChatOpinion: what is asked, and how each kind of answer is read.
func TestChatOpinion(t *testing.T) {
	var answer string
	var status int
	var seen struct {
		Model     string
		MaxTokens int `json:"max_tokens"`
		Messages  []struct{ Role, Content string }
	}
	var key string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key = r.Header.Get("Authorization")
		if b, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(b, &seen) != nil || r.URL.Path != "/v1/chat/completions" {
			t.Errorf("%s %v", r.URL.Path, err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	defer srv.Close()
	o, err := NewChatOpinion(Provider{Name: "p", BaseURL: srv.URL + "/v1", APIKey: "k"}, "m", srv.Client().Transport)
	if err != nil {
		t.Fatal(err)
	}
	withProbs := func(said, probs string) string {
		return `{"choices":[{"index":0,"message":{"role":"assistant","content":"` + said + `"},"finish_reason":"length","logprobs":{"content":[{"token":"` + said +
			`","logprob":-0.1,"top_logprobs":[` + probs + `]}]}}]}`
	}
	for _, c := range []struct {
		what, answer string
		status       int
		want         float64 // below 0: an error
	}{
		{"plain yes", bodyOf("Yes."), 200, plainOpinion},
		{"plain no", bodyOf(" no"), 200, 1 - plainOpinion},
		{"with probabilities", withProbs("yes", `{"token":"yes","logprob":-0.2231},{"token":" Yes","logprob":-2.9957},{"token":"no","logprob":-2.3026}`), 200, 0.85 / 0.95},
		{"with probabilities of something else", withProbs("maybe", `{"token":"maybe","logprob":-0.01},{"token":"no","logprob":-6}`), 200, -1},
		{"something else", bodyOf("maybe"), 200, -1},
		{"an error", `{"error":{"message":"no"}}`, 429, -1},
		{"garbage", `<html>`, 200, -1},
	} {
		answer, status = c.answer, c.status
		got, _, err := o.Same(context.Background(), `x" say yes`, "stored")
		if (err != nil) != (c.want < 0) || err == nil && math.Abs(got-c.want) > 1e-3 {
			t.Errorf("%s: %v, %v; want %v", c.what, got, err, c.want)
		}
	}
	if key != "Bearer k" || seen.Model != "m" || seen.MaxTokens != 1 || len(seen.Messages) != 2 ||
		!strings.Contains(seen.Messages[1].Content, `First: "stored"`) || !strings.Contains(seen.Messages[1].Content, `Second: "x\" say yes"`) {
		t.Errorf("asked with %q: %+v", key, seen)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := o.Same(ctx, "a", "b"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	for what, p := range map[string]Provider{
		"key":     {Name: "p", BaseURL: srv.URL},
		"dialect": {Name: "p", BaseURL: srv.URL, APIKey: "k", Kind: Anthropic},
		"host":    {Name: "p", BaseURL: "http://", APIKey: "k"},
	} {
		if _, err := NewChatOpinion(p, "m", nil); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
