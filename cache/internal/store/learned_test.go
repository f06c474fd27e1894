package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// learning makes n rows of each kind.
func learning(n int) *Learning {
	l := &Learning{}
	for i := range n {
		h := headOf(i, fmt.Sprint("text ", i))
		checks := Checks{Sum: 40, Square: 80, Wrong: 1, WrongSq: 1, Hits: 1000, Reported: 2}
		sources := []Source{{ID: uint64(i), Weight: 0.5}, {ID: 7, Weight: 1}}
		l.Traits = append(l.Traits,
			Trait{Kind: EntryTrait, Key: h.Key, At: int64(i), Shift: -1.5, Certain: 2, Bad: 1, Verdict: uint8(i % 3), Shun: [16]byte{byte(i)}, Sources: sources},
			Trait{Kind: PartitionTrait, Key: h.Key, At: 5, Shift: 0.25})
		l.Rates = append(l.Rates, Rate{Namespace: strings.Repeat("n", i), At: 9, Checks: checks, Sources: sources, Budgets: []Budget{{0.01, checks}, {1, Checks{Hits: 1}}}})
		l.Traces = append(l.Traces, Trace{
			Key: [16]byte{byte(i), 1}, At: 3, Source: [32]byte{9}, Value: -10, Weight: 1,
			Outcomes: []Outcome{
				{Kind: 2, Entry: h.Key, Question: [32]byte{1}, Partition: [32]byte{2}, Namespace: "shop", Budget: 0.03, Probability: 0.97, Applied: [6]float64{1, 2, 3, 4, 5, 6}},
				{Kind: 1, Entry: h.Key},
			},
		})
	}
	return l
}

// scan reads all that was learnt.
func scan(t *testing.T, s *Store) *Learning {
	t.Helper()
	got := &Learning{}
	err := s.ScanLearned(
		func(x Trait) { got.Traits = append(got.Traits, x) },
		func(x Rate) { got.Rates = append(got.Rates, x) },
		func(x Trace) { got.Traces = append(got.Traces, x) })
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLearnedIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	want := learning(1)
	if err := s.Learn(bg, func() *Learning { return want }); err != nil {
		t.Fatal(err)
	}
	if got := scan(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	gone := &Learning{
		Forget:  [][]byte{TraitKey(EntryTrait, want.Traits[0].Key), TraitKey(PartitionTrait, want.Traits[1].Key), RateKey("")},
		Expired: [][16]byte{want.Traces[0].Key},
	}
	if err := s.Learn(bg, func() *Learning { return gone }); err != nil {
		t.Fatal(err)
	}
	if got := scan(t, s); !got.Empty() {
		t.Errorf("left: %+v", got)
	}
}

// TestRowsBeforeBudgets: rates and traces of version 4 are read, and say that they tell no budgets.
func TestRowsBeforeBudgets(t *testing.T) {
	l := learning(2)
	rate, trace := l.Rates[1], l.Traces[1]
	for i := range trace.Outcomes {
		trace.Outcomes[i].Budget = UnknownBudget
	}
	payload, err := unseal(tagTrace, trace.Key[:], sealTrace(&trace))
	if err != nil {
		t.Fatal(err)
	}
	row := sealBytes(tagTrace, trace.Key[:], payload[:len(payload)-8*len(trace.Outcomes)])
	if got, err := openTrace(trace.Key[:], row); err != nil || !reflect.DeepEqual(got, trace) {
		t.Errorf("%+v, %v, want %+v", got, err, trace)
	}
	row = sealBytes(tagTrace, trace.Key[:], payload[:len(payload)-8])
	if _, err := openTrace(trace.Key[:], row); err == nil {
		t.Error("a trace with one budget for two outcomes was read")
	}

	rate.Budgets, rate.Undivided = nil, true
	key := RateKey(rate.Namespace)
	if got, err := openRate(key, sealRate(key, &rate)); err != nil || !reflect.DeepEqual(got, rate) {
		t.Errorf("%+v, %v, want %+v", got, err, rate)
	}
	rate.Undivided = false
	if got, err := openRate(key, sealRate(key, &rate)); err != nil || !reflect.DeepEqual(got, rate) {
		t.Errorf("%+v, %v, want %+v", got, err, rate)
	}
	for _, mean := range []float64{0, -0.01, 1.1} {
		rate.Budgets = []Budget{{Mean: mean}}
		if _, err := openRate(key, sealRate(key, &rate)); err == nil {
			t.Errorf("a budget of %v was read", mean)
		}
	}
}

// TestVersion1IsBroughtUpToDate takes a file back to what version 1 was: without the two buckets.
func TestVersion1IsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := Open(path, Options{LockTimeout: testTimeout})
	if err != nil {
		t.Fatal(err)
	}
	fillStore(t, s, 20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, boltOptions(testTimeout))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return errors.Join(tx.DeleteBucket(bucketLearned), tx.DeleteBucket(bucketTraces),
			tx.Bucket(bucketMeta).Put(metaFormat, sealBytes(tagMeta, metaFormat, []byte{0, 0, 0, 1})))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if r := sound(t, path); r.Version != 1 {
		t.Errorf("version %d before opening", r.Version)
	}
	s = open(t, path)
	if err := s.Learn(bg, func() *Learning { return learning(3) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if r := sound(t, path); r.Version != formatVersion || r.Entries != 20 {
		t.Errorf("version %d, %d entries after opening", r.Version, r.Entries)
	}
}
