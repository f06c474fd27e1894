package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/prices"
	"github.com/reprise-cache/reprise/proxy/internal/sse"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// runner makes the call of a flight.
type runner struct {
	s       *Server
	f       *flight
	call    *call
	dialect *wire.Dialect         // nil: passed through
	lookup  *cache.Lookup         // to be filled; nil: not cached
	split   func([]byte) []stored // what a whole body holds to be stored, in place of lookup; nil: one answer
	again   func() *cache.Lookup  // the look-up before the call; nil: none
	trace   string

	queued bool // the filler settles the flight

	began time.Time // of the provider's work
	cost  float64   // of the answer, in US dollars; 0: not known
}

// start runs r. Shutdown waits for it.
func (s *Server) start(r *runner) {
	s.running.add()
	go r.run()
}

func (r *runner) run() {
	defer r.s.running.done()
	defer func() {
		if !r.queued {
			r.s.flights.settle(r.f)
		}
	}()
	defer r.f.cancel(context.Canceled)
	defer func() {
		if v := recover(); v != nil {
			r.s.cfg.Logger.Error("panic", "trace", r.trace, "value", fmt.Sprint(v), "stack", string(debug.Stack()))
			r.f.finish(errPanic)
		}
	}()
	if r.again != nil {
		if l := r.again(); l.Status.Hit() {
			r.f.setHead(&head{hit: l})
			r.f.finish(io.EOF)
			return
		}
	}
	ctx, stop := context.WithTimeoutCause(r.f.ctx, r.s.upstream.total, errTotal)
	defer stop()
	r.began = time.Now()
	a, v, err := r.s.answerCall(ctx, r.call)
	if err != nil {
		r.f.finish(err)
		return
	}
	defer a.Close()
	r.receive(a, v)
}

var receiveBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// receive takes the answer in, and has it stored if it is one.
func (r *runner) receive(a *answer, v via) {
	h := &head{via: v, status: a.status, header: a.header, length: a.length, stream: isEventStream(a.header)}
	rec := recorder{dialect: r.dialect, ending: wire.Ending{Dialect: r.dialect}, dec: sse.Decoder{MaxBytes: r.s.cfg.MaxAnswerBytes}}
	if r.dialect != nil {
		rec.meter = &wire.Meter{Dialect: r.dialect}
	}
	if r.dialect != nil && h.stream && isPlain(h.header) {
		rec.on = true
		if t, ok := a.body.(*translatedStream); ok {
			rec.aside, rec.meter.Beside = t.stream.Usage, true
		}
		if r.storable(h) {
			rec.agg = r.dialect.NewAggregator()
		}
	}
	r.f.setHead(h)

	buf := receiveBuffers.Get().(*[]byte)
	defer receiveBuffers.Put(buf)
	for {
		n, err := a.Read(*buf)
		if n > 0 {
			done, werr := r.take(h, &rec, (*buf)[:n])
			if werr != nil { // all clients left while the provider was ahead of them
				r.ended(h, &rec, werr)
				return
			}
			if done {
				r.f.finish(io.EOF)
				r.storeStream(&rec)
				a.drain()
				return
			}
		}
		if err != nil {
			r.ended(h, &rec, err)
			return
		}
	}
}

// take hands the next bytes to the clients first, and then to the recorder. Where they may be the last of a stream it is
// the other way round, so that the flight is over by the time a client can see that it is: what that client asks next
// must find the answer stored, or about to be.
func (r *runner) take(h *head, rec *recorder, p []byte) (done bool, err error) {
	if rec.agg != nil {
		if _, all := r.f.body(); !all { // it will not be stored, and a stream may go on for as long as the call may
			rec.agg = nil
		}
	}
	if rec.on && rec.ending.Near(p) {
		rec.feed(p)
		r.f.measured(rec.meter)
		if rec.done {
			r.bill(h, rec, nil)
			r.f.writeLast(p)
			return true, nil
		}
		return false, r.f.write(p)
	}
	err = r.f.write(p)
	if rec.on {
		rec.feed(p) // the last event is not among what it finds
		r.f.measured(rec.meter)
	}
	return false, err
}

