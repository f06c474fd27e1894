package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"go.etcd.io/bbolt"
)

var (
	bucketLearned = []byte("learned")
	bucketTraces  = []byte("traces")
)

// TraitKind says what a trait is about; it is the first byte of its key.
type TraitKind byte

const (
	EntryTrait     TraitKind = 'e' // of a question, by its exact key: it outlives the entry, whose id changes with each fill
	PartitionTrait TraitKind = 'p'
)

// Trait is what was learnt of a question or of a partition.
type Trait struct {
	Kind    TraitKind
	Key     [32]byte
	At      int64    // Unix nanoseconds as of which Shift, Certain and Sources hold; they decay from there
	Shift   float64  // natural parameters of the evidence: precision times mean …
	Certain float64  // … and precision
	Bad     float64  // verdicts against it; they do not decay
	Verdict uint8    // the operator's: 0 none, 1 right, 2 wrong
	Shun    [16]byte // digest of an answer that must not be served on from here; zero: none
	Sources []Source
}

// Source is how much weight one caller has had.
type Source struct {
	ID     uint64
	Weight float32
}

// Checks are hits, and what the checks of some of them have found.
type Checks struct {
	Sum      float64 // of the checks' weights
	Square   float64 // of their squares
	Wrong    float64 // of the weights of those that were wrong
	WrongSq  float64 // of the squares of these
	Hits     float64 // semantic hits
	Reported float64 // of them, reported to be wrong
}

// Budget is the part of a rate that was served under budgets which are alike.
type Budget struct {
	Mean float64 // of the hits' budgets, above 0 and up to 1
	Checks
}

// Rate is what the checks of a namespace's hits have found.
type Rate struct {
	Namespace string
	At        int64 // Unix nanoseconds as of which the sums hold
	Checks          // of all hits
	Sources   []Source
	Budgets   []Budget // at most 255; hits that were served without a budget are in none
	Undivided bool     // read from a row that does not tell budgets apart
}

// Trace is what was answered under one trace id.
type Trace struct {
	Key      [16]byte // digest of the source and the trace id
	At       int64    // Unix nanoseconds
	Source   [32]byte
	Outcomes []Outcome
	Value    int8    // of the feedback
	Weight   float64 // of the feedback; negative: none was given
}

// Outcome is one answer of a trace, and what feedback on it has changed so far.
type Outcome struct {
	Kind        uint8 // the cache's status
	Entry       [32]byte
	Question    [32]byte
	Partition   [32]byte
	Namespace   string
	Budget      float64 // that it was served under; 0: none
	Probability float64
	Applied     [6]float64
}

// UnknownBudget is that of an outcome in a row that does not tell it.
const UnknownBudget = -1

// Learning is a set of rows to be written together.
type Learning struct {
	Traits  []Trait
	Rates   []Rate
	Traces  []Trace
	Forget  [][]byte // keys of bucket learned
	Expired [][16]byte
}

// Empty reports whether there is nothing to write.
func (l *Learning) Empty() bool {
	return len(l.Traits)+len(l.Rates)+len(l.Traces)+len(l.Forget)+len(l.Expired) == 0
}

// TraitKey is a trait's key in its bucket.
func TraitKey(kind TraitKind, key [32]byte) []byte { return append([]byte{byte(kind)}, key[:]...) }

// OfTrait takes apart what TraitKey made; ok is false for another row's key.
func OfTrait(row []byte) (kind TraitKind, key [32]byte, ok bool) {
	if len(row) != 1+len(key) || row[0] != byte(EntryTrait) && row[0] != byte(PartitionTrait) {
		return 0, key, false
	}
	copy(key[:], row[1:])
	return TraitKind(row[0]), key, true
}

const rateKind = 'n'

// RateKey is the key of a namespace's rate in its bucket.
func RateKey(namespace string) []byte { return append([]byte{rateKind}, namespace...) }

