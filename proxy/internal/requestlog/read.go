package requestlog

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// scanAtOnce is how many records are looked at in one transaction.
const scanAtOnce = 1000

// Reader reads a log. It is safe for concurrent use.
type Reader struct{ store *store }

// Reader returns a reader of the log, which sees what is in the file: call Flush before to see all.
func (l *Log) Reader() *Reader { return &Reader{l.store} }

// OpenReader opens a file to read it only. No process may have it open to write.
func OpenReader(path string) (*Reader, error) {
	s, err := openStore(path, true)
	if err != nil {
		return nil, err
	}
	return &Reader{s}, nil
}

// Close closes a file that OpenReader opened.
func (r *Reader) Close() error { return r.store.close() }

// Page returns the newest records that the filter wants, newest first, from its cursor on; next is the cursor of the page
// after this one, 0 if there is none.
func (r *Reader) Page(f Filter) (records []*Record, next ID, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	for rec, err := range r.All(f, true) {
		if err != nil {
			return nil, 0, err
		}
		if len(records) == limit {
			return records, records[limit-1].ID, nil
		}
		records = append(records, rec)
	}
	return records, 0, nil
}

// All returns every record that the filter wants, without regard to its limit. Whoever goes through them may take his
// time: between some and others of them nothing is held.
func (r *Reader) All(f Filter, newestFirst bool) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		at, done := f.begin(newestFirst), false
		for !done {
			var found []*Record
			err := r.store.view(func(tx *bolt.Tx) (err error) {
				found, at, done, err = scan(tx, &f, at, newestFirst)
				return err
			})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, rec := range found {
				if !yield(rec, nil) {
					return
				}
			}
		}
	}
}

// begin is the first ID that may be wanted.
func (f *Filter) begin(newestFirst bool) ID {
	if !newestFirst {
		begin := ID(0)
		if !f.Since.IsZero() {
			begin = ID(max(0, f.Since.UnixNano())) // no record was written before it was over
		}
		if f.Cursor != 0 {
			begin = max(begin, f.Cursor+1)
		}
		return begin
	}
	if f.Cursor != 0 {
		return f.Cursor - 1
	}
	return 1<<64 - 1
}

// past reports whether neither the record nor any after it can be wanted.
func (f *Filter) past(id ID, newestFirst bool) bool {
	return newestFirst && !f.Since.IsZero() && id < ID(max(0, f.Since.UnixNano()))
}

// scan looks at some records from at on. It returns where to go on.
func scan(tx *bolt.Tx, f *Filter, at ID, newestFirst bool) (found []*Record, next ID, done bool, err error) {
	ids := recordIDs(tx, at, newestFirst)
	if f.TraceID != "" {
		ids = traceIDs(tx, f.TraceID, at, !newestFirst)
	}
	records := tx.Bucket(bucketRecords)
	looked := 0
	for id := range ids {
		if f.past(id, newestFirst) {
			return found, 0, true, nil
		}
		if looked++; looked > scanAtOnce {
			return found, id, false, nil
		}
		v := records.Get(idKey(id))
		if v == nil {
			continue
		}
		r, err := decode(v)
		if err != nil {
			return nil, 0, true, corrupt("record " + id.String())
		}
		if f.matches(r) {
			found = append(found, r)
		}
	}
	return found, 0, true, nil
}

// recordIDs are those of all records from at on, it included.
func recordIDs(tx *bolt.Tx, at ID, newestFirst bool) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		c := tx.Bucket(bucketRecords).Cursor()
		step := c.Next
		k, _ := c.Seek(idKey(at))
		if newestFirst {
			step = c.Prev
			if k == nil {
				k, _ = c.Last()
			} else if ID(binary.BigEndian.Uint64(k)) > at {
				k, _ = c.Prev()
			}
		}
		for ; len(k) == 8; k, _ = step() {
			if !yield(ID(binary.BigEndian.Uint64(k))) {
				return
			}
		}
	}
}

// traceIDs are those of a trace's records from at on, it included.
func traceIDs(tx *bolt.Tx, trace string, at ID, oldestFirst bool) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		prefix := append([]byte(trace), 0)
		c := tx.Bucket(bucketTraces).Cursor()
		step := c.Next
		from := traceKey(trace, at)
		k, _ := c.Seek(from)
		if !oldestFirst {
			step = c.Prev
			if k == nil {
				k, _ = c.Last()
			} else if !bytes.Equal(k, from) {
				k, _ = c.Prev()
			}
		}
		for ; len(k) == len(prefix)+8 && bytes.HasPrefix(k, prefix); k, _ = step() {
			if !yield(ID(binary.BigEndian.Uint64(k[len(prefix):]))) {
				return
			}
		}
	}
}

// Groups are what totals can be put together by.
var Groups = []string{"namespace", "key", "model", "day"}

// Row is the totals of one group.
type Row struct {
	Group string `json:"group"`
	Totals
}

// GroupCosts puts totals together by one of Groups, dearest first; days in their order.
func (r *Reader) GroupCosts(by string, since, until time.Time) (rows []Row, all Totals, err error) {
	at := map[string]int{}
	err = r.Costs(since, until, func(k CostKey, t *Totals) {
		name := map[string]string{"namespace": k.Namespace, "key": k.Key, "model": k.Model, "day": k.Date()}[by]
		i, ok := at[name]
		if !ok {
			i = len(rows)
			at[name] = i
			rows = append(rows, Row{Group: name})
		}
		rows[i].Add(t)
		all.Add(t)
	})
	if by != "day" {
		slices.SortStableFunc(rows, func(a, b Row) int {
			switch x, y := a.Spent.Add(a.Saved), b.Spent.Add(b.Saved); {
			case x > y:
				return -1
			case x < y:
				return 1
			}
			return int(min(1, max(-1, int64(b.Requests)-int64(a.Requests))))
		})
	}
	return rows, all, err
}
