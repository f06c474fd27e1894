package kernel

import "math"

// portable is plain Go. It is the reference that the other paths are tested against, and what runs where none of them can.
type portable struct{}

// pack keeps the weights as they are: one row an output channel.
func (portable) pack(m *Matrix, w []int8) { copy(m.data, w) }

func (portable) width() int { return 1 }

func (portable) quantize(q []int8, scale, x, inverse []float32) {
	for g := range scale {
		in, out := x[g*Group:][:Group], q[g*Group:][:Group]
		var peak float32
		for i, v := range in {
			if inverse != nil {
				v *= inverse[i]
			}
			peak = max(peak, v, -v)
		}
		scale[g] = peak / 127
		var factor float32
		if peak > tinyPeak {
			factor = 127 / peak
		}
		for i, v := range in {
			if inverse != nil {
				v *= inverse[i]
			}
			out[i] = round(v * factor)
		}
	}
}

// tinyPeak is the peak up to which a group counts as zeros, because the factor 127 / peak would overflow.
const tinyPeak = 1e-30

// roundMagic is 1.5 * 2^23: adding it leaves a float32's nearest integer, ties to even, in its low bits.
const roundMagic = 3 << 22

// round is the nearest integer of x, ties to even, within -127..127 even where x is a rounding error above 127.
func round(x float32) int8 {
	n := int32(math.Float32bits(x+roundMagic)) - int32(math.Float32bits(roundMagic))
	return int8(min(max(n, -127), 127))
}

const (
	// The portable product computes three outputs with each 64-bit multiplication: three weights lie in fields of one
	// word, and so do their sums. A field's sum must stay within its 21 bits, signed, so the word is emptied after
	// every portableRun products: 64 * 127 * 127 is less than 2^20.
	portableRun    = 64
	portableField  = 21
	portableFields = 3
)

func (portable) matMul(dst []float32, m *Matrix, q []int8, scale []float32, gelu bool) {
	rows, groups := len(q)/m.In, m.In/Group
	for r := range rows {
		for o, b := range m.Bias {
			dst[r*m.Out+o] = b
		}
	}
	var words [Group]int64
	for o := 0; o < m.Out; o += portableFields {
		// The last word of a width that three does not divide has fewer outputs, and zeros in the other fields.
		n := min(portableFields, m.Out-o)
		for g := range groups {
			packWords(&words, m.data, m.In, o, n, g*Group)
			for r := range rows {
				var sums [portableFields]int32
				sums[0], sums[1], sums[2] = dotWords((*[Group]int8)(q[r*m.In+g*Group:]), &words)
				s, d := scale[r*groups+g], dst[r*m.Out+o:]
				for i, sum := range sums[:n] {
					d[i] += float32(float32(sum)*s) * m.Scale[o+i]
				}
			}
		}
	}
	if gelu {
		for i, v := range dst {
			dst[i] = geluScalar(v)
		}
	}
}

// noWeights stands in for the rows that a last word of fewer than three outputs has not.
var noWeights [Group]int8

// packWords puts group at of the n rows from row o on side by side into words.
func packWords(words *[Group]int64, w []int8, in, o, n, at int) {
	rows := [portableFields]*[Group]int8{&noWeights, &noWeights, &noWeights}
	for i := range n {
		rows[i] = (*[Group]int8)(w[(o+i)*in+at:])
	}
	for k := range words {
		words[k] = int64(rows[0][k]) + int64(rows[1][k])<<portableField + int64(rows[2][k])<<(2*portableField)
	}
}

// dotWords is the product of a group of activations with each of the three outputs in words. The steps of eight let the
// compiler see that no index is out of range.
func dotWords(q *[Group]int8, words *[Group]int64) (s0, s1, s2 int32) {
	for at := 0; at < Group; at += portableRun {
		var even, odd int64
		for k := at; k < at+portableRun; k += 8 {
			a, w := (*[8]int8)(q[k:]), (*[8]int64)(words[k:])
			even += int64(a[0])*w[0] + int64(a[2])*w[2] + int64(a[4])*w[4] + int64(a[6])*w[6]
			odd += int64(a[1])*w[1] + int64(a[3])*w[3] + int64(a[5])*w[5] + int64(a[7])*w[7]
		}
		// A field's sum is what its bits say as a signed number; what it borrowed from the fields above is given back.
		sum := even + odd
		field := sum << (64 - portableField) >> (64 - portableField)
		s0 += int32(field)
		sum = (sum - field) >> portableField
		field = sum << (64 - portableField) >> (64 - portableField)
		s1 += int32(field)
		s2 += int32((sum - field) >> portableField)
	}
	return s0, s1, s2
}

func (portable) addNorm(x, residual, weight, bias []float32) {
	for at := 0; at < len(x); at += len(weight) {
		row, res := x[at:][:len(weight)], residual[at:][:len(weight)]
		var sum float32
		for i := range row {
			row[i] += res[i]
			sum += row[i]
		}
		mean := sum / float32(len(row))
		var squares float32
		for _, v := range row {
			squares += (v - mean) * (v - mean)
		}
		inverse := 1 / float32(math.Sqrt(float64(squares/float32(len(row))+normEps)))
		for i, v := range row {
			row[i] = (v-mean)*inverse*weight[i] + bias[i]
		}
	}
}

func (portable) attend(dst, qkv, scratch []float32, heads int) {
	width := heads * HeadDim
	n := len(dst) / width
	p := scratch[:n]
	for h := range heads {
		for i := range n {
			query := (*[HeadDim]float32)(qkv[i*3*width+h*HeadDim:])
			peak := float32(math.Inf(-1))
			for j := range p {
				key := (*[HeadDim]float32)(qkv[j*3*width+width+h*HeadDim:])
				var s0, s1 float32
				for d := 0; d < HeadDim; d += 2 {
					s0 += query[d] * key[d]
					s1 += query[d+1] * key[d+1]
				}
				p[j] = s0 + s1
				peak = max(peak, p[j])
			}
			var sum float32
			for j, s := range p {
				p[j] = expScalar(s - peak)
				sum += p[j]
			}
			var acc [HeadDim]float32
			for j, e := range p {
				value := (*[HeadDim]float32)(qkv[j*3*width+2*width+h*HeadDim:])
				for d := range acc {
					acc[d] += e * value[d]
				}
			}
			out := (*[HeadDim]float32)(dst[i*width+h*HeadDim:])
			for d := range acc {
				out[d] = acc[d] / sum
			}
		}
	}
}
