package embed

import (
	"os"
	"syscall"
	"unsafe"
)

// release tells the system that the pages under an embedded file need not stay in memory. Loading has read all of it once, for
// its digest, and has copied most of it to the kernel's layout; what is read again (rows of word embeddings) comes
// back from the binary page by page.
//
// The file must be one that the compiler embedded: pages of the binary, never written to. Other memory would be cleared.
func release(file string) {
	page := uintptr(os.Getpagesize())
	start := uintptr(unsafe.Pointer(unsafe.StringData(file)))
	skip := -start & (page - 1)
	if uintptr(len(file)) < skip+page {
		return
	}
	whole := (uintptr(len(file)) - skip) &^ (page - 1)
	pages := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.StringData(file)), skip)), whole)
	// A system that does not do it keeps the pages until it needs the room.
	_ = syscall.Madvise(pages, syscall.MADV_DONTNEED)
}
