package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// The tests here hold who pays, and how much, where an answer does not say all of what it cost, or does not come to its end.

// logged returns the newest record, once there are n.
func (r *rig) logged(n int) requestlog.Record {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; { // the record of a client who left is written when the server takes notice
		r.flush()
		records, _ := r.page("")
		if len(records) >= n {
			return records[0]
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d records, want %d", len(records), n)
		}
	}
}

// TestLastEventInTwoPieces holds that a stream is paid for by the time that its client can see the end, wherever the pieces that it
// comes in cut its last event.
func TestLastEventInTwoPieces(t *testing.T) {
	step := make(chan struct{})
	pieces := []string{chunk(`"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]`) + chunk(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`) + "data: [DO", "NE]\n\n"}
	var k *Keys
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { sendEvents(w, req, step, pieces...) }, withKeys(t, &k), withOwnKey)
	id, key := made(t, k, `{}`)
	resp := r.open(bounded(t), question("x", `"stream":true`), bearerOf(key)...)
	if _, err := io.ReadFull(resp.Body, make([]byte, len(pieces[0]))); err != nil {
		t.Fatal(err)
	}
	step <- struct{}{}
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != pieces[1] {
		t.Errorf("%q, %v", rest, err)
	}
	if tokens, _ := spentBy(t, k, id); tokens != 4 { // one for the question, one an event
		t.Errorf("%d tokens were charged", tokens)
	}
	r.flush()
	if got := r.ask("x", "", bearerOf(key)...); got.cache() != "HIT" {
		t.Errorf("%d %s", got.StatusCode, got.cache())
	}
}

// TestEstimates holds what a call is taken to cost whose answer does not say it: by the text that was asked, with tools and results, and
// not by the length of a picture; and that the log and the key have the same figure.
func TestEstimates(t *testing.T) {
	picture := strings.Repeat("iVBORw0KGgo/", 90_000)
	silent := func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		switch {
		case req.URL.Path == wire.Embeddings.Path:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[%s1]}]}`, strings.Repeat("0.25,", 1500))
		case bytes.Contains(body, []byte(`"stream":true`)):
			answerWith("one two three")(w, &http.Request{Body: io.NopCloser(bytes.NewReader(body))})
		default:
			w.Header().Set("Content-Type", "application/json")
			text := bodyOf("one two three")
			io.WriteString(w, text[:strings.Index(text, `,"usage"`)]+"}")
		}
	}
	var k *Keys
	r := newRig(t, silent, withKeys(t, &k), withOwnKey, withLog(t))
	n := 0
	for _, c := range []struct {
		name, path, body string
		from, to         int64 // of the prompt's tokens
		output           int64
	}{
		{"text", chatPath, question(strings.Repeat("word ", 400), ""), 500, 500, 4},
		{"a stream", chatPath, question(strings.Repeat("what ", 400), `"stream":true`), 500, 500, 6},
		{"a picture", chatPath, `{"model":"m","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + picture + `"}}]}]}`, 1000, 1100, 6},
		{"one whose slashes are escaped", chatPath, `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.ReplaceAll(picture, "/", `\/`) + `"}}]}]}`, 1000, 1100, 4},
		{"tools", chatPath, question("hi", `"tools":[{"type":"function","function":{"name":"f","description":"`+strings.Repeat("word ", 400)+`"}}]`), 500, 530, 4},
		{"a tool's call", chatPath, `{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"function":{"arguments":"` + strings.Repeat("word ", 400) + `"}}]}]}`, 500, 530, 4},
		{"what is not cached", chatPath, question(strings.Repeat("word ", 400), `"store":true`), 500, 530, 4},
		{"vectors", wire.Embeddings.Path, `{"model":"m","input":"` + strings.Repeat("word ", 400) + `"}`, 500, 501, 0},
	} {
		id, key := made(t, k, `{}`)
		if got := r.do("POST", c.path, c.body, bearerOf(key)...); got.StatusCode != 200 {
			t.Fatalf("%s: %d %s", c.name, got.StatusCode, got.body)
		}
		n++
		rec := r.logged(n)
		if rec.Prompt < c.from || rec.Prompt > c.to || rec.Completion != c.output || !rec.Estimated {
			t.Errorf("%s: the log has %d and %d tokens, estimated: %v", c.name, rec.Prompt, rec.Completion, rec.Estimated)
		}
		if tokens, _ := spentBy(t, k, id); int64(tokens) != rec.Prompt+rec.Completion {
			t.Errorf("%s: the log has %d and %d tokens, the key %d", c.name, rec.Prompt, rec.Completion, tokens)
		}
	}
}
