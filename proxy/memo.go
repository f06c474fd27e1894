package proxy

import (
	"crypto/sha256"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

const (
	questionMemo      = 1024     // bodies whose question is remembered
	questionMemoBytes = 16 << 10 // longer ones are read anew: hashing them costs more than it saves memory
	placesMemo        = 8192
)

// questions remembers what was read from the bodies seen last, so that a repeated request, the one that the cache
// exists for, costs one hash of its body instead of reading it.
type questions struct {
	dialect *wire.Dialect
	seen    *lru.Cache[[sha256.Size]byte, *wire.Question]
}

func newQuestions(d *wire.Dialect) (*questions, error) {
	seen, err := lru.New[[sha256.Size]byte, *wire.Question](questionMemo)
	return &questions{d, seen}, err
}

// read returns the question in body. It is shared: read only.
func (m *questions) read(body []byte) (*wire.Question, error) {
	if len(body) > questionMemoBytes {
		return m.dialect.Read(body)
	}
	key := sha256.Sum256(body)
	if q, ok := m.seen.Get(key); ok {
		return q, nil
	}
	q, err := m.dialect.Read(body)
	if err == nil {
		m.seen.Add(key, q)
	}
	return q, err
}

// places remembers where the members lie that an answer from the cache gets anew.
type places struct {
	seen *lru.Cache[cache.ID, *layout]
}

// layout is what sending a stored body needs to know of it.
type layout struct {
	wire.Places
	cuts []cut // by their offset
	said int   // how long what it says is, where it does not say what it cost
}

// cut is a piece of a stored body that is replaced.
type cut struct {
	wire.Span
	what uint8
	name string // of a cutEcho's member
}

const (
	cutID uint8 = iota
	cutCreated
	cutCompleted
	cutUsage
	cutNoUsage
	cutEcho
)

func newPlaces() (*places, error) {
	seen, err := lru.New[cache.ID, *layout](placesMemo)
	return &places{seen}, err
}

// of returns the layout of an entry's body. Ids are never used twice in a file, so it cannot be that of another body.
func (m *places) of(d *wire.Dialect, e *cache.Entry) (*layout, error) {
	if l, ok := m.seen.Get(e.ID); ok {
		return l, nil
	}
	p, err := d.Locate(e.Value.Body)
	if err != nil {
		return nil, err
	}
	l := newLayout(p)
	if !p.Cost.Known {
		l.said = said(e.Value.Body)
	}
	m.seen.Add(e.ID, l)
	return l, nil
}

func newLayout(p wire.Places) *layout {
	l := &layout{Places: p}
	for what, span := range []wire.Span{cutID: p.ID, cutCreated: p.Created, cutCompleted: p.Completed, cutUsage: p.Usage, cutNoUsage: p.NoUsage} {
		if span.End > 0 {
			l.cuts = append(l.cuts, cut{span, uint8(what), ""})
		}
	}
	for _, e := range p.Echoes {
		l.cuts = append(l.cuts, cut{e.Span, cutEcho, e.Name})
	}
	slices.SortFunc(l.cuts, func(a, b cut) int { return a.Start - b.Start })
	return l
}
