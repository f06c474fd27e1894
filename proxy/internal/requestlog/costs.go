package requestlog

import (
	"encoding/binary"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	bolt "go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/proxy/internal/prices"
)

// Totals are sums over requests.
type Totals struct {
	Requests  uint64       `json:"requests"`
	Hits      uint64       `json:"hits"`
	Prompt    int64        `json:"prompt_tokens"`
	Cached    int64        `json:"cached_tokens"`
	Output    int64        `json:"completion_tokens"`
	Spent     prices.Money `json:"spent_usd"`
	Saved     prices.Money `json:"saved_usd"`
	NoPrice   uint64       `json:"price_unknown"`    // requests whose call nobody knows the price of
	Estimated uint64       `json:"tokens_estimated"` // requests whose tokens were estimated

	// Of Spent and Saved, what comes of tokens that were estimated.
	SpentEstimated prices.Money `json:"spent_estimated_usd"`
	SavedEstimated prices.Money `json:"saved_estimated_usd"`
}

// Add adds o.
func (t *Totals) Add(o *Totals) {
	t.Requests += o.Requests
	t.Hits += o.Hits
	t.Prompt += o.Prompt
	t.Cached += o.Cached
	t.Output += o.Output
	t.Spent = t.Spent.Add(o.Spent)
	t.Saved = t.Saved.Add(o.Saved)
	t.NoPrice += o.NoPrice
	t.Estimated += o.Estimated
	t.SpentEstimated = t.SpentEstimated.Add(o.SpentEstimated)
	t.SavedEstimated = t.SavedEstimated.Add(o.SavedEstimated)
}

// Of returns the totals of one record.
func Of(r *Record) Totals {
	t := Totals{Requests: 1, Prompt: r.Prompt, Cached: r.Cached, Output: r.Completion}
	if r.CacheStatus == "HIT" || r.CacheStatus == "SEMANTIC HIT" {
		t.Hits = 1
	}
	if r.Cost != nil {
		t.Spent = *r.Cost
	}
	if r.Saved != nil {
		t.Saved = *r.Saved
	}
	if r.NoPrice {
		t.NoPrice = 1
	}
	if r.Estimated {
		t.Estimated, t.SpentEstimated, t.SavedEstimated = 1, t.Spent, t.Saved
	}
	return t
}

// CostKey is what totals are kept by.
type CostKey struct {
	Day                   uint32 // since 1970, in UTC
	Namespace, Key, Model string // Model is with its provider: openai/gpt-4o
}

// Other stands in a CostKey for what comes after a day has had maxCostRows different ones.
const Other = "(other)"

const (
	maxCostRows = 1000 // a day
	keepCosts   = 400  // days
)

// DayOf is the day of a time.
func DayOf(t time.Time) uint32 { return uint32(max(0, t.Unix()/86400)) }

// Date writes the key's day: 2026-11-27.
func (k CostKey) Date() string { return time.Unix(int64(k.Day)*86400, 0).UTC().Format(time.DateOnly) }

func keyOf(r *Record) CostKey {
	k := CostKey{Day: DayOf(r.Time), Namespace: r.Namespace, Key: r.Key, Model: r.Model}
	if r.Answered != "" {
		k.Model = r.Answered
	}
	if r.Provider != "" && k.Model != "" {
		k.Model = r.Provider + "/" + k.Model
	}
	return k
}

// other is the key of its day for what there is no room for.
func (k CostKey) other() CostKey { return CostKey{k.Day, Other, Other, Other} }

// encode begins with the day, so that days are in order and go one by one.
func (k CostKey) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, k.Day)
	for _, s := range [...]string{k.Namespace, k.Key, k.Model} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func decodeCostKey(b []byte) (k CostKey, ok bool) {
	if len(b) < 4 {
		return k, false
	}
	k.Day, b = binary.BigEndian.Uint32(b), b[4:]
	for _, s := range [...]*string{&k.Namespace, &k.Key, &k.Model} {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return k, false
		}
		*s, b = string(b[w:w+int(n)]), b[w+int(n):]
	}
	return k, len(b) == 0
}

