package cache

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Record is an entry on its way from one cache to another: the entry, what it is found by, and its vector. Its JSON form is one
// line of what `reprise export` writes. Traits, verdicts and traces stay behind; a backup has them.
type Record struct {
	Namespace string
	Text      string // the question, as Entry.Text
	Partition Digest // what must be equal for a semantic hit
	Key       Digest // the exact key
	Semantic  bool   // the text may be embedded
	Created   time.Time
	Expires   time.Time // zero: never
	Body      []byte
	Cost      float64       // as Value.Cost
	Took      time.Duration // as Value.Took
	Uses      []float32     // how often it was asked for, fading by each of several half-lives; nil: not known
	Model     string        // of the vector; "": there is none
	Vector    []float32     // of length 1
}

// recordJSON is a Record in JSON. A body that is no UTF-8 goes into BodyBase64; a vector is little-endian float32.
type recordJSON struct {
	Key        string     `json:"key"`
	Partition  string     `json:"partition"`
	Namespace  string     `json:"namespace,omitempty"`
	Text       string     `json:"text,omitempty"`
	Semantic   bool       `json:"semantic,omitempty"`
	Created    time.Time  `json:"created"`
	Expires    *time.Time `json:"expires,omitempty"`
	Body       *string    `json:"body,omitempty"`
	BodyBase64 []byte     `json:"body_base64,omitempty"`
	Cost       float64    `json:"cost_usd,omitempty"`
	Took       int64      `json:"took_ns,omitempty"`
	Uses       []float32  `json:"uses,omitempty"`
	Model      string     `json:"model,omitempty"`
	Vector     []byte     `json:"vector,omitempty"`
}

