//go:build !amd64

package kernel

// vectorKernels is empty: this architecture has the portable kernel only.
func vectorKernels() []*Kernel { return nil }
