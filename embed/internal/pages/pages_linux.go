package pages

import (
	"os"
	"syscall"
	"unsafe"
)

// Release says that the pages under an embedded file, or under a part of one, need not stay in memory. Loading has read it for
// its digest and has copied most of it to the kernel's layout; what is read again (rows of word embeddings) comes
// back from the binary page by page.
//
// The file must be one that the compiler embedded: pages of the binary, never written to. Other memory would be cleared.
func Release(file string) {
	advise(unsafe.StringData(file), len(file), os.Getpagesize(), syscall.MADV_DONTNEED)
}

// Huge says that all of b will be written and used for long, so that huge pages are worth it: thousands of page faults fewer
// at the start, and fewer misses of the address cache after it.
func Huge(b []int8) {
	advise((*byte)(unsafe.Pointer(unsafe.SliceData(b))), len(b), hugePage, syscall.MADV_HUGEPAGE)
}

// advise gives the advice for the whole pages of the given size in n bytes at p.
func advise(p *byte, n, size, advice int) {
	skip := int(-uintptr(unsafe.Pointer(p)) & uintptr(size-1))
	if n < skip+size {
		return
	}
	whole := (n - skip) &^ (size - 1)
	// Without it all works as well, but for time and memory.
	_ = syscall.Madvise(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(p), skip)), whole), advice)
}
