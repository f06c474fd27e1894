// Package store keeps the cache's entries in one bbolt file, which is the truth that everything in memory is
// rebuilt from. FORMAT.md beside this file gives the layout byte for byte.
//
//   - Store is the open file: point reads, one writer that commits in groups, a scan for opening.
//   - Head, and its body, are an entry; the vector is apart, because vectors belong to an embedding model.
//   - Check walks a file page by page and record by record, open or not, damaged or not, and lists what is wrong.
//   - Compact, Backup, Restore and Salvage make files of files: a smaller one in place of the open one, a copy as of one moment,
//     a copy put in place, what is whole of a damaged one. Each has its name only once it is whole and on disk; what a killed
//     process left of one goes when the file is next opened, or an hour after.
//
// Durability: a write that has returned nil is on disk (fsync). One that has not returned is there whole or not at all.
//
// Order: changes reach Options.OnCommit in the order in which they were committed, after the commit and before
// the writers that wait for it are told. The callback runs on the writer goroutine; it must not write.
//
// Writes go through txn, never through bbolt's transaction: a compaction copies again what txn saw written meanwhile.
//
// Damage: bbolt trusts its pages, and panics or faults on bad ones. Open therefore has the whole page structure walked, by
// package boltfile, before bbolt maps the file, and every later access runs where a panic or a memory fault turns into a Fault. Every record carries a checksum over its bucket, key and value, verified whenever it is read.
package store