// ledger sums what is not in the file yet.
type ledger struct {
	mu   sync.Mutex // guards rows
	rows map[CostKey]*Totals
}

func (g *ledger) add(r *Record) {
	t := Of(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.put(keyOf(r), &t)
}

// put adds to a row. Callers hold mu.
func (g *ledger) put(k CostKey, t *Totals) {
	if g.rows == nil {
		g.rows = map[CostKey]*Totals{}
	}
	row := g.rows[k]
	if row == nil && len(g.rows) >= maxCostRows {
		k = k.other()
		row = g.rows[k]
	}
	if row == nil {
		row = &Totals{}
		g.rows[k] = row
	}
	row.Add(t)
}

// take empties the ledger.
func (g *ledger) take() map[CostKey]*Totals {
	g.mu.Lock()
	defer g.mu.Unlock()
	rows := g.rows
	g.rows = nil
	return rows
}

// give takes back what could not be written.
func (g *ledger) give(rows map[CostKey]*Totals) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, t := range rows {
		g.put(k, t)
	}
}

// addTotals adds rows to those of the file, and lets go of days that are too old.
func (s *store) addTotals(tx *bolt.Tx, rows map[CostKey]*Totals, now time.Time, log *slog.Logger) error {
	b := tx.Bucket(bucketCosts)
	for k, t := range rows {
		key := k.encode()
		old := b.Get(key)
		if old == nil && s.rowsOf(b, k.Day) >= maxCostRows {
			k = k.other()
			key = k.encode()
			old = b.Get(key)
		}
		sum := Totals{}
		if old == nil {
			if s.rows.day == k.Day {
				s.rows.n++
			}
		} else if err := json.Unmarshal(old, &sum); err != nil { // it rotted, and would keep all that comes from being written
			log.Warn("a row of the request log's costs could not be read and begins anew", "day", k.Date(), "namespace", k.Namespace, "key", k.Key, "model", k.Model, "error", err)
			sum = Totals{}
		}
		sum.Add(t)
		v, err := json.Marshal(&sum)
		if err == nil {
			err = b.Put(key, v)
		}
		if err != nil {
			return err
		}
	}
	today := DayOf(now)
	if today <= keepCosts {
		return nil
	}
	return dropBefore(b, binary.BigEndian.AppendUint32(nil, today-keepCosts))
}

// rowCount remembers how many rows a day has.
type rowCount struct {
	day uint32
	n   int
	ok  bool
}

func (s *store) rowsOf(b *bolt.Bucket, day uint32) int {
	if !s.rows.ok || s.rows.day != day {
		s.rows = rowCount{day: day, ok: true}
		prefix := binary.BigEndian.AppendUint32(nil, day)
		c := b.Cursor()
		for k, _ := c.Seek(prefix); len(k) >= 4 && binary.BigEndian.Uint32(k) == day; k, _ = c.Next() {
			s.rows.n++
		}
	}
	return s.rows.n
}

// dropBefore deletes all keys below limit, a bounded number at a time.
func dropBefore(b *bolt.Bucket, limit []byte) error {
	c := b.Cursor()
	for range maxCostRows {
		k, _ := c.First()
		if k == nil || string(k) >= string(limit) {
			return nil
		}
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// Costs calls visit for the totals of each day from since on and before until, in the order of days.
func (r *Reader) Costs(since, until time.Time, visit func(CostKey, *Totals)) error {
	return r.store.view(func(tx *bolt.Tx) error {
		from := []byte{}
		if !since.IsZero() {
			from = binary.BigEndian.AppendUint32(from, DayOf(since))
		}
		c := tx.Bucket(bucketCosts).Cursor()
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			key, ok := decodeCostKey(k)
			var t Totals
			if !ok || json.Unmarshal(v, &t) != nil {
				return corrupt("a row of costs")
			}
			if !until.IsZero() && !time.Unix(int64(key.Day)*86400, 0).Before(until) {
				return nil
			}
			visit(key, &t)
		}
		return nil
	})
}
