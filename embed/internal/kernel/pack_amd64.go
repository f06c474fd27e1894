package kernel

import "encoding/binary"

// Packing reads and writes eight weights at a time, as one word: all weights of both models pass through here at every start.

const (
	evenBytes = 0x00ff00ff00ff00ff
	evenWords = 0x0000ffff0000ffff
	lowHalf   = 0x00000000ffffffff
)

func (avx512vnni) pack(m *Matrix, w []int8) { packFours[[vnniPanel]struct{}](m, w) }

func (avxvnni) pack(m *Matrix, w []int8) { packFours[[avxvnniPanel]struct{}](m, w) }

// packFours lays the weights out panel after panel, for every four inputs the weights of each of the panel's channels, and counts
// what the product has to take off, since activations are offset by 128. P has the length of a panel: as a constant of
// the type it spares the inner loop the bounds checks that a parameter would bring.
func packFours[P [vnniPanel]struct{} | [avxvnniPanel]struct{}](m *Matrix, w []int8) {
	var p P
	panel := len(p)
	from, to := asBytes(w), asBytes(m.data)
	// Panel after panel and in it group after group, as the product reads them.
	m.offset = make([]int32, m.Out*m.In/Group)
	offset := m.offset
	for o := 0; o < m.Out; o += panel {
		for i := 0; i < m.In; i += Group {
			for c := 0; c < panel; c += 2 {
				a, b := (*[Group]byte)(from[(o+c)*m.In+i:]), (*[Group]byte)(from[(o+c+1)*m.In+i:])
				var sumA, sumB uint64
				at := to[4*c : panel*Group]
				for k := 0; k < Group; k += 8 {
					x, y := binary.LittleEndian.Uint64(a[k:]), binary.LittleEndian.Uint64(b[k:])
					binary.LittleEndian.PutUint64(at[k*panel:], x&lowHalf|y<<32)
					binary.LittleEndian.PutUint64(at[(k+4)*panel:], x>>32|y&^lowHalf)
					sumA, sumB = sumA+pairSums(x), sumB+pairSums(y)
				}
				offset[c], offset[c+1] = -128*groupSum(sumA), -128*groupSum(sumB)
			}
			to, offset = to[panel*Group:], offset[panel:]
		}
	}
}

// pairSums is the sums of neighbouring weights, each of the eight raised by 128, in four fields of 16 bits. The fields of a
// whole group still fit: its 48 words add up to no more than 48 * 2 * 255.
func pairSums(x uint64) uint64 {
	x ^= 0x8080808080808080
	return x&evenBytes + x>>8&evenBytes
}

// groupSum is the sum of a group's weights, from the sum of its pairSums.
func groupSum(fields uint64) int32 {
	fields = fields&evenWords + fields>>16&evenWords
	return int32(fields&lowHalf+fields>>32) - 128*Group
}

// pack lays the weights out panel after panel, for every two inputs the weights of each of the panel's channels.
func (avx2) pack(m *Matrix, w []int8) {
	from, to := asBytes(w), asBytes(m.data)
	for o := 0; o < m.Out; o += avx2Panel {
		for i := 0; i < m.In; i += Group {
			block := (*[avx2Panel * Group]byte)(to)
			for c := 0; c < avx2Panel; c += 4 {
				row := func(n int) *[Group]byte { return (*[Group]byte)(from[(o+c+n)*m.In+i:]) }
				r0, r1, r2, r3 := row(0), row(1), row(2), row(3)
				at := block[2*c:]
				for k := 0; k < Group; k += 8 {
					// A square of four by four pairs is transposed: within words, then between them.
					x0, x1 := swapPairs(binary.LittleEndian.Uint64(r0[k:]), binary.LittleEndian.Uint64(r1[k:]))
					x2, x3 := swapPairs(binary.LittleEndian.Uint64(r2[k:]), binary.LittleEndian.Uint64(r3[k:]))
					binary.LittleEndian.PutUint64(at[k*avx2Panel:], x0&lowHalf|x2<<32)
					binary.LittleEndian.PutUint64(at[(k+2)*avx2Panel:], x1&lowHalf|x3<<32)
					binary.LittleEndian.PutUint64(at[(k+4)*avx2Panel:], x0>>32|x2&^lowHalf)
					binary.LittleEndian.PutUint64(at[(k+6)*avx2Panel:], x1>>32|x3&^lowHalf)
				}
			}
			to = to[avx2Panel*Group:]
		}
	}
}

// swapPairs exchanges the odd pairs of bytes of a with the even ones of b.
func swapPairs(a, b uint64) (uint64, uint64) {
	return a&evenWords | b&evenWords<<16, a>>16&evenWords | b&^evenWords
}
