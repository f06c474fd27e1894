package boltfile

import (
	"context"
	"io"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
)

// refsAtOnce is how many pages a goroutine takes on at a time; they mostly follow each other in the file.
const refsAtOnce = 256

// isSound reports whether Walk would find nothing wrong with a file. It asks the same of every page, but level by level of the trees and
// within a level in the order of the file, with all cores. Pages that a busy cache has written lie in no order of the trees:
// following those takes a read for each page, one after the other. What it cannot say is what is wrong first.
func isSound(ctx context.Context, f io.ReaderAt, size int64, atOnce int) (bool, error) {
	var bad atomic.Bool
	whole := walker{ctx: ctx, f: f, size: size, visit: Visitor{Problem: func(Problem) { bad.Store(true) }}}
	if !whole.readMetas() || whole.meta.pages > uint64(size)/uint64(whole.meta.pageSize) {
		return false, nil
	}
	whole.used = newPageSet(whole.meta.pages)
	level := []pageRef{{id: whole.meta.root}}
	for len(level) > 0 && !bad.Load() {
		next, err := whole.level(level, atOnce) // no page is looked at twice, so that this ends
		if err != nil {
			return false, err
		}
		level = next
	}
	if bad.Load() {
		return false, nil
	}
	err := whole.freelist()
	return err == nil && !bad.Load(), err
}

// level looks at pages and returns those that they lead to, in any order.
func (w *walker) level(refs []pageRef, atOnce int) (next []pageRef, err error) {
	type place struct {
		page uint64
		ref  int
	}
	order := make([]place, len(refs)) // sorted in place of the references, which are several times as large
	for i := range refs {
		order[i] = place{refs[i].id, i}
	}
	sort.Slice(order, func(i, j int) bool { return order[i].page < order[j].page })
	var from atomic.Int64
	var mu sync.Mutex // guards next and err
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (len(refs)+atOnce-1)/atOnce) {
		wg.Go(func() {
			var found []pageRef
			var failed error
			part := walker{ctx: w.ctx, f: w.f, size: w.size, meta: w.meta, visit: w.visit, used: w.used}
			part.below = func(ref pageRef) error {
				found = append(found, ref)
				return nil
			}
			for failed == nil {
				at := int(from.Add(int64(atOnce))) - atOnce
				if at >= len(order) {
					break
				}
				for _, p := range order[at:min(at+atOnce, len(order))] {
					if failed = part.tree(refs[p.ref]); failed != nil {
						break
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			next = append(next, found...)
			if err == nil {
				err = failed
			}
		})
	}
	wg.Wait()
	return next, err
}