// Learn writes the rows that collect returns, in the commit that the writer is about to make anyway. collect is called once,
// on the writer goroutine, so that of two calls the later one cannot write older rows. If the commit fails, it was in vain.
func (s *Store) Learn(ctx context.Context, collect func() *Learning) error {
	var l *Learning
	return s.do(ctx, 0, func(tx *txn) (Change, error) {
		if l == nil { // or this is the second try, after another write of the batch failed
			l = collect()
		}
		learned, traces := tx.Bucket(bucketLearned), tx.Bucket(bucketTraces)
		var errs []error
		for i := range l.Traits {
			t := &l.Traits[i]
			key := TraitKey(t.Kind, t.Key)
			errs = append(errs, learned.Put(key, sealTrait(key, t)))
		}
		for i := range l.Rates {
			r := &l.Rates[i]
			key := RateKey(r.Namespace)
			errs = append(errs, learned.Put(key, sealRate(key, r)))
		}
		for i := range l.Traces {
			t := &l.Traces[i]
			errs = append(errs, traces.Put(t.Key[:], sealTrace(t)))
		}
		for _, key := range l.Forget {
			errs = append(errs, learned.Delete(key))
		}
		for _, key := range l.Expired {
			errs = append(errs, traces.Delete(key[:]))
		}
		return Change{}, errors.Join(errs...)
	})
}

// ScanLearned hands over all that was learnt. It is for opening: it holds one transaction throughout.
func (s *Store) ScanLearned(trait func(Trait), rate func(Rate), trace func(Trace)) error {
	return s.view(func(tx *bbolt.Tx) error {
		err := tx.Bucket(bucketLearned).ForEach(func(k, v []byte) error {
			t, r, err := openLearned(k, v)
			switch {
			case err != nil:
				return corrupt(bucketLearned, k, err)
			case t != nil:
				trait(*t)
			default:
				rate(*r)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketTraces).ForEach(func(k, v []byte) error {
			t, err := openTrace(k, v)
			if err != nil {
				return corrupt(bucketTraces, k, err)
			}
			trace(t)
			return nil
		})
	})
}

// openLearned reads a row of bucket learned, whichever kind it is.
func openLearned(key, value []byte) (*Trait, *Rate, error) {
	if len(key) == 0 {
		return nil, nil, errKeyForm
	}
	switch key[0] {
	case byte(EntryTrait), byte(PartitionTrait):
		t, err := openTrait(key, value)
		return &t, nil, err
	case rateKind:
		r, err := openRate(key, value)
		return nil, &r, err
	}
	return nil, nil, fmt.Errorf("unknown kind %q", key[0])
}

func appendFloats(b []byte, fs ...float64) []byte {
	for _, f := range fs {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(f))
	}
	return b
}

func appendSources(b []byte, sources []Source) []byte {
	b = append(b, byte(len(sources)))
	for _, s := range sources {
		b = binary.BigEndian.AppendUint64(b, s.ID)
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(s.Weight))
	}
	return b
}

// reader takes a payload apart. Its first failure stays, and everything after it is zero.
type reader struct {
	p   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && len(r.p) < n {
		r.err = errShort
	}
	if r.err != nil {
		return make([]byte, n)
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) byte() byte  { return r.take(1)[0] }
func (r *reader) time() int64 { return int64(binary.BigEndian.Uint64(r.take(8))) }

// float refuses what arithmetic could not have made, and would spread.
func (r *reader) float() float64 {
	f := math.Float64frombits(binary.BigEndian.Uint64(r.take(8)))
	if r.err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		r.err = errNotFinite
	}
	return f
}

func (r *reader) checks() (c Checks) {
	c = Checks{r.float(), r.float(), r.float(), r.float(), r.float(), r.float()}
	if r.err == nil && min(c.Sum, c.Square, c.Wrong, c.WrongSq, c.Hits, c.Reported) < 0 {
		r.err = errNotFinite
	}
	return c
}

func (r *reader) sources() []Source {
	n := int(r.byte())
	if r.err != nil || n == 0 {
		return nil
	}
	out := make([]Source, n)
	for i := range out {
		out[i].ID = binary.BigEndian.Uint64(r.take(8))
		w := math.Float32frombits(binary.BigEndian.Uint32(r.take(4)))
		if r.err == nil && !(w >= 0 && w <= math.MaxFloat32) {
			r.err = errNotFinite
		}
		out[i].Weight = w
	}
	return out
}

func (r *reader) end() error {
	if r.err == nil && len(r.p) > 0 {
		return errors.New("record is too long")
	}
	return r.err
}

var errNotFinite = errors.New("record holds a number that cannot be")

func sealTrait(key []byte, t *Trait) []byte {
	return seal(tagLearned, key, 64+12*len(t.Sources), func(b []byte) []byte {
		b = binary.BigEndian.AppendUint64(b, uint64(t.At))
		b = appendFloats(b, t.Shift, t.Certain, t.Bad)
		b = append(b, t.Verdict)
		b = append(b, t.Shun[:]...)
		return appendSources(b, t.Sources)
	})
}

