package proxy

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// flightKey is what calls must have in common to be one. The exact key covers all that may change the answer. Beside it
// stand how the answer is delivered, because a provider is asked for it in the words of the first client only, whose
// credential pays: with ShareAcrossKeys two callers may share an answer, but the one must not see the other's 401; and how the
// call is made, for what fails in the one way of going on need not in another: see exchange.conduct.
type flightKey struct {
	exact        cache.Digest
	credential   cache.Digest
	conduct      cache.Digest
	stream       bool
	includeUsage bool
	refresh      bool // nobody joins: the flight is known only for what it is about to overwrite
	part         bool // nobody joins: the flight is known only for an answer that it brings, by itself or among others
}

// head is the beginning of what a flight delivers. It is not written to once it is there.
type head struct {
	status int
	header http.Header
	length int64         // of the body; -1: not known
	stream bool          // the body is an event stream
	via    via           // who delivers
	hit    *cache.Lookup // the flight found the answer in the cache after all; there is no body
}

// flight is one call to a provider and the clients that listen to it. Its body lies in a buffer that each of them reads
// from the beginning, at its own pace, while the call goes on. When the body outgrows the limit, nobody may join any
// more, what all have read is let go, and the slowest sets the pace of the call; a client that makes no progress at all
// is dropped by the write timeout.
//
// A flight lives from its first listener on until its last has left or, if its answer is to be stored, until it is:
// between the end of the call and the write a new client finds the answer here.
type flight struct {
	key    flightKey
	parts  []flightKey // under which it is known as well, each with part set
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  int64

	settled chan struct{} // closed once the answer is stored, or will not be

	filled []*cache.Lookup // to which an answer was stored; the filler's until it settles the flight

	mu        sync.Mutex // guards all below; taken after flights.mu
	wake      chan struct{}
	head      *head
	buf       []byte // the body from offset off on
	off       int64
	end       error // io.EOF: the body is whole; nil: not yet
	listeners map[*listener]struct{}
	followers map[*listener][]*cache.Lookup // what they asked who share another's call and did not leave before its end
	meter     wire.Meter                    // what a stream says that it costs, so far
	left      bool                          // the last listener left before the end
	shut      bool                          // nobody may join
}

// listener is one client's place in a flight. Its methods are for one goroutine at a time.
type listener struct {
	f   *flight
	pos int64 // guarded by f.mu
}

func newFlight(ctx context.Context, key flightKey, limit int) *flight {
	f := &flight{key: key, limit: int64(limit), settled: make(chan struct{}), wake: make(chan struct{}), listeners: map[*listener]struct{}{}}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	return f
}

// join adds a listener; nil if it is too late.
func (f *flight) join() *listener {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left || f.shut || f.end != nil && f.end != io.EOF {
		return nil
	}
	l := &listener{f: f}
	f.listeners[l] = struct{}{}
	return l
}

// changed wakes all who wait. Callers hold f.mu.
func (f *flight) changed() {
	close(f.wake)
	f.wake = make(chan struct{})
}

func (f *flight) setHead(h *head) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head = h
	f.changed()
}

// writeLast appends the last bytes of the body and ends the flight in one step, so that a client which has seen the end
// never finds the flight still open.
func (f *flight) writeLast(p []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buf = append(f.buf, p...)
	if f.end == nil {
		f.end = io.EOF
	}
	f.changed()
}

// write appends to the body, and waits while the slowest listener is more than the limit behind. Its error is why the
// flight was given up.
func (f *flight) write(p []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buf = append(f.buf, p...)
	if f.off+int64(len(f.buf)) > f.limit {
		f.shut = true
	}
	f.changed()
	for {
		f.trim()
		if int64(len(f.buf)) <= f.limit {
			return nil
		}
		wake := f.wake
		f.mu.Unlock()
		select {
		case <-wake:
		case <-f.ctx.Done():
		}
		f.mu.Lock()
		if err := f.ctx.Err(); err != nil {
			return context.Cause(f.ctx)
		}
	}
}

