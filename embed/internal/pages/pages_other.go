//go:build !linux

package embed

// release does nothing: the system drops pages of the binary when it needs the room.
func release(string) {}
