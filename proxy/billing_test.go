package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache"
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

// TestStreamLeftMidway holds that who leaves Anthropic's stream pays for what it said, of which the usage at its beginning counts one
// token only, and that the log says the same as the key.
func TestStreamLeftMidway(t *testing.T) {
	const deltas = 30
	begun := "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\n" +
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
		strings.Repeat("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"word \"}}\n\n", deltas)
	ended := "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":40}}\n\n"
	for name, c := range map[string]struct {
		said    string
		output  int64
		guessed bool
	}{
		"before the usage": {begun, 1 + 1 + deltas, true},
		"after the usage":  {begun + ended, 40, false},
	} {
		t.Run(name, func(t *testing.T) {
			step := make(chan struct{})
			var k *Keys
			r := newRig(t, func(w http.ResponseWriter, req *http.Request) { sendEvents(w, req, step, c.said, ": so far\n\n") },
				withKeys(t, &k), withOwnKey, withLog(t), func(c *Config) { c.Providers[0].Kind = Anthropic })
			id, key := made(t, k, `{}`)
			ctx, leave := context.WithCancel(bounded(t))
			resp, err := http.DefaultClient.Do(r.request(ctx, "POST", messagesPath, `{"model":"claude-sonnet-4-5","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"x"}]}`, bearerOf(key)...))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.ReadFull(resp.Body, make([]byte, len(c.said))); err != nil {
				t.Fatal(err)
			}
			step <- struct{}{}
			if _, err := io.ReadFull(resp.Body, make([]byte, len(": so far\n\n"))); err != nil { // which comes when the events were counted
				t.Fatal(err)
			}
			leave()
			rec := r.logged(1)
			if rec.Prompt != 100 || rec.Completion != c.output || rec.Estimated != c.guessed || rec.Error != "client_left" {
				t.Errorf("the log has %d and %d tokens, estimated: %v, %q", rec.Prompt, rec.Completion, rec.Estimated, rec.Error)
			}
			if tokens, _ := spentBy(t, k, id); int64(tokens) != 100+c.output {
				t.Errorf("%d tokens were charged", tokens)
			}
		})
	}
}

// TestTranslatedStreamWithoutUsage holds that a stream costs what it comes to whose provider says no usage, though the client's form has
// one at its beginning and its end.
func TestTranslatedStreamWithoutUsage(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("one two three"), withKeys(t, &k), withOwnKey, withLog(t), asOpenAI)
	id, key := made(t, k, `{}`)
	got := r.do("POST", messagesPath, `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"eight by"}]}`, bearerOf(key)...)
	if !strings.HasSuffix(got.body, "data: {\"type\":\"message_stop\"}\n\n") {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	rec := r.logged(1)
	if rec.Prompt != 2 || rec.Completion == 0 || !rec.Estimated {
		t.Errorf("the log has %d and %d tokens, estimated: %v", rec.Prompt, rec.Completion, rec.Estimated)
	}
	if tokens, _ := spentBy(t, k, id); int64(tokens) != rec.Prompt+rec.Completion {
		t.Errorf("the log has %d and %d tokens, the key %d", rec.Prompt, rec.Completion, tokens)
	}
}

// purse is a virtual key that notes what was used.
type purse struct {
	turns
	tokens int
}

func (p *purse) Used(_ string, tokens int, _ float64) { p.tokens += tokens }

// TestLeftUnderBackpressure holds that a stream is paid for whose clients leave while the provider waits for them to read on.
func TestLeftUnderBackpressure(t *testing.T) {
	p := &purse{}
	s := newRig(t, noProvider, func(c *Config) { c.VirtualKeys = p }).s
	f := newFlight(t.Context(), flightKey{}, 1<<10)
	l := f.join()
	events := chunk(`"choices":[{"index":0,"delta":{"content":"a word "}}]`)
	a := &answer{status: 200, header: http.Header{"Content-Type": {"text/event-stream"}}, body: io.NopCloser(strings.NewReader(strings.Repeat(events, 1000))), ctx: f.ctx, limit: time.Hour}
	a.idle = time.AfterFunc(time.Hour, func() {})
	over := make(chan struct{})
	go func() {
		defer close(over)
		(&runner{s: s, f: f, call: &call{model: "m"}, dialect: wire.Chat}).receive(a, via{provider: "main", virtual: "team"})
	}()
	if _, err := l.waitHead(newStopper(nil, time.Time{})); err != nil {
		t.Fatal(err)
	}
	for { // until it waits for the client
		f.mu.Lock()
		full, wake := int64(len(f.buf)) > f.limit, f.wake
		f.mu.Unlock()
		if full {
			break
		}
		recv(t, wake, "the stream")
	}
	l.leave()
	recv(t, over, "the end of the call")
	if want := len(*receiveBuffers.Get().(*[]byte)) / len(events); p.tokens < want || p.tokens > want+1 { // the last is cut
		t.Errorf("%d tokens were charged, want %d", p.tokens, want)
	}
	if f.end == nil || errors.Is(f.end, io.EOF) {
		t.Errorf("the flight ended with %v", f.end)
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

// TestEventStreamTypes holds that a stream is one whatever parameters its type has.
func TestEventStreamTypes(t *testing.T) {
	for _, kind := range []string{"text/event-stream", "text/event-stream; charset=utf-8", "text/event-stream;charset", "Text/Event-Stream ; a=b; a=b", "text/event-stream;"} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, streamOf("an answer"))
		})
		if got := r.ask("x", `"stream":true`); got.StatusCode != 200 || got.body != streamOf("an answer") {
			t.Errorf("%s: %d %s", kind, got.StatusCode, got.body)
		}
		r.flush()
		if got := r.ask("x", ""); got.cache() != "HIT" {
			t.Errorf("%s: %s", kind, got.cache())
		}
	}
	for _, kind := range []string{"", "application/json", "text/event-streams", ";text/event-stream", "text/plain; text/event-stream"} {
		if isEventStream(http.Header{"Content-Type": {kind}}) {
			t.Errorf("%q is an event stream", kind)
		}
	}
}

// TestChecksOfStreamsArePaidFor holds that the gateway's own calls have a record where their answers, streams as the clients', say no usage.
func TestChecksOfStreamsArePaidFor(t *testing.T) {
	var k *Keys
	r := newRig(t, priced("gpt-4o-mini", 1000, 0, 100), withLog(t), asOpenAI, withKeys(t, &k), withOwnKey, withCacheOptions(t, cache.Options{
		Embedder: &words{}, Threshold: 0.8, MaxError: 1, ReadAnswer: ReadAnswer, Shadow: cache.ShadowOptions{Rate: 1, PerMinute: 100}}))
	_, first := made(t, k, `{}`)
	id, key := made(t, k, `{}`)
	r.ask("how do I reset the old phone", "", bearerOf(first)...)
	r.flush()
	if hit := r.ask("how do I reset the phone", `"stream":true`, bearerOf(key)...); hit.cache() != "SEMANTIC HIT" {
		t.Fatalf("%d %s", hit.StatusCode, hit.cache())
	}
	if err := r.s.cfg.Cache.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.wantCalls(2)
	rec := r.last()
	if !rec.Check || !rec.Estimated || rec.Cost == nil || rec.Prompt != 6 || rec.Completion == 0 { // of 24 bytes
		t.Errorf("%+v", rec)
	}
	if tokens, _ := spentBy(t, k, id); int64(tokens) != rec.Prompt+rec.Completion {
		t.Errorf("the log has %d and %d tokens, the key %d", rec.Prompt, rec.Completion, tokens)
	}
}