// trim lets go of what every listener has read, once nobody new may want it. Callers hold f.mu.
func (f *flight) trim() {
	if !f.shut || len(f.listeners) == 0 {
		return
	}
	least := f.off + int64(len(f.buf))
	for l := range f.listeners {
		least = min(least, l.pos)
	}
	// Moving the rest down costs its length, so it must be worth it.
	if n := least - f.off; n >= int64(len(f.buf)+1)/2 && n > 0 {
		f.buf = append(f.buf[:0:0], f.buf[n:]...)
		f.off = least
	}
}

// finish ends the flight: io.EOF if its body is whole. Only the first call counts.
func (f *flight) finish(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end == nil {
		f.end = err
		f.changed()
	}
}

// measured notes what a stream has said of its cost.
func (f *flight) measured(m *wire.Meter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m != nil {
		f.meter = *m
	}
}

// body returns all that was written, which must not be written to; false if it outgrew the limit.
func (f *flight) body() ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.buf, !f.shut
}

// waitHead returns the head, or why there is none: the flight's error, or stop's when it fires first.
func (l *listener) waitHead(stop *stopper) (*head, error) {
	f := l.f
	for {
		f.mu.Lock()
		h, end, wake := f.head, f.end, f.wake
		f.mu.Unlock()
		switch {
		case h != nil:
			return h, nil
		case end != nil:
			return nil, end
		}
		if err := stop.wait(wake); err != nil {
			return nil, err
		}
	}
}

// waitWhole returns the whole body, which must not be written to; ok is false if it outgrew the limit and has to be read
// bit by bit.
func (l *listener) waitWhole(stop *stopper) (body []byte, ok bool, err error) {
	f := l.f
	for {
		f.mu.Lock()
		shut, end, wake, buf := f.shut, f.end, f.wake, f.buf
		f.mu.Unlock()
		switch {
		case end != nil && end != io.EOF:
			return nil, false, end
		case shut:
			return nil, false, nil
		case end == io.EOF:
			return buf, true, nil
		}
		if err := stop.wait(wake); err != nil {
			return nil, false, err
		}
	}
}

// read copies the next bytes of the body, as soon as there are any. io.EOF: it has read all of a whole body.
func (l *listener) read(p []byte, stop *stopper) (int, error) {
	f := l.f
	for {
		f.mu.Lock()
		n := copy(p, f.buf[l.pos-f.off:])
		l.pos += int64(n)
		if n > 0 && f.shut {
			f.trim()
			f.changed() // the writer may be waiting for room
		}
		end, wake := f.end, f.wake
		f.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if end != nil {
			return 0, end
		}
		if err := stop.wait(wake); err != nil {
			return 0, err
		}
	}
}

// meter is what the stream has said of its cost so far.
func (l *listener) meter() *wire.Meter {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	m := l.f.meter
	return &m
}

// leave takes the listener out. When it is the last one, and the flight still under way, the call is given up.
func (l *listener) leave() {
	f := l.f
	f.mu.Lock()
	delete(f.listeners, l)
	if f.end == nil {
		delete(f.followers, l)
	}
	last := len(f.listeners) == 0 && f.end == nil
	if last {
		f.left = true
	} else if f.shut {
		f.trim()
		f.changed()
	}
	f.mu.Unlock()
	if last {
		f.cancel(errAllLeft)
	}
}

// follow keeps what a client asked who shares the call.
func (l *listener) follow(asked []*cache.Lookup) {
	f := l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followers == nil {
		f.followers = map[*listener][]*cache.Lookup{}
	}
	f.followers[l] = asked
}

