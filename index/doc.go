// Package index finds the nearest vectors within a partition: vectors in, ids out, nearest first. It knows no
// texts, no files and no cache.
//
// An [Index] is safe for concurrent use. Everything is in memory; whoever keeps the truth rebuilds it by adding
// anew. Search is exhaustive and exact: the k best by cosine are the k best, up to float32 rounding.
//
// Vectors must have the index's dimension and be finite and not zero; anything else is refused with an error that
// wraps [ErrDimension] or [ErrVector]. They are copied, and scaled to length 1 where they are not.
//
// Beneath lies one chromem-go collection a partition, without documents' texts and without its persistence.
package index
