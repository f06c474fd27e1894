package boltfile

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"sync/atomic"
)

// The layout is bbolt's (its internal/common: page.go, meta.go, inode.go): integers are of the writing machine's byte order.

var order = binary.NativeEndian

const (
	pageHeader  = 16 // id 8, flags 2, count 2, overflow 4
	elemSize    = 16 // leaf: flags, pos, ksize, vsize; branch: pos, ksize, pgid 8
	metaSize    = 64
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreelist  = ^uint64(0)
	maxDepth    = 64 // of the tree; a real one's is under ten

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10

	bucketElem = 0x01
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	Bucket string
	Key    string // hex; of a bad page it may be anything that the page has
	Page   uint64 // 0: not known, or one of the meta pages
	What   string // quotes nothing of the content
}

// Visitor is told what a walk finds. What it is given is valid during the call only.
type Visitor struct {
	Problem func(Problem)
	Item    func(bucket string, page uint64, key, value []byte) // nil: structure only
	Bucket  func(name string)                                   // nil: not
	Orphan  func(page uint64, key, value []byte)                // records of pages that nothing leads to any more; nil: not
}

type boltMeta struct {
	pageSize uint32
	root     uint64
	freelist uint64
	pages    uint64 // high-water mark: the first page that is not used
	txid     uint64
}

type walker struct {
	ctx   context.Context
	f     io.ReaderAt
	size  int64
	meta  boltMeta
	visit Visitor
	used  pageSet
	below func(pageRef) error // goes on with the pages that one leads to

	spare [][]byte // pages that were read and are done with
	ahead []byte   // what was read of the file beyond what was asked for
	at    int64    // where ahead begins
	end   int64    // where the last read ended
}

// pageRef is what leads to a page: all keys of it and below it are to be at least lo and below hi (nil: no bound).
type pageRef struct {
	id     uint64
	bucket string
	lo, hi []byte
	depth  int
}

// pageSet is a set of pages. Several goroutines may add to it.
type pageSet []uint64

func newPageSet(pages uint64) pageSet { return make(pageSet, (pages+63)/64) }

// add reports whether the page was not there yet.
func (s pageSet) add(id uint64) bool {
	bit := uint64(1) << (id % 64)
	return atomic.OrUint64(&s[id/64], bit)&bit == 0
}

func (s pageSet) has(id uint64) bool { return s[id/64]>>(id%64)&1 != 0 }

// any reports whether one of n pages from id on is there.
func (s pageSet) any(id, n uint64) bool {
	for i := id; i < id+n; i++ {
		if s.has(i) {
			return true
		}
	}
	return false
}

// readAhead is how much is read at once where pages follow each other, which they mostly do.
const readAhead = 256 << 10

// read fills b from the file.
func (w *walker) read(b []byte, off int64) error {
	defer func() { w.end = off + int64(len(b)) }()
	if off >= w.at && off+int64(len(b)) <= w.at+int64(len(w.ahead)) {
		copy(b, w.ahead[off-w.at:])
		return nil
	}
	if off != w.end || len(b) >= readAhead {
		_, err := w.f.ReadAt(b, off)
		return err
	}
	if w.ahead == nil {
		w.ahead = make([]byte, readAhead)
	}
	n, err := w.f.ReadAt(w.ahead[:readAhead], off)
	w.ahead, w.at = w.ahead[:n], off
	if n < len(b) {
		w.ahead = w.ahead[:0]
		return err
	}
	copy(b, w.ahead)
	return nil
}

// page is a buffer for one page.
func (w *walker) page() []byte {
	if n := len(w.spare); n > 0 {
		b := w.spare[n-1]
		w.spare = w.spare[:n-1]
		return b
	}
	return make([]byte, w.meta.pageSize)
}

// Walk walks the file's whole page structure. It returns the number of pages in use; 0: no meta page is whole. The error is
// ctx's; what is wrong with the file goes to the visitor.
func Walk(ctx context.Context, f io.ReaderAt, size int64, v Visitor) (pages uint64, err error) {
	w := &walker{ctx: ctx, f: f, size: size, visit: v}
	w.below = w.tree
	if !w.readMetas() {
		return 0, nil
	}
	if w.meta.pages > uint64(size)/uint64(w.meta.pageSize) {
		w.problem("", 0, "the file ends at byte %d, but %d pages of %d bytes are in use: it was cut off", size, w.meta.pages, w.meta.pageSize)
		// Go on with what is there, so that a check lists what is lost.
		w.meta.pages = uint64(size) / uint64(w.meta.pageSize)
	}
	w.used = newPageSet(w.meta.pages)
	if err := w.tree(pageRef{id: w.meta.root}); err != nil {
		return 0, err
	}
	if err := w.freelist(); err != nil {
		return 0, err
	}
	return w.meta.pages, nil
}

