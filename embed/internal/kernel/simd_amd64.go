package kernel

import "golang.org/x/sys/cpu"

//go:generate go run -C asm . -out ../vector_amd64.s -stubs ../vector_amd64.go -pkg kernel

// vectorKernels lists the vector kernels that this processor can run, fastest first.
func vectorKernels() []*Kernel {
	var list []*Kernel
	x := cpu.X86
	if x.HasAVX512F && x.HasAVX512VL && x.HasAVX512VNNI && x.HasAVX2 && x.HasFMA {
		list = append(list, &Kernel{name: "avx512vnni", impl: avx512vnni{}})
	}
	if x.HasAVXVNNI && x.HasAVX2 && x.HasFMA {
		list = append(list, &Kernel{name: "avxvnni", impl: avxvnni{}})
	}
	if x.HasAVX2 && x.HasFMA {
		list = append(list, &Kernel{name: "avx2", impl: avx2{}})
	}
	return list
}

// ones is the inverse of a Quantize that has none.
var ones = func() (x [Group]float32) {
	for i := range x {
		x[i] = 1
	}
	return x
}()

func inverseOrOnes(inverse []float32) *float32 {
	if inverse == nil {
		return &ones[0]
	}
	return &inverse[0]
}

// transposeKeys lays out one head's keys of a sequence as the attention's vector code reads them: a row that is added to the
// scores, which rules out the padding, then one row a dimension. k is the head's first key.
func transposeKeys(keys, k []float32, stride, n, padded int) {
	for j := range padded {
		keys[j] = 0
		if j >= n {
			keys[j] = -1e30
		}
	}
	keys = keys[padded:]
	j := n &^ 3
	if j > 0 {
		transpose4(&keys[0], &k[0], stride, padded, j/4)
	}
	for ; j < n; j++ {
		for d, v := range (*[HeadDim]float32)(k[j*stride:]) {
			keys[d*padded+j] = v
		}
	}
	for ; j < padded; j++ {
		for d := range HeadDim {
			keys[d*padded+j] = 0
		}
	}
}

type attendFunc func(dst *float32, dstStride int, q, keys, v *float32, stride int, p *float32, n, padded int)

// attendWith runs the attention with the code for four queries and for one.
func attendWith(four, one attendFunc, dst, qkv, scratch []float32, heads int) {
	width := heads * HeadDim
	n, stride := len(dst)/width, 3*width
	padded := roundUp(n, 16)
	keys, p := scratch[:(HeadDim+1)*padded], scratch[(HeadDim+1)*padded:]
	for h := 0; h < width; h += HeadDim {
		transposeKeys(keys, qkv[width+h:], stride, n, padded)
		i := 0
		for ; i+attendQueries <= n; i += attendQueries {
			four(&dst[i*width+h], width, &qkv[i*stride+h], &keys[0], &qkv[2*width+h], stride, &p[0], n, padded)
		}
		for ; i < n; i++ {
			one(&dst[i*width+h], width, &qkv[i*stride+h], &keys[0], &qkv[2*width+h], stride, &p[0], n, padded)
		}
	}
}

type productFunc func(dst *float32, dstStride int, q *int8, qStride, groups int, w *int8, offset *int32, rowScale, colScale, bias *float32, rows int)

// productRows is how many rows a product multiplies at once, at most.
const productRows = 6

// multiplyWith runs a product over panels of so many channels; a quantised row has stride bytes.
func multiplyWith(product productFunc, panel int, dst []float32, m *Matrix, q []int8, stride int, scale []float32) {
	rows, groups := len(q)/stride, m.In/Group
	for o := 0; o < m.Out; o += panel {
		var offset *int32 // nil: the activations have none
		if m.offset != nil {
			offset = &m.offset[o*groups]
		}
		each(rows, productRows, func(r, n int) {
			product(&dst[r*m.Out+o], m.Out, &q[r*stride], stride, groups, &m.data[o*m.In], offset, &scale[r*groups], &m.Scale[o], &m.Bias[o], n)
		})
	}
}

// avx512vnni multiplies 64 bytes with one VPDPBUSD.
type avx512vnni struct{}

const vnniPanel = 64

func (avx512vnni) width() int { return 1 }

func (avx512vnni) quantize(q []int8, scale, x, inverse []float32) {
	quantize512(&q[0], &scale[0], &x[0], inverseOrOnes(inverse), len(scale))
}

func (avx512vnni) matMul(dst []float32, m *Matrix, q []int8, scale []float32, gelu bool) {
	multiplyWith(productVNNI512, vnniPanel, dst, m, q, m.In, scale)
	if gelu {
		gelu512(&dst[0], len(dst))
	}
}

func (avx512vnni) addNorm(x, residual, weight, bias []float32) {
	addNorm512(&x[0], &residual[0], &weight[0], &bias[0], len(weight), len(x)/len(weight), 1/float32(len(weight)))
}

func (avx512vnni) attend(dst, qkv, scratch []float32, heads int) {
	attendWith(attend4_512, attend1_512, dst, qkv, scratch, heads)
}

// avxvnni multiplies 32 bytes with one VPDPBUSD, without AVX-512: on Intel's client processors since the 12th generation and on
// servers of efficiency cores. All else is as avx2 has it.
type avxvnni struct{ avx2 }

const avxvnniPanel = 16

func (avxvnni) width() int { return 1 }

func (avxvnni) quantize(q []int8, scale, x, inverse []float32) {
	quantizeBytes256(&q[0], &scale[0], &x[0], inverseOrOnes(inverse), len(scale))
}

func (avxvnni) matMul(dst []float32, m *Matrix, q []int8, scale []float32, gelu bool) {
	multiplyWith(productAVXVNNI, avxvnniPanel, dst, m, q, m.In, scale)
	if gelu {
		gelu256(&dst[0], len(dst))
	}
}

// avx2 multiplies 16 words with VPMADDWD: activations are kept in 16 bits, weights in 8.
type avx2 struct{}

const avx2Panel = 16

func (avx2) width() int { return 2 }

func (avx2) quantize(q []int8, scale, x, inverse []float32) {
	quantize256(&q[0], &scale[0], &x[0], inverseOrOnes(inverse), len(scale))
}

func (avx2) matMul(dst []float32, m *Matrix, q []int8, scale []float32, gelu bool) {
	multiplyWith(productAVX2, avx2Panel, dst, m, q, 2*m.In, scale)
	if gelu {
		gelu256(&dst[0], len(dst))
	}
}

func (avx2) addNorm(x, residual, weight, bias []float32) {
	addNorm256(&x[0], &residual[0], &weight[0], &bias[0], len(weight), len(x)/len(weight), 1/float32(len(weight)))
}

func (avx2) attend(dst, qkv, scratch []float32, heads int) {
	attendWith(attend4_256, attend1_256, dst, qkv, scratch, heads)
}

// each calls tile for 0..rows in tiles of at most most rows that differ by one at most: a tile of a row or two costs almost as
// much as a full one.
func each(rows, most int, tile func(row, n int)) {
	tiles := (rows + most - 1) / most
	for i := range tiles {
		from, to := i*rows/tiles, (i+1)*rows/tiles
		tile(from, to-from)
	}
}
