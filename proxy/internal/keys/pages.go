package keys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
)

// bbolt indexes a file with whatever it finds there: an offset that leads out of a page makes it read foreign memory, and of
// a small bucket, which it copies, make pointers that the garbage collector ends the process for. So the pages are walked
// first, with bounds that believe nothing. The layout is bbolt's (its internal/common), in the machine's byte order.
type pages struct {
	b    []byte // the file
	size uint64 // of a page
	used []bool // by page, up to the high-water mark
}

const (
	pageHeader    = 16 // id 8, flags 2, count 2, overflow 4
	pageElem      = 16 // leaf: flags, pos, ksize, vsize; branch: pos, ksize, pgid 8
	metaLen       = 64
	metaSum       = 56 // where its checksum is
	boltMagic     = 0xED0CDAED
	branchPage    = 0x01
	leafPage      = 0x02
	freelistPage  = 0x10
	bucketElem    = 0x01
	maxDepth      = 32
	maxFile       = 256 << 20
	notInThisFile = math.MaxUint64 // in place of a freelist's page: there is none
)

var order = binary.NativeEndian

var errPages = errors.New("its pages make no sense")

// checkFile walks the pages of a file that nobody else may write to.
func checkFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if info.Size() > maxFile {
		return fmt.Errorf("%w: it has %d bytes, and no file of keys has so many", ErrDamaged, info.Size())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if err := walkPages(b); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

func walkPages(b []byte) error {
	meta, size := newestMeta(b)
	if meta == nil {
		return errors.New("it has no meta page")
	}
	high := order.Uint64(meta[40:])
	if high > uint64(len(b))/size || high < 3 {
		return errors.New("it is cut off")
	}
	p := &pages{b: b, size: size, used: make([]bool, high)}
	if err := p.tree(order.Uint64(meta[16:]), 0); err != nil {
		return err
	}
	if id := order.Uint64(meta[32:]); id != notInThisFile {
		return p.freelist(id)
	}
	return nil
}

// newestMeta returns the meta that bbolt goes by, and the size of a page; nil if neither is good.
func newestMeta(b []byte) (newest []byte, size uint64) {
	at := func(off uint64) []byte {
		if off+pageHeader+metaLen > uint64(len(b)) {
			return nil
		}
		m := b[off+pageHeader:][:metaLen]
		h := fnv.New64a()
		h.Write(m[:metaSum])
		s := order.Uint32(m[8:])
		if order.Uint32(m) != boltMagic || h.Sum64() != order.Uint64(m[metaSum:]) || s < 1024 || s > 64<<10 || s&(s-1) != 0 || off != 0 && off != uint64(s) {
			return nil
		}
		return m
	}
	newest = at(0)
	for s := uint64(1024); s <= 64<<10; s *= 2 {
		if m := at(s); m != nil && (newest == nil || order.Uint64(m[48:]) > order.Uint64(newest[48:])) {
			newest = m
		}
	}
	if newest == nil {
		return nil, 0
	}
	return newest, uint64(order.Uint32(newest[8:]))
}

// take returns a page with those that it runs over into, and notes them as used.
func (p *pages) take(id uint64) ([]byte, error) {
	high := uint64(len(p.used))
	if id < 2 || id >= high {
		return nil, errPages
	}
	head := p.b[id*p.size:]
	last := id + uint64(order.Uint32(head[12:]))
	if last >= high || order.Uint64(head) != id {
		return nil, errPages
	}
	for i := id; i <= last; i++ {
		if p.used[i] {
			return nil, errPages
		}
		p.used[i] = true
	}
	return p.b[id*p.size : (last+1)*p.size], nil
}

func (p *pages) tree(id uint64, depth int) error {
	if depth > maxDepth {
		return errPages
	}
	page, err := p.take(id)
	if err != nil {
		return err
	}
	switch order.Uint16(page[8:]) {
	case leafPage:
		return p.leaf(page, depth, false)
	case branchPage:
		n := uint64(order.Uint16(page[10:]))
		if n == 0 || pageHeader+n*pageElem > uint64(len(page)) {
			return errPages
		}
		for i := range n {
			off := pageHeader + i*pageElem
			if !within(page, off+uint64(order.Uint32(page[off:])), uint64(order.Uint32(page[off+4:]))) {
				return errPages
			}
			if err := p.tree(order.Uint64(page[off+8:]), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return errPages
}

func within(page []byte, off, n uint64) bool {
	return off <= uint64(len(page)) && n <= uint64(len(page))-off
}

// leaf walks a leaf. inline: it is the whole of a small bucket, in which there are no others.
func (p *pages) leaf(page []byte, depth int, inline bool) error {
	n := uint64(order.Uint16(page[10:]))
	if pageHeader+n*pageElem > uint64(len(page)) {
		return errPages
	}
	for i := range n {
		off := pageHeader + i*pageElem
		key, ksize, vsize := off+uint64(order.Uint32(page[off+4:])), uint64(order.Uint32(page[off+8:])), uint64(order.Uint32(page[off+12:]))
		if !within(page, key, ksize+vsize) || ksize == 0 {
			return errPages
		}
		if order.Uint32(page[off:])&bucketElem == 0 {
			continue
		}
		value := page[key+ksize:][:vsize]
		if inline || len(value) < 16 {
			return errPages
		}
		if root := order.Uint64(value); root != 0 {
			if err := p.tree(root, depth+1); err != nil {
				return err
			}
			continue
		}
		small := value[16:]
		if len(small) < pageHeader || order.Uint16(small[8:]) != leafPage {
			return errPages
		}
		if err := p.leaf(small, depth+1, true); err != nil {
			return err
		}
	}
	return nil
}

// freelist makes sure that no page is free which is used, or twice.
func (p *pages) freelist(id uint64) error {
	page, err := p.take(id)
	if err != nil {
		return err
	}
	n, ids := uint64(order.Uint16(page[10:])), page[pageHeader:]
	if n == math.MaxUint16 { // more than fit: the first id is their number
		n, ids = order.Uint64(ids), ids[8:]
	}
	if order.Uint16(page[8:]) != freelistPage || n > uint64(len(ids))/8 {
		return errPages
	}
	for i := range n {
		free := order.Uint64(ids[i*8:])
		if free < 2 || free >= uint64(len(p.used)) || p.used[free] {
			return errPages
		}
		p.used[free] = true
	}
	return nil
}