func (w *walker) problem(bucket string, page uint64, format string, args ...any) {
	w.visit.Problem(Problem{Bucket: bucket, Page: page, What: fmt.Sprintf(format, args...)})
}

func (w *walker) problemAt(bucket string, page uint64, key []byte, format string, args ...any) {
	w.visit.Problem(Problem{Bucket: bucket, Key: hex.EncodeToString(key), Page: page, What: fmt.Sprintf(format, args...)})
}

// readMetas reads both meta pages. bbolt lives with one; here one bad is damage, because falling back to the
// older one would silently take back the last commit. A meta is smaller than a disk sector, so that a power cut
// leaves the old or the new one, not half of it.
func (w *walker) readMetas() bool {
	if w.size == 0 {
		w.problem("", 0, "the file is empty; remove it to begin anew")
		return false
	}
	m0, err0 := w.metaAt(0, 0)
	var m1 boltMeta
	var err1 error
	if err0 == nil {
		m1, err1 = w.metaAt(1, int64(m0.pageSize))
	} else {
		// The page size is in the page that is bad: try them all.
		for ps := int64(1024); ps <= 16<<20; ps *= 2 {
			if m1, err1 = w.metaAt(1, ps); err1 == nil && int64(m1.pageSize) == ps {
				break
			}
		}
	}
	if err0 != nil {
		w.problem("", 0, "meta page 0: %v", err0)
	}
	if err1 != nil {
		w.problem("", 1, "meta page 1: %v", err1)
	}
	switch {
	case err0 != nil && err1 != nil:
		return false
	case err0 != nil || err1 == nil && m1.txid > m0.txid:
		w.meta = m1
	default:
		w.meta = m0
	}
	return true
}

// metaAt reads the meta page of that number, whose header no checksum covers.
func (w *walker) metaAt(id uint64, off int64) (boltMeta, error) {
	var b [pageHeader + metaSize]byte
	if _, err := w.f.ReadAt(b[:], off); err != nil {
		return boltMeta{}, fmt.Errorf("cannot be read at byte %d: %w", off, err)
	}
	m := b[pageHeader:]
	if order.Uint32(m) != boltMagic {
		return boltMeta{}, errors.New("is not a database's (wrong magic number)")
	}
	if v := order.Uint32(m[4:]); v != boltVersion {
		return boltMeta{}, fmt.Errorf("has version %d instead of %d", v, boltVersion)
	}
	sum := fnv.New64a()
	sum.Write(m[:56])
	if sum.Sum64() != order.Uint64(m[56:]) {
		return boltMeta{}, errors.New("fails its checksum")
	}
	out := boltMeta{
		pageSize: order.Uint32(m[8:]),
		root:     order.Uint64(m[16:]),
		freelist: order.Uint64(m[32:]),
		pages:    order.Uint64(m[40:]),
		txid:     order.Uint64(m[48:]),
	}
	if got, flags := order.Uint64(b[:]), order.Uint16(b[8:]); got != id || flags != metaPage {
		return boltMeta{}, fmt.Errorf("says that it is page %d of type %#x", got, flags)
	}
	if ps := out.pageSize; ps < 512 || ps > 16<<20 || ps&(ps-1) != 0 {
		return boltMeta{}, fmt.Errorf("gives a page size of %d", ps)
	}
	return out, nil
}

// run reads a page with its overflow pages and marks them used. nil: a problem was reported.
func (w *walker) run(id uint64, bucket, from string) ([]byte, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	if id < 2 || id >= w.meta.pages {
		w.problem(bucket, id, "%s refers to page %d, which is outside the file's %d", from, id, w.meta.pages)
		return nil, nil
	}
	ps := int64(w.meta.pageSize)
	buf := w.page()
	if err := w.read(buf, int64(id)*ps); err != nil {
		w.problem(bucket, id, "page cannot be read: %v", err)
		return nil, nil
	}
	if got := order.Uint64(buf); got != id {
		w.problem(bucket, id, "page says that it is page %d", got)
		return nil, nil
	}
	n := uint64(order.Uint32(buf[12:])) + 1
	if n > w.meta.pages-id {
		w.problem(bucket, id, "page claims %d overflow pages, past the end of the file", n-1)
		return nil, nil
	}
	for i := id; i < id+n; i++ {
		if !w.used.add(i) {
			w.problem(bucket, i, "page is used twice")
			return nil, nil
		}
	}
	if n > 1 {
		buf = append(buf, make([]byte, int64(n-1)*ps)...)
		if err := w.read(buf, int64(id)*ps); err != nil {
			w.problem(bucket, id, "overflow pages cannot be read: %v", err)
			return nil, nil
		}
	}
	return buf, nil
}

