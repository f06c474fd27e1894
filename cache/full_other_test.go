//go:build !unix

package cache

// What runs a process out of room is Unix's.
const fullEnv = "REPRISE_TEST_FULL_CHILD"

func fullChild(string) {}
