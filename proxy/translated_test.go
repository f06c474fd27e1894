package proxy

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reprise-cache/reprise/proxy/internal/translate"
)

// TestTranslatedStreamIsDrainedBriefly: a provider that leaves its connection open after the last event holds nobody up for as long as
// one that stalls in the middle may, translated or not.
func TestTranslatedStreamIsDrainedBriefly(t *testing.T) {
	for _, translated := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			events, provider := io.Pipe()
			ctx, cancel := context.WithCancelCause(t.Context())
			context.AfterFunc(ctx, func() { events.CloseWithError(context.Cause(ctx)) })
			a := &answer{status: 200, header: http.Header{"Content-Type": {"text/event-stream"}}, length: -1, body: events, ctx: ctx, cancel: cancel, limit: time.Hour}
			a.idle = time.AfterFunc(a.limit, func() { cancel(errIdle) })
			defer a.Close()
			if translated {
				var err error
				s := &Server{cfg: Config{MaxAnswerBytes: 1 << 20}}
				if a, err = s.translated(a, translate.New(translate.OpenAI, translate.Anthropic, false, time.Now())); err != nil {
					t.Fatal(err)
				}
			}
			go io.WriteString(provider, "data: {\"type\":\"message_start\",\"message\":{}}\n\n"+
				"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n")
			if n, err := a.Read(make([]byte, 8<<10)); n == 0 || err != nil {
				t.Fatalf("%d bytes: %v", n, err)
			}
			began := time.Now()
			a.drain()
			if took := time.Since(began); took != time.Second {
				t.Errorf("translated %v: %v", translated, took)
			}
		})
	}
}