// tell has the cache know who was given what was stored, so that they may say what it was worth.
func (f *flight) tell() {
	f.mu.Lock()
	followers := f.followers
	f.followers = nil
	f.mu.Unlock()
	if len(followers) == 0 {
		return
	}
	filled := make(map[cache.Digest]*cache.Lookup, len(f.filled))
	for _, l := range f.filled {
		filled[l.Key()] = l
	}
	for _, asked := range followers {
		for _, l := range asked {
			if from := filled[l.Key()]; from != nil {
				l.FilledBy(from)
			}
		}
	}
}

// ended reports whether the flight ended well.
func (f *flight) ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end == io.EOF
}

// flights are those that a new client may join.
type flights struct {
	mu   sync.Mutex // guards open; taken before a flight's mu
	open map[flightKey]*flight

	refreshes atomic.Int64 // of those that are open, so that a hit need not take the lock to learn that there are none
}

// add makes a refresh known. Of two for one question the later one counts.
func (fs *flights) add(f *flight) {
	fs.refreshes.Add(1)
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.open[f.key] = f
}

// refreshed returns a flight that is over and whose answer is about to overwrite the one that the cache has for the
// question; nil if there is none.
func (fs *flights) refreshed(exact, credential cache.Digest) *flight {
	if fs.refreshes.Load() == 0 {
		return nil
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.open[flightKey{exact: exact, credential: credential, refresh: true}]; f != nil && f.ended() {
		return f
	}
	return nil
}

// join returns a listener of the flight with that key, on behalf of who asked that. If there is none, or it is past joining,
// it makes one with begin, in which case the caller must run it.
func (fs *flights) join(key flightKey, asked []*cache.Lookup, begin func() *flight) (l *listener, made bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.open[key]; f != nil {
		if l := f.join(); l != nil {
			l.follow(asked) // before the flight can be settled
			return l, false
		}
	}
	f := begin()
	fs.open[key] = f
	return f.join(), true
}

// ending returns a flight for the same question, in whatever form and way, that is over and whose answer is being stored; nil if
// there is none. Of those that are made in another way than key's, or the usual one, only the last to begin is known.
func (fs *flights) ending(key flightKey) *flight {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if key.conduct != (cache.Digest{}) {
		if f := fs.inAnyForm(key); f != nil {
			return f
		}
		key.conduct = cache.Digest{}
	}
	if f := fs.inAnyForm(key); f != nil {
		return f
	}
	if f := fs.open[flightKey{exact: key.exact, credential: key.credential, part: true}]; f != nil && f.ended() {
		return f
	}
	return nil
}

// inAnyForm returns a flight that is over, of that key but for the form of its answer. Callers hold fs.mu.
func (fs *flights) inAnyForm(key flightKey) *flight {
	for _, form := range [...]struct{ stream, usage bool }{{}, {stream: true}, {stream: true, usage: true}, {usage: true}} {
		key.stream, key.includeUsage = form.stream, form.usage
		if f := fs.open[key]; f != nil && f.ended() {
			return f
		}
	}
	return nil
}

// bring makes a flight known for each of the answers that it brings.
func (fs *flights) bring(f *flight, exact []cache.Digest, credential cache.Digest) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, k := range exact {
		key := flightKey{exact: k, credential: credential, part: true}
		f.parts = append(f.parts, key)
		fs.open[key] = f
	}
}

// bringing returns a flight that is over and one of whose answers, to that question, is being stored; nil if there is
// none.
func (fs *flights) bringing(exact, credential cache.Digest) *flight {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.open[flightKey{exact: exact, credential: credential, part: true}]; f != nil && f.ended() {
		return f
	}
	return nil
}

// settle makes sure that nobody joins f any more, and lets those go on who wait for its answer to be stored. It is
// called once.
func (fs *flights) settle(f *flight) {
	fs.mu.Lock()
	if fs.open[f.key] == f {
		delete(fs.open, f.key)
	}
	for _, k := range f.parts {
		if fs.open[k] == f {
			delete(fs.open, k)
		}
	}
	fs.mu.Unlock()
	if f.key.refresh {
		fs.refreshes.Add(-1)
	}
	f.tell()
	close(f.settled)
}
