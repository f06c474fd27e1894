// Package index finds the nearest vectors within a partition: vectors in, ids out, nearest first. It knows no
// texts, no files and no cache.
//
// # Recall
//
// A partition of up to 32 vectors is searched exactly, and so is one of up to 64 that never had more. A larger one keeps two codes
// of each vector beside it: 8 bits an element, and its sign. A search goes from coarse to fine:
//
//   - Lists: of more than 8,192 vectors, those in the lists nearest to the query that promise a hit, 65,536 or a fifth
//     of all at most ([Options.Probe]). What a list promises comes from how far its centre is from the query, and its vectors
//     from the centre.
//   - Codes: of the first 4,096 of those, the products with the query's code.
//   - Signs: of the rest, the products of those alone whose signs are likely for a vector that is as near as the hits so far.
//   - Vectors: the 32 with the largest products (or four for each hit wanted) are scored by float32.
//
// So a question that was asked before in other words costs a fraction of a millisecond among a million, and one that has no
// near neighbours a few milliseconds.
//
// Every Score is therefore exact up to rounding; what a search may miss is a vector that a coarser step took for further away than
// it is. `reprise bench index` prints how many of the true nearest it finds.
//
// # Size
//
// A partition's lists have some dozens of vectors each, grouped by direction. A list that grows too long is
// split, one that gets too short is given to its neighbours; both take milliseconds whatever the partition's size, and the lists
// are never rebuilt as a whole. Removing a vector frees it at once and its codes soon after, and what finds it by its id is made
// anew once three quarters of a partition are gone; a partition without vectors costs nothing.
//
// A graph would find the far neighbours of a question in fewer steps, but it has to be repaired where vectors go, and the one that
// is kept for Go, coder/hnsw v0.6.1, found a quarter of the nearest five of 100,000 texts whatever it was asked for, since its
// search ends at the first step that is none nearer.
//
// # Concurrency
//
// An [Index] is safe for concurrent use. A search waits for no change, whatever it moves, and allocates nothing but its result.
// Changes of one partition wait for each other. A search sees a vector whose Add returned before the search began, unless a
// Remove was called before it ended. While Add overwrites an id, a search may see the old vector, the new one, neither, or both,
// as two hits.
//
// # Lifetime
//
// Everything is in memory; whoever keeps the truth rebuilds it by adding anew. Vectors must have the index's dimension and be
// finite and not zero; anything else is refused with an error that wraps [ErrDimension] or [ErrVector]. They are copied,
// and scaled to length 1 where they are not.
//
// Beneath lies one chromem-go collection a partition, without documents' texts and without its persistence. It holds the vectors;
// the lists share them.
package index
