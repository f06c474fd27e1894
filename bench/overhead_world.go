package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy"
)

// overheadWorld is a provider that answers at once and the proxy before it, on
// loopback, with a cache that knows none of the questions.
type overheadWorld struct {
	proxyWorld
	rand  *rand.Rand
	asked int
	hold  *meeting
}

// meeting is where streams wait for each other.
type meeting struct {
	mu      sync.Mutex // guards missing
	missing int
	all     chan struct{} // closed when nobody is missing
}

func (m *meeting) arrive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missing--; m.missing == 0 {
		close(m.all)
	}
}

// meetTime is the longest that a stream waits for the others.
const meetTime = time.Minute

func newOverheadWorld(streams int) (_ *overheadWorld, err error) {
	w := &overheadWorld{rand: rand.New(rand.NewPCG(6, 6)), hold: &meeting{missing: streams, all: make(chan struct{})}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if _, err := w.start(w.answer, cache.Options{}, proxy.Provider{Name: "dead", BaseURL: "http://127.0.0.1:1/v1", APIKey: "bench"}); err != nil {
		return nil, err
	}
	return w, nil
}

// What new questions are made of: forms and things far enough apart that few of
// them have a stored one near.
var (
	newForms = []string{
		"How is %s made from %s?", "Why does %s fear %s more than %s?", "Which laws of physics let %s carry %s?", "Write a haiku about %s and %s.",
		"Translate %q into French, then %q into Latin.", "List five prices of %s in the year of the first %s.", "Who sold %s to the keeper of %s?",
		"When did %s replace %s in hospitals?", "Sort these by weight: %s, %s, %s.", "Is it rude to bring %s to a wedding with %s?",
		"Convert the recipe for %s so that it needs no %s.", "Summarise the plot of a film in which %s steals %s.",
	}
	newThings = strings.Fields("glass honey iron wolves silk thunder maps violins bread opals trams salt owls rope comets tulips ink chess ferries wool " +
		"lemons clocks tar pianos moss harbours crows paper amber kites cellos cinnamon ravens bridges snow candles goats marble ships wheat lanterns " +
		"oysters velvet drums saffron geese copper rain tents pepper horses coal mirrors barley foxes chalk bells oranges quilts storks")
)

// question is one that was never asked.
func (w *overheadWorld) question() string {
	w.asked++
	form := newForms[w.rand.IntN(len(newForms))]
	words := make([]any, strings.Count(form, "%"))
	for i := range words {
		words[i] = newThings[w.rand.IntN(len(newThings))]
	}
	words[0] = fmt.Sprint(words[0], " of lot ", w.asked) // so that no two are equal
	return fmt.Sprintf(form, words...)
}

// overheadRequest is the wire form of a question.
func overheadRequest(host, question string, stream bool, header []string) []byte {
	body, err := json.Marshal(map[string]any{
		"model": "bench", "stream": stream, "messages": []map[string]string{{"role": "user", "content": question}},
	})
	if err != nil { // strings always marshal
		panic(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAuthorization: Bearer bench\r\nContent-Length: %d\r\n", host, len(body))
	for _, h := range header {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// together is in the question of a stream that waits for the others.
const together = "all together"

// answer is the provider.
func (w *overheadWorld) answer(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		r.Body = io.NopCloser(bytes.NewReader(body))
		answerChat(rw, r)
		return
	}
	rw.Header().Set("Content-Type", "text/event-stream")
	event := func(choice string) {
		fmt.Fprintf(rw, `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[%s]}`+"\n\n", choice)
		_ = http.NewResponseController(rw).Flush() // a client that left is no concern here
	}
	event(`{"index":0,"delta":{"role":"assistant","content":"You asked"},"finish_reason":null}`)
	if bytes.Contains(body, []byte(together)) {
		w.hold.arrive()
		select {
		case <-w.hold.all:
		case <-r.Context().Done():
			return
		case <-time.After(meetTime):
			return // the stream is cut, and so counted
		}
	}
	event(`{"index":0,"delta":{"content":" a question."},"finish_reason":null}`)
	event(`{"index":0,"delta":{},"finish_reason":"stop"}`)
	io.WriteString(rw, streamEnd)
}

// streams opens n of them at once, each with a question of its own, and reports how
// long they took, how many failed and one of the reasons.
func (w *overheadWorld) streams(ctx context.Context, n int) (time.Duration, int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*meetTime)
	defer cancel()
	questions := make([]string, n)
	for i := range questions {
		questions[i] = strings.TrimSuffix(w.question(), "?") + ", " + together + "?"
	}
	var wg sync.WaitGroup
	failures := make(chan error, n)
	begin := time.Now()
	for _, q := range questions {
		wg.Go(func() {
			c, err := dialCaller(ctx, w.proxyAddr)
			if err != nil {
				failures <- err
				return
			}
			defer c.conn.Close()
			defer context.AfterFunc(ctx, func() { c.conn.Close() })()
			if _, err := c.ask(q, true, []string{"X-Portkey-Cache: semantic"}); err != nil {
				failures <- err
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	close(failures)
	failed, first := len(failures), error(nil)
	for err := range failures {
		first = err
		break
	}
	return took, failed, first
}
