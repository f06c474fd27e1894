// Package index finds the nearest vectors within a partition: vectors in, ids out, nearest first. It knows no
// texts, no files and no cache.
//
// # Recall
//
// A partition of up to 64 vectors is searched exactly. A larger one keeps an 8-bit code of each vector beside it; a search
// multiplies the query with the codes and scores the best of that screen (32, or four for each hit wanted, if that is more)
// exactly, by float32. Every Score is therefore exact up to rounding; what a search may miss is a vector whose code erred by more
// than the distance to the last of those. Up to 16,384 vectors all codes are screened. Beyond, a search screens the nearest lists
// of vectors until it has seen that many or [Options.Probe] of the partition. `reprise bench index` prints what that finds.
//
// # Size
//
// A partition's lists have some hundred to a thousand vectors each, grouped by direction. A list that grows too long is
// split, one that gets too short is given to its neighbours; both take milliseconds whatever the partition's size, and nothing
// is ever rebuilt as a whole. Removing a vector frees it at once and its code soon after; a partition without vectors costs
// nothing.
//
// # Concurrency
//
// An [Index] is safe for concurrent use. A search waits for no change, whatever it moves, and allocates nothing but its result.
// Changes of one partition wait for each other. A search sees a vector whose Add returned before the search began, unless a
// Remove was called before it ended. While Add overwrites an id, a search may see the old vector, the new one, or neither.
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
