// Package boltfile says whether a bbolt file is sound before bbolt is let near it.
//
// bbolt maps a file and indexes it with whatever it finds there: a damaged page makes it panic, read foreign memory, or fault,
// which ends the process. [Walk] reads the file with plain reads and believes nothing: a file that it calls sound gives bbolt
// nothing to panic or fault on. [Verify] does that to a path, under the lock that keeps writers of other processes out.
// [Guard] is for what rots afterwards: within it a panic or a memory fault becomes an error.
//
// The files are this module's: records in buckets, and buckets at the top only. What the records say is for their owner to
// check. The package lies here, and not under internal, because every folder that keeps a bbolt file uses it; it is no part of
// the library, and says nothing of bbolt in its API.
package boltfile
