package pages

import (
	_ "embed"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

//go:embed pages_linux.go
var embedded string

// TestReleaseKnowsFiles: what the compiler embedded is of a file, and other memory is left as it is.
func TestReleaseKnowsFiles(t *testing.T) {
	start := uintptr(unsafe.Pointer(unsafe.StringData(embedded)))
	if !covers(mapped(), start, start+uintptr(len(embedded))) {
		t.Errorf("an embedded file at %#x is in none of %#x", start, mapped())
	}
	made := strings.Repeat("x", 1<<20)
	Release(made)
	if strings.Count(made, "x") != len(made) {
		t.Error("memory that is no file's was cleared")
	}
}

func TestReadMaps(t *testing.T) {
	const maps = `00400000-00401000 r-xp 00000000 fe:00 2471 /opt/some place/x
00401000-00403000 r--p 00001000 fe:00 2471 /opt/some place/x
00403000-00404000 rw-p 00003000 fe:00 2471 /opt/some place/x
00404000-00405000 r--p 00000000 00:00 0
00500000-00501000 r--p 00000000 fe:00 2472 /usr/lib/y
c000000000-c000400000 rw-p 00000000 00:00 0 [anon: Go: heap]
7ffd0000-7ffd2000 r-xp 00000000 00:00 0 [vdso]
00600000 r--p 00000000 fe:00 2472 /no/end
nonsense
`
	of := readMaps(maps)
	if want := []extent{{0x400000, 0x403000}, {0x500000, 0x501000}}; !slices.Equal(of, want) {
		t.Errorf("%#x, want %#x", of, want)
	}
	for _, c := range []struct {
		start, end uintptr
		want       bool
	}{{0x400000, 0x403000, true}, {0x400800, 0x401800, true}, {0x402000, 0x403001, false}, {0x3fffff, 0x400001, false}, {0x404000, 0x404001, false}} {
		if got := covers(of, c.start, c.end); got != c.want {
			t.Errorf("%#x to %#x: %v", c.start, c.end, got)
		}
	}
}

func FuzzReadMaps(f *testing.F) {
	f.Add("00400000-00401000 r-xp 00000000 fe:00 2471 /x\n")
	f.Fuzz(func(t *testing.T, maps string) {
		if of := readMaps(maps); len(of) > strings.Count(maps, "\n")+1 {
			t.Errorf("%d of %q", len(of), maps)
		}
	})
}