// tree looks at a page, and has those below it looked at.
func (w *walker) tree(ref pageRef) error {
	id, bucket, lo, hi := ref.id, ref.bucket, ref.lo, ref.hi
	if ref.depth > maxDepth {
		w.problem(bucket, id, "the tree is more than %d pages deep", maxDepth)
		return nil
	}
	page, err := w.run(id, bucket, "the tree")
	if page == nil {
		return err
	}
	switch flags := order.Uint16(page[8:]); flags {
	case leafPage:
		err := w.leaf(id, page, bucket, lo, hi)
		if len(page) == int(w.meta.pageSize) && bucket != "" { // the top level's leaves have buckets to come back from
			w.spare = append(w.spare, page)
		}
		return err
	case branchPage:
		return w.branch(id, page, bucket, lo, hi, ref.depth)
	default:
		w.problem(bucket, id, "page of type %#x where a branch or leaf was expected", flags)
		return nil
	}
}

// slice returns page[off:off+n], or nil if that is not all within the page.
func slice(page []byte, off, n uint64) []byte {
	if off > uint64(len(page)) || n > uint64(len(page))-off {
		return nil
	}
	return page[off : off+n : off+n]
}

// keyInOrder checks a key against its left neighbour and the bounds from above.
func (w *walker) keyInOrder(bucket string, id uint64, key, prev, lo, hi []byte, first bool) bool {
	switch {
	case len(key) == 0:
		w.problem(bucket, id, "key of no bytes")
	case !first && bytes.Compare(prev, key) >= 0:
		w.problemAt(bucket, id, key, "keys out of order")
	case lo != nil && bytes.Compare(key, lo) < 0, hi != nil && bytes.Compare(key, hi) >= 0:
		w.problemAt(bucket, id, key, "key outside its branch's range")
	default:
		return true
	}
	return false
}