// ended deals with the end of the provider's response, err being why: io.EOF, what broke it, or why it was given up.
func (r *runner) ended(h *head, rec *recorder, err error) {
	if rec.on {
		rec.flush()
		r.f.measured(rec.meter)
		if rec.done { // whatever broke after the last word does not matter
			err = io.EOF
		}
		r.bill(h, rec, nil)
		r.f.finish(err)
		if rec.done {
			r.storeStream(rec)
		}
		return
	}
	body, all := r.f.body()
	if err == io.EOF && r.dialect != nil && h.status == http.StatusOK && isPlain(h.header) && !h.stream && all && !isJSON(body) {
		err = errGarbage
	}
	if h.stream || err != io.EOF {
		r.bill(h, rec, nil)
	} else {
		r.bill(h, rec, body)
	}
	r.f.finish(err)
	switch {
	case err != io.EOF || h.stream || !all:
	case r.split != nil && h.status == http.StatusOK && isPlain(h.header):
		if parts := r.split(body); len(parts) > 0 {
			r.store(parts...)
		}
	case r.storable(h) && r.dialect.Check(body) == nil:
		r.store(stored{lookup: r.lookup, body: body})
	}
}

// storable reports whether the answer may be stored, as far as its beginning tells.
func (r *runner) storable(h *head) bool {
	return r.dialect != nil && r.lookup != nil && r.lookup.Status != cache.Bypass && h.status == http.StatusOK && isPlain(h.header)
}

func (r *runner) storeStream(rec *recorder) {
	if _, all := r.f.body(); rec.agg == nil || !all {
		return
	}
	if body, err := rec.agg.Finish(); err == nil {
		r.store(stored{lookup: r.lookup, body: r.dialect.KeepUsagePlace(body)})
	}
}

// bill charges for what came, before a client can see that it is over: the next request must find it counted. body is that of
// a whole answer; of a stream, and of what broke, the meter tells.
func (r *runner) bill(h *head, rec *recorder, body []byte) {
	if r.dialect == nil || h.status != http.StatusOK {
		return
	}
	var t prices.Tokens
	var model string
	if body != nil {
		t, model = taken(r.dialect, body, r.call.estimate)
	} else {
		t, model = streamed(rec.meter, r.call.estimate), rec.meter.Model
	}
	if p := r.s.price(h.via, model, r.call.model); p != nil {
		r.cost = p.Cost(t).Dollars()
	}
	r.s.charge(r.call, h.via, t, model)
}

func (r *runner) store(parts ...stored) {
	r.queued = true
	for i := range parts {
		parts[i].cost, parts[i].took = r.cost/float64(len(parts)), time.Since(r.began)
	}
	r.s.filler.offer(&fill{parts: parts, flight: r.f, trace: r.trace})
}

// recorder follows an event stream: where it ends, and what it says.
type recorder struct {
	dialect *wire.Dialect
	on      bool
	dec     sse.Decoder
	agg     wire.Aggregator // nil: not stored, or given up
	ending  wire.Ending
	done    bool          // the last event was there
	meter   *wire.Meter   // nil: no dialect has a say
	aside   func() []byte // what a translated stream's provider said of its cost; nil: it is as it came
}

func (rec *recorder) feed(p []byte) {
	if rec.on && rec.dec.Feed(p, rec.event) != nil {
		rec.on, rec.agg = false, nil
	}
	if rec.aside != nil {
		if u := rec.aside(); u != nil {
			rec.meter.AddUsage(u)
		}
	}
}

func (rec *recorder) flush() {
	if rec.dec.Flush(rec.event) != nil {
		rec.agg = nil
	}
}

func (rec *recorder) event(e sse.Event) error {
	if rec.done {
		return nil
	}
	if rec.meter != nil {
		rec.meter.Add(e.Data)
	}
	if rec.agg != nil && (e.Name == "error" || rec.agg.Add(e.Data) != nil) {
		rec.agg = nil
	}
	rec.done = rec.dialect.Last(e.Data)
	return nil
}

// isEventStream looks at the type alone: some providers write parameters after it that cannot be parsed.
func isEventStream(h http.Header) bool {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(t), "text/event-stream")
}

func isPlain(h http.Header) bool {
	enc := h.Get("Content-Encoding")
	return enc == "" || strings.EqualFold(enc, "identity")
}

// isJSON is lenient: what a client may still be able to read is not for the gateway to keep from it.
func isJSON(body []byte) bool {
	return jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}
