package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkParts times what one layer of the encoder does, part by part, for sequences of three lengths.
func BenchmarkParts(b *testing.B) {
	const heads, inner = 12, 4 * Group
	r := random()
	for _, k := range kernels[:len(kernels)-1] {
		for _, rows := range []int{8, 32, 128} {
			x, residual, qkv, mid := normals(r, rows*Group, 1), normals(r, rows*Group, 1), normals(r, rows*3*Group, 1), normals(r, rows*inner, 1)
			weight := normals(r, Group, 1)
			q, scale, scratch := make([]int8, k.QuantSize(rows*inner)), make([]float32, rows*4), make([]float32, AttendScratch(rows))
			product := func(in, out int, dst []float32, gelu bool) func() {
				m, err := k.Pack(make([]int8, in*out), int8s(r, in*out), normals(r, out, 1), normals(r, out, 1), in, out)
				if err != nil {
					b.Fatal(err)
				}
				k.Quantize(q, scale, mid[:rows*in], nil)
				return func() { k.MatMul(dst, m, q[:k.QuantSize(rows*in)], scale, gelu) }
			}
			up, wide := make([]float32, rows*inner), make([]float32, rows*Group)
			for _, part := range []struct {
				name string
				run  func()
			}{
				{"quantize", func() { k.Quantize(q, scale, mid, nil) }},
				{"qkv", product(Group, 3*Group, up, false)},
				{"attend", func() { k.Attend(x, qkv, scratch, heads) }},
				{"up", product(Group, inner, up, false)},
				{"up+gelu", product(Group, inner, up, true)},
				{"down", product(inner, Group, wide, false)},
				{"norm", func() { k.AddNorm(x, residual, weight, weight) }},
			} {
				b.Run(fmt.Sprintf("%s/rows=%d/%s", k.name, rows, part.name), func(b *testing.B) {
					for b.Loop() {
						part.run()
					}
				})
			}
		}
	}
}

// BenchmarkPack is the preparation of one matrix, of which a start does some sixty.
func BenchmarkPack(b *testing.B) {
	const in, out = Group, 4 * Group
	r := random()
	w, scale, bias := int8s(r, in*out), normals(r, out, 1), normals(r, out, 1)
	for _, k := range kernels {
		b.Run(k.name, func(b *testing.B) {
			b.SetBytes(in * out)
			room := make([]int8, in*out)
			for b.Loop() {
				if _, err := k.Pack(room, w, scale, bias, in, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