// MarshalJSON writes the record as one JSON object.
func (r Record) MarshalJSON() ([]byte, error) {
	j := recordJSON{
		Key: r.Key.String(), Partition: r.Partition.String(), Namespace: r.Namespace, Text: r.Text, Semantic: r.Semantic,
		Created: r.Created.UTC(), Cost: r.Cost, Took: int64(r.Took), Uses: r.Uses, Model: r.Model,
	}
	if !r.Expires.IsZero() {
		at := r.Expires.UTC()
		j.Expires = &at
	}
	if utf8.Valid(r.Body) {
		body := string(r.Body)
		j.Body = &body
	} else {
		j.BodyBase64 = r.Body
	}
	for _, f := range r.Vector {
		j.Vector = binary.LittleEndian.AppendUint32(j.Vector, math.Float32bits(f))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(j)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// UnmarshalJSON reads what MarshalJSON wrote. An unknown member is an error, as is a record that could not be an entry's.
func (r *Record) UnmarshalJSON(text []byte) error {
	var j recordJSON
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return fmt.Errorf("%w: record: %w", ErrInvalid, err)
	}
	*r = Record{Namespace: j.Namespace, Text: j.Text, Semantic: j.Semantic, Created: j.Created, Model: j.Model,
		Cost: j.Cost, Took: time.Duration(j.Took), Uses: j.Uses}
	for _, d := range []struct {
		name, text string
		to         *Digest
	}{{"key", j.Key, &r.Key}, {"partition", j.Partition, &r.Partition}} {
		b, err := hex.DecodeString(d.text)
		if err != nil || copy(d.to[:], b) != len(d.to) || len(b) != len(d.to) {
			return fmt.Errorf("%w: record: %s %.80q: want 64 hex digits", ErrInvalid, d.name, d.text)
		}
	}
	if j.Expires != nil {
		r.Expires = *j.Expires
	}
	switch {
	case j.Body != nil && j.BodyBase64 != nil:
		return fmt.Errorf("%w: record: body and body_base64: leave one out", ErrInvalid)
	case j.Body != nil:
		r.Body = []byte(*j.Body)
	case j.BodyBase64 != nil:
		r.Body = j.BodyBase64
	default:
		return fmt.Errorf("%w: record: body is missing", ErrInvalid)
	}
	if len(j.Vector)%4 != 0 || (j.Model == "") != (len(j.Vector) == 0) {
		return fmt.Errorf("%w: record: model %q and a vector of %d bytes: both, or neither, and 4 bytes a number", ErrInvalid, j.Model, len(j.Vector))
	}
	for i := 0; i < len(j.Vector); i += 4 {
		r.Vector = append(r.Vector, math.Float32frombits(binary.LittleEndian.Uint32(j.Vector[i:])))
	}
	return nil
}

// exportPage is how many entries an export reads at a time.
const exportPage = 256

// Export calls fn with every entry that the cache had when it was called and has not lost since, by id; expired ones are left out.
// It reads in short steps, so that all else goes on. Records are fn's to keep.
func (c *Cache) Export(ctx context.Context, fn func(*Record) error) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	last, err := c.store.LastID()
	if err != nil {
		return storeErr(c.path, err)
	}
	for after, more := uint64(0), true; more; {
		if err := c.usable(ctx); err != nil {
			return err
		}
		var page []store.Record
		if page, after, more, err = c.store.Page(after, last, exportPage); err != nil {
			return storeErr(c.path, err)
		}
		model, _ := c.store.Model()
		for i := range page {
			r := c.recordOf(&page[i], model.ID)
			if !r.Expires.IsZero() && !c.now().Before(r.Expires) {
				continue
			}
			if err := fn(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cache) recordOf(s *store.Record, model string) *Record {
	r := newRecord(&s.Head, s.Body)
	r.Uses = c.room.UsesOf(s.Head.ID)
	if s.Vector != nil {
		r.Model, r.Vector = model, s.Vector
	}
	return r
}

func newRecord(h *store.Head, body []byte) *Record {
	e := entryOf(h, body)
	return &Record{
		Namespace: h.Namespace, Text: h.Text, Partition: h.Partition, Key: h.Key, Semantic: h.Semantic,
		Created: e.Created, Expires: e.Expires, Body: body, Cost: h.Cost, Took: e.Value.Took,
	}
}

// RecordOf is the record of an answer that was given at created to a question, to be imported: a look-up of the same query finds it
// as it would find what [Lookup.Fill] had stored then. Nothing is looked up, embedded or stored. For a query that is not to be
// stored it returns nil and no error.
func (c *Cache) RecordOf(q Query, v Value, created time.Time) (*Record, error) {
	l := &Lookup{c: c, q: q}
	if !c.prepare(l) {
		return nil, l.Err
	}
	if err := validSpent(v.Cost, v.Took); err != nil {
		return nil, err
	}
	if err := validTimes(&Record{Created: created}); err != nil {
		return nil, err
	}
	h := l.head(&v, created.Round(0))
	return newRecord(&h, v.Body), nil
}

// Import stores a record, unless it has expired or the cache has an answer to its question that is as new; done says whether it
// did. The vector is taken over if it is of the embedder's model, else the text is embedded; one longer than Options.MaxTextBytes
// is for the exact tier only. It is durable when Import returns.
func (c *Cache) Import(ctx context.Context, r *Record) (done bool, err error) {
	if err := c.usable(ctx); err != nil {
		return false, err
	}
	switch {
	case r.Key == Digest{} || r.Partition == Digest{}:
		return false, fmt.Errorf("%w: record: key and partition must not be zero", ErrInvalid)
	case len(r.Body) > c.opts.MaxValueBytes:
		return false, fmt.Errorf("%w: body of %d bytes: Options.MaxValueBytes is %d", ErrTooLarge, len(r.Body), c.opts.MaxValueBytes)
	}
	if err := errors.Join(validNamespace(r.Namespace), validTimes(r), validSpent(r.Cost, r.Took), validUses(r.Uses)); err != nil {
		return false, err
	}
	if !r.Expires.IsZero() && !c.now().Before(r.Expires) {
		return false, nil
	}
	have, _, ok, err := c.store.ByKey(r.Key)
	if err == nil && ok && have.Created >= r.Created.UnixNano() {
		return false, nil
	}
	whole := len(r.Text) <= c.opts.MaxTextBytes // what is cut can be compared no more: what it leaves out would not count
	h := store.Head{
		Partition: r.Partition, Key: r.Key, Created: r.Created.UnixNano(), Semantic: r.Semantic && whole,
		Namespace: r.Namespace, Text: cut(r.Text, c.opts.MaxTextBytes), Cost: r.Cost, Took: int64(r.Took),
	}
	copy(h.Brought[:], r.Uses)
	if !r.Expires.IsZero() {
		h.Expires = cmp.Or(r.Expires.UnixNano(), 1) // in the file 0 is never
	}
	h.BodyLen = uint32(len(r.Body))
	if err := c.fits(&h); err != nil {
		return false, err
	}
	var vec []float32
	if h.Semantic {
		if vec, err = c.importVector(ctx, r); err != nil {
			return false, err
		}
	}
	body := bytes.Clone(r.Body)
	c.filling(r.Key, body)
	id, err := c.store.PutNewer(ctx, h, body, vec) // one may have been filled since
	if err != nil {
		c.stats.fillErrors.Add(1)
		return false, storeErr(c.path, err)
	}
	if id == 0 {
		return false, nil
	}
	c.stats.fills.Add(1)
	return true, nil
}

// validTimes refuses what a file could not keep.
func validTimes(r *Record) error {
	const first, last = 1678, 2261 // years that nanoseconds in 64 bits reach as a whole
	for _, t := range []time.Time{r.Created, cmp.Or(r.Expires, r.Created)} {
		if y := t.UTC().Year(); y < first || y > last {
			return fmt.Errorf("%w: record: time %v is outside the years %d to %d", ErrInvalid, t, first, last)
		}
	}
	return nil
}

// validUses refuses counts by other half-lives than this program's, of which nothing could be told.
func validUses(uses []float32) error {
	if n := len(store.Head{}.Brought); len(uses) != 0 && len(uses) != n {
		return fmt.Errorf("%w: record: %d uses: give %d, or none", ErrInvalid, len(uses), n)
	}
	for _, u := range uses {
		if !(u >= 0 && u <= math.MaxFloat32) {
			return fmt.Errorf("%w: record: uses of %v: they may not be negative or infinite", ErrInvalid, u)
		}
	}
	return nil
}

func (c *Cache) importVector(ctx context.Context, r *Record) ([]float32, error) {
	e := c.opts.Embedder
	if e == nil {
		return nil, nil
	}
	if r.Model == e.ID() && len(r.Vector) == e.Dim() {
		v, err := unit(r.Vector, e.Dim())
		if err != nil {
			return nil, fmt.Errorf("%w: record: %w", ErrInvalid, err)
		}
		return v, nil
	}
	v, err := c.embed(ctx, r.Text)
	if err != nil {
		c.stats.embedErrors.Add(1)
	}
	return v, err
}