func (w *walker) branch(id uint64, page []byte, bucket string, lo, hi []byte, depth int) error {
	count := int(order.Uint16(page[10:]))
	if count == 0 || pageHeader+count*elemSize > len(page) {
		w.problem(bucket, id, "branch page of %d elements", count)
		return nil
	}
	keys := make([][]byte, count)
	children := make([]uint64, count)
	for i := range count {
		off := uint64(pageHeader + i*elemSize)
		e := page[off:]
		keys[i] = slice(page, off+uint64(order.Uint32(e)), uint64(order.Uint32(e[4:])))
		children[i] = order.Uint64(e[8:])
		if keys[i] == nil {
			w.problem(bucket, id, "element %d lies outside its page", i)
			return nil
		}
		var prev []byte
		if i > 0 {
			prev = keys[i-1]
		}
		if !w.keyInOrder(bucket, id, keys[i], prev, lo, hi, i == 0) {
			return nil
		}
	}
	for i := range count {
		next := hi
		if i+1 < count {
			next = keys[i+1]
		}
		if err := w.below(pageRef{children[i], bucket, keys[i], next, depth + 1}); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) leaf(id uint64, page []byte, bucket string, lo, hi []byte) error {
	count := int(order.Uint16(page[10:]))
	if pageHeader+count*elemSize > len(page) {
		w.problem(bucket, id, "leaf page of %d elements", count)
		return nil
	}
	var prev []byte
	for i := range count {
		off := uint64(pageHeader + i*elemSize)
		e := page[off:]
		flags, pos, ksize, vsize := order.Uint32(e), order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
		key := slice(page, off+uint64(pos), uint64(ksize))
		value := slice(page, off+uint64(pos)+uint64(ksize), uint64(vsize))
		if key == nil || value == nil {
			w.problem(bucket, id, "element %d lies outside its page", i)
			return nil
		}
		// At the top the walk goes on: by the names of its buckets a damaged file is told from another program's.
		if !w.keyInOrder(bucket, id, key, prev, lo, hi, i == 0) && (bucket != "" || len(key) == 0) {
			return nil
		}
		prev = key
		switch {
		case flags == bucketElem && bucket == "":
			if err := w.bucket(id, string(key), value); err != nil {
				return err
			}
		case flags == 0 && bucket != "":
			if w.visit.Item != nil {
				w.visit.Item(bucket, id, key, value)
			}
		default:
			w.problemAt(bucket, id, key, "element of type %#x where only records, and buckets at the top, are expected", flags)
		}
	}
	return nil
}

// bucket walks a bucket from its header: root page 8, sequence 8, and, if the root is 0, a leaf page in line.
func (w *walker) bucket(id uint64, name string, header []byte) error {
	if len(header) < 16 {
		w.problem(name, id, "bucket header of %d bytes", len(header))
		return nil
	}
	if w.visit.Bucket != nil {
		w.visit.Bucket(name)
	}
	if root := order.Uint64(header); root != 0 {
		return w.below(pageRef{id: root, bucket: name})
	}
	inline := header[16:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != leafPage {
		w.problem(name, id, "the page within the bucket's header is no leaf")
		return nil
	}
	return w.leaf(id, inline, name, nil, nil)
}

// freelist checks the list of free pages: a used page in it would be overwritten by the next commit.
func (w *walker) freelist() error {
	if w.meta.freelist == noFreelist {
		return nil
	}
	page, err := w.run(w.meta.freelist, "", "the meta page")
	if page == nil {
		return err
	}
	id := w.meta.freelist
	if flags := order.Uint16(page[8:]); flags != freelistPage {
		w.problem("", id, "page of type %#x where the free list was expected", flags)
		return nil
	}
	list, count := page[pageHeader:], uint64(order.Uint16(page[10:]))
	if count == 0xFFFF { // too many for 16 bits: the first element is the count
		count, list = order.Uint64(list), list[8:]
	}
	if count > uint64(len(list))/8 {
		w.problem("", id, "free list of %d pages does not fit its page", count)
		return nil
	}
	free := make([]uint64, count)
	for i := range free {
		free[i] = order.Uint64(list[8*i:])
	}
	if !slices.IsSortedFunc(free, cmp.Compare[uint64]) {
		w.problem("", id, "free list is out of order")
	}
	for _, p := range free {
		switch {
		case p < 2 || p >= w.meta.pages:
			w.problem("", id, "free list names page %d, which is outside the file's %d", p, w.meta.pages)
		case !w.used.add(p):
			w.problem("", p, "page is in use and in the free list")
		}
	}
	// One line for all of them: a bad branch loses every page below it.
	var lost, first uint64
	for p := w.meta.pages - 1; p >= 2; p-- {
		if !w.used.has(p) {
			lost, first = lost+1, p
		}
	}
	if lost > 0 {
		w.problem("", first, "%d pages from this one on are neither in use nor free", lost)
		if w.visit.Orphan != nil {
			w.orphans(first)
		}
	}
	return nil
}

// orphans visits the records of pages that are neither in use nor free: those below a branch that is bad. What a page that was
// freed still holds is not among them.
func (w *walker) orphans(first uint64) {
	ps := int64(w.meta.pageSize)
	for id := first; id < w.meta.pages; id++ {
		if w.used.has(id) {
			continue
		}
		head := make([]byte, pageHeader)
		if _, err := w.f.ReadAt(head, int64(id)*ps); err != nil || order.Uint64(head) != id || order.Uint16(head[8:]) != leafPage {
			continue
		}
		n := uint64(order.Uint32(head[12:])) + 1
		if n > w.meta.pages-id || w.used.any(id, n) {
			continue
		}
		page := make([]byte, int64(n)*ps)
		if _, err := w.f.ReadAt(page, int64(id)*ps); err != nil {
			continue
		}
		for i := range int(order.Uint16(page[10:])) {
			off := uint64(pageHeader + i*elemSize)
			e := slice(page, off, elemSize)
			if e == nil || order.Uint32(e) != 0 {
				continue
			}
			at, ksize, vsize := off+uint64(order.Uint32(e[4:])), uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
			key, value := slice(page, at, ksize), slice(page, at+ksize, vsize)
			if key != nil && value != nil {
				w.visit.Orphan(id, key, value)
			}
		}
		id += n - 1
	}
}
