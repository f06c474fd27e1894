package pages

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// Release says that the pages under an embedded file, or under a part of one, need not stay in memory. Loading has read it for
// its digest and has copied most of it to the kernel's layout; what is read again (rows of word embeddings) comes
// back from the binary page by page.
//
// Other memory than a file's, never written to, would be cleared by that: Release leaves it alone. Such are the pages of a binary that
// a packer has unpacked, too.
func Release(file string) {
	p := unsafe.StringData(file)
	if start := uintptr(unsafe.Pointer(p)); covers(mapped(), start, start+uintptr(len(file))) {
		advise(p, len(file), os.Getpagesize(), syscall.MADV_DONTNEED)
	}
}

// extent is the addresses from start to before end.
type extent struct{ start, end uintptr }

// mapped is where files are mapped that the process cannot write to, by address. What the system has mapped of the binary at the
// start stays where it is.
var mapped = sync.OnceValue(func() []extent {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil // nothing is known to be of a file
	}
	return readMaps(string(maps))
})

// readMaps reads the form of /proc/self/maps (proc_pid_maps(5)): a line a mapping, as "7f00-7f40 r--p 00000000 fe:00 2472 /usr/bin/x".
func readMaps(maps string) (of []extent) {
	for line := range strings.Lines(maps) {
		fields := strings.Fields(line)
		if len(fields) < 5 || strings.Contains(fields[1], "w") || fields[4] == "0" {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		start, err1 := strconv.ParseUint(from, 16, strconv.IntSize)
		end, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
		if err1 != nil || err2 != nil {
			continue
		}
		if n := len(of); n > 0 && of[n-1].end == uintptr(start) {
			of[n-1].end = uintptr(end)
			continue
		}
		of = append(of, extent{uintptr(start), uintptr(end)})
	}
	return of
}

// covers reports whether one of them has all from start to before end.
func covers(of []extent, start, end uintptr) bool {
	return slices.ContainsFunc(of, func(e extent) bool { return e.start <= start && end <= e.end })
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
