// Package pages tells the system how the large stretches of memory that models take are used. That changes no byte of them, and a system
// that takes no such advice manages them as it does others.
package pages

// hugePage is the size of a huge page on amd64, and on arm64 with pages of 4 KB. Where it is another, the advice is for fewer or for none.
const hugePage = 2 << 20
