package proxy

import (
	"testing"
	"time"

	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// TestLargeStreamIsNotPutTogether holds that of a stream which is too large to be stored nothing is kept but what a client has yet to
// read, however long it goes on.
func TestLargeStreamIsNotPutTogether(t *testing.T) {
	piece := []byte(chunk(`"choices":[{"index":0,"delta":{"content":"a word "}}]`))
	f := newFlight(t.Context(), flightKey{}, 3*len(piece))
	l, stop, buf := f.join(), newStopper(nil, time.Time{}), make([]byte, len(piece))
	r := &runner{f: f, dialect: wire.Chat}
	rec := recorder{dialect: wire.Chat, ending: wire.Ending{Dialect: wire.Chat}, on: true, agg: wire.Chat.NewAggregator(), meter: &wire.Meter{Dialect: wire.Chat}}
	for i := range 8 {
		if done, err := r.take(&head{status: 200, stream: true}, &rec, piece); done || err != nil {
			t.Fatal(done, err)
		}
		if n, err := l.read(buf, stop); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
		if i < 3 && rec.agg == nil || i > 3 && rec.agg != nil {
			t.Errorf("after %d pieces of a limit of 3: put together: %v", i+1, rec.agg != nil)
		}
	}
	if rec.meter.Events != 8 {
		t.Errorf("%d events were counted, want 8", rec.meter.Events)
	}
}