func openTrait(key, value []byte) (t Trait, err error) {
	if len(key) != 33 {
		return t, errKeyForm
	}
	p, err := unseal(tagLearned, key, value)
	if err != nil {
		return t, err
	}
	r := reader{p: p}
	t.Kind = TraitKind(key[0])
	copy(t.Key[:], key[1:])
	t.At, t.Shift, t.Certain, t.Bad, t.Verdict = r.time(), r.float(), r.float(), r.float(), r.byte()
	copy(t.Shun[:], r.take(16))
	t.Sources = r.sources()
	if r.err == nil && (t.Certain < 0 || t.Bad < 0 || t.Verdict > 2) {
		return t, errNotFinite
	}
	return t, r.end()
}

func sealRate(key []byte, t *Rate) []byte {
	return seal(tagLearned, key, 64+12*len(t.Sources)+56*len(t.Budgets), func(b []byte) []byte {
		b = binary.BigEndian.AppendUint64(b, uint64(t.At))
		b = appendSources(appendChecks(b, &t.Checks), t.Sources)
		if t.Undivided {
			return b
		}
		b = append(b, byte(len(t.Budgets)))
		for i := range t.Budgets {
			b = appendChecks(appendFloats(b, t.Budgets[i].Mean), &t.Budgets[i].Checks)
		}
		return b
	})
}

func appendChecks(b []byte, c *Checks) []byte {
	return appendFloats(b, c.Sum, c.Square, c.Wrong, c.WrongSq, c.Hits, c.Reported)
}

func openRate(key, value []byte) (t Rate, err error) {
	p, err := unseal(tagLearned, key, value)
	if err != nil {
		return t, err
	}
	r := reader{p: p}
	t.Namespace = string(key[1:])
	t.At, t.Checks, t.Sources = r.time(), r.checks(), r.sources()
	if t.Undivided = r.err == nil && len(r.p) == 0; t.Undivided {
		return t, nil
	}
	for range r.byte() {
		b := Budget{r.float(), r.checks()}
		if r.err == nil && !(b.Mean > 0 && b.Mean <= 1) {
			r.err = errNotFinite
		}
		if r.err != nil {
			break
		}
		t.Budgets = append(t.Budgets, b)
	}
	return t, r.end()
}

func sealTrace(t *Trace) []byte {
	return seal(tagTrace, t.Key[:], 64+200*len(t.Outcomes), func(b []byte) []byte {
		b = binary.BigEndian.AppendUint64(b, uint64(t.At))
		b = append(b, t.Source[:]...)
		b = append(b, byte(t.Value))
		b = appendFloats(b, t.Weight)
		b = append(b, byte(len(t.Outcomes)))
		for i := range t.Outcomes {
			o := &t.Outcomes[i]
			b = append(b, o.Kind)
			b = append(b, o.Entry[:]...)
			b = append(b, o.Question[:]...)
			b = append(b, o.Partition[:]...)
			b = appendFloats(b, o.Probability)
			b = appendFloats(b, o.Applied[:]...)
			b = append(b, byte(len(o.Namespace)))
			b = append(b, o.Namespace...)
		}
		for i := range t.Outcomes {
			b = appendFloats(b, t.Outcomes[i].Budget)
		}
		return b
	})
}

func openTrace(key, value []byte) (t Trace, err error) {
	if len(key) != 16 {
		return t, errKeyForm
	}
	p, err := unseal(tagTrace, key, value)
	if err != nil {
		return t, err
	}
	r := reader{p: p}
	copy(t.Key[:], key)
	t.At = r.time()
	copy(t.Source[:], r.take(32))
	t.Value, t.Weight = int8(r.byte()), r.float()
	for range r.byte() {
		var o Outcome
		o.Kind = r.byte()
		copy(o.Entry[:], r.take(32))
		copy(o.Question[:], r.take(32))
		copy(o.Partition[:], r.take(32))
		o.Probability = r.float()
		for i := range o.Applied {
			o.Applied[i] = r.float()
		}
		o.Namespace = string(r.take(int(r.byte())))
		if r.err != nil {
			return t, r.err
		}
		t.Outcomes = append(t.Outcomes, o)
	}
	known := len(r.p) > 0 // else it was written before there were any
	for i := range t.Outcomes {
		o := &t.Outcomes[i]
		if o.Budget = UnknownBudget; known {
			if o.Budget = r.float(); r.err == nil && !(o.Budget >= 0 && o.Budget <= 1) {
				r.err = errNotFinite
			}
		}
	}
	return t, r.end()
}
