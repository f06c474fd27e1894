// Package cache answers questions that have been paid for before, and knows when not to.
//
// A [Cache] is one file, opened with [Open]. A [Query] is a question with everything that must be equal for an
// answer to be reusable. [Cache.Do] does it all; [Cache.Lookup] and [Lookup.Fill] are its two halves, for callers
// that stream. The answer itself is bytes that the cache does not read.
//
// # Six steps
//
// A request takes six, and the packages, statistics and headers use the same words. The cache does 2, 3 and 5:
//
//  1. accept: the caller's business: limits, keys, deadlines.
//  2. key: the query gives the partition (everything but the last turn's text) and the exact key (that, too).
//  3. look up: the exact tier, in memory, then in the file; then the semantic one: embed the last turn, search its
//     partition, decide on the candidates (threshold, guards and verifier give each a probability; the error budget says
//     whether the most probable one is served), load it.
//  4. route: on a miss, the caller gets the answer where it is made. Do shares that call.
//  5. fill: the file first, then the index; the vector of step 3 is used again.
//  6. account: the Lookup has the status, the reason, every candidate and the time of each stage. What use shows is
//     learnt: see below.
//
// # Promises
//
//   - No entry crosses a namespace, a scope, a role, an attachment, a system prompt or a tool's result; nor an earlier turn's
//     text, unless a [Conversation] mode is asked for that judges it, or does without. The index is partitioned by
//     all of them, and an entry's head is compared again before it is served.
//   - What Fill, Put and Delete have returned is on disk. A killed process loses nothing that returned, and leaves a
//     sound file.
//   - A body is served only if its checksum holds. A damaged file is refused by Open with the place; damage that
//     comes later makes the look-up Degraded, not wrong.
//   - Open knows every entry when it returns; with Options.OpenEarly the exact tier does, and [Cache.Ready] says when the
//     semantic one does, too. The index's snapshot beside the file is advice on where vectors lie: what is there comes from the file.
//   - [Cache.Compact], [Cache.Backup] and [Cache.Export] run beside look-ups and writes. A process that dies amid them leaves
//     the file whole. [Restore] and [Salvage] make new files, and never touch the one they read.
//   - A full disk costs new entries, until there is room; entries of a clock that was ahead are young, and expire when they said.
//   - A cache failure is not the caller's: Lookup never fails, and Do returns the loaded value even if it could not
//     be stored.
//   - Vectors of two embedding models are never compared.
//   - An entry that was stored while the embedder failed, or before there was one, gets its vector in the background once it works.
//
// # What is learnt
//
// Each stored question and each partition may have a trait: a shift of the log-odds that step 3 adds to a candidate's
// probability, see trait.go. Labels move it: [Cache.Feedback] on a trace id, the answer that a near miss is filled with
// (labels.go, answers.go), and shadow checks of hits ([Lookup.ShadowCheck]). An answer found wrong for another question is
// demoted, for good: it answers its own question only, until [Cache.Judge] says otherwise. The checks also give a
// namespace's live false-hit rate ([Cache.FalseHits], rate.go); while that of the hits under one budget is too high, this budget is
// tightened there (tighten.go). An [Opinion] may be asked where the decision leaves a candidate open.
//
// Near misses also tell which stored questions have one answer. A partition counts how often the most probable candidate is
// right where its neighbours agree on an answer and where they do not, see consensus.go and cells.go. Only answers that are equal
// raise anything there.
//
// Weights are bounded by key, entry and partition, so that no caller decides for the others, and a trait is of one
// partition: what is said in one namespace, scope or key moves nothing in another.
//
// # What is kept
//
// Entries that have expired are swept away. Where [Options.MaxEntries] or [Options.MaxBytes] is reached, or a namespace's own limit,
// what saves least for its room goes in the very commit that needs it (room.go); what no room would be enough for is refused
// with [ErrTooLarge].
//
// Callers that ask elsewhere, and keep questions and answers of their own, use [Cache.PutVariant], [Cache.Search] and
// [Cache.DeleteMatching] (entries.go). [Cache.Import] takes in what Export wrote, or what [Cache.RecordOf] makes of past traffic.
//
// # Lifetimes and goroutines
//
// A Cache and all its methods are safe for concurrent use. A Lookup is one goroutine's at a time. Entries are
// shared: read only. A query's messages must stay unchanged until its Lookup is done with. Close ends the upkeep,
// the supply of vectors, the writers, comparisons, shadow checks and shared loads; nothing else runs in the background. What was learnt in the
// last second before a kill may be lost; what Feedback and Judge have returned from is not.
//
// # Lock order
//
// The locks of this package, the store and the index are leaves, but for two: the load's mu is held around the index's and a hot
// shard's, and snapshotting around all that a snapshot does. No other is taken while another is held, and none is
// held around a read or write of the file, a call of the embedder or the clock, or a load, but that of an open file (store/handle.go): every read
// shares it, and only the end of a file that was compacted away, or of the store, waits for it. Those that are held while waiting are
// the memory's turn to write what was learnt, and the store's sendMu, for room in the writer's queue; the writer, which makes
// that room, takes bbolt's locks, under them the memory's to collect what was learnt, and, with those released, the index's and a
// hot shard's, and never these two.
package cache
