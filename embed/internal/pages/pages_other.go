//go:build !linux

package pages

// Release and Huge do nothing where no such advice is known.
func Release(string) {}

func Huge([]int8) {}
