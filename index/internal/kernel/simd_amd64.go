package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C asm . -out ../scan_amd64.s -stubs ../scan_amd64.go -pkg kernel

// vectorKernels lists the vector kernels that this processor can run, fastest first.
func vectorKernels() []*Kernel {
	var list []*Kernel
	x := cpu.X86
	if x.HasAVX512F && x.HasAVX512VNNI && x.HasAVX2 {
		differ := differPortable
		if x.HasAVX512VPOPCNTDQ {
			differ = func(dst []uint16, n int, q *Query, signs []uint64) {
				differ512(&dst[0], &signs[0], &q.signs[0], len(q.signs), Blocks(n)/block)
			}
		}
		list = append(list, &Kernel{"avx512vnni", func(dst []int32, q *Query, rows []byte) {
			n := whole(dst, q, rows)
			if n > 0 {
				scanVNNI512(&dst[0], &rows[0], &q.bytes[0], len(q.bytes), n)
			}
			subtract(dst[:n], q.excess)
		}, differ})
	}
	if x.HasAVX2 {
		list = append(list, &Kernel{"avx2", func(dst []int32, q *Query, rows []byte) {
			n := whole(dst, q, rows)
			if n > 0 {
				scanAVX2(&dst[0], &rows[0], &q.words[0], len(q.bytes), n)
			}
			subtract(dst[:n], q.excess)
		}, differPortable})
	}
	return list
}

// whole is how many rows the vector code takes, four at a time; it does the three at most that are left over.
func whole(dst []int32, q *Query, rows []byte) int {
	n := len(dst) &^ 3
	scanPortable(dst[n:], q, rows[n*len(q.bytes):])
	return n
}

func subtract(dst []int32, excess int32) {
	for i := range dst {
		dst[i] -= excess
	}
}
