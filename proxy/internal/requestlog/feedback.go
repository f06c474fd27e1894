package requestlog

import (
	"encoding/binary"
	"errors"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// maxFeedbackOf bounds what one record has of it; the earliest goes.
const maxFeedbackOf = 100

// putFeedback puts feedback on its record. One whose record is not there is dropped: the cache has learnt from it anyway.
func putFeedback(tx *bolt.Tx, f *feedbackOp) error {
	var id ID
	var ok bool
	if f.amends {
		if v := tx.Bucket(bucketFeedback).Get([]byte(f.given[0].ID)); len(v) == 8 {
			id, ok = ID(binary.BigEndian.Uint64(v)), true
		}
	} else {
		id, ok = lastOf(tx, f.trace, f.by)
	}
	if !ok {
		return nil
	}
	records := tx.Bucket(bucketRecords)
	r, err := decode(records.Get(idKey(id)))
	if err != nil || !slices.Contains(f.by, r.Caller) {
		return nil
	}
	index := tx.Bucket(bucketFeedback)
	for _, g := range f.given {
		at := slices.IndexFunc(r.Feedback, func(old Feedback) bool { return old.ID == g.ID })
		switch {
		case at >= 0:
			r.Feedback[at].Value, r.Feedback[at].Weight, r.Feedback[at].Time = g.Value, g.Weight, g.Time
			if g.Metadata != nil {
				r.Feedback[at].Metadata = g.Metadata
			}
		case !f.amends:
			r.Feedback = append(r.Feedback, g)
			err = errors.Join(err, index.Put([]byte(g.ID), idKey(id)))
		}
	}
	for len(r.Feedback) > maxFeedbackOf {
		err = errors.Join(err, index.Delete([]byte(r.Feedback[0].ID)))
		r.Feedback = r.Feedback[1:]
	}
	if err != nil {
		return err
	}
	v, err := r.encode()
	if err != nil {
		return err
	}
	return records.Put(idKey(id), v)
}

// lastOf finds the last record of a trace that is one of the callers'.
func lastOf(tx *bolt.Tx, trace string, by []Caller) (ID, bool) {
	records := tx.Bucket(bucketRecords)
	for id := range traceIDs(tx, trace, 1<<64-1, false) {
		if r, err := decode(records.Get(idKey(id))); err == nil && slices.Contains(by, r.Caller) {
			return id, true
		}
	}
	return 0, false
}
