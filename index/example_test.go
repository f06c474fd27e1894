package index_test

import (
	"fmt"

	"github.com/reprise-cache/reprise/index"
)

func Example() {
	x := index.New(2)
	_ = x.Add("shop", 1, []float32{1, 0})
	_ = x.Add("shop", 2, []float32{0, 1})
	_ = x.Add("bank", 3, []float32{1, 0})
	hits, _ := x.Search("shop", []float32{4, 3}, 10)
	for _, h := range hits {
		fmt.Printf("%d %.2f\n", h.ID, h.Score)
	}
	// Output:
	// 1 0.80
	// 2 0.60
}
