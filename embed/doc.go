// Package embed turns texts into unit vectors, so that texts of like meaning have a high cosine.
//
// [MiniLM] runs all-MiniLM-L6-v2, trained further to find rewordings, in the process: tokenizer, quantised weights (embedded in the binary, 22 MB) and the
// arithmetic, in Go without cgo. [OpenAI] asks any endpoint that speaks OpenAI's embeddings API. Both have an ID, which names the
// model and its revision: vectors of one ID are comparable, those of two are not, so whoever stores vectors stores the
// ID beside them.
//
// [Verifier] reads two texts together and says how likely it is that one answer serves both: what a cosine cannot.
//
// # What MiniLM computes
//
// A text becomes WordPiece ids as BERT's uncased models define them, then vectors, one a token, whose mean is scaled to
// length 1. The published model was trained on up to 256 tokens, the further
// training read 64. A longer text is cut into windows of 256, each with the two special tokens
// of its own; the vector is the mean over the tokens of all windows, which is the mean of the windows' vectors weighted by
// their length. So that time is bounded, at most 16 windows from either end of a text are read, and of a text above 64 KiB
// only 32 KiB from either end: two texts that differ only in what lies between have the same vector.
//
// Any string has a vector: the empty one, and one that is not valid UTF-8, of which the bytes outside it count as U+FFFD, which
// the tokenizer drops like a control character. A word that the vocabulary does not cover, an emoji, a sign of logic or a word in one
// of many scripts, counts as the token [UNK] whatever it is, so that texts which differ in nothing else have the same vector, with a
// cosine of 1; a Verifier refuses to judge them. The vector of a text does not depend on what else is in the call, to the
// last bit. Between processors it differs by rounding (cosine above 0.999), and so do processors' vectors from
// those of the model in float32 (cosine at least 0.995, in the mean 0.9985, on the 1,000 texts of TestQuality, which holds it to that).
//
// # Work and memory
//
// A MiniLM works on at most GOMAXPROCS batches at once. A text that finds a worker free is computed at once and alone; texts that
// must wait are put together, since a batch reads the weights once. A context that ends frees its caller at once, and
// its work stops before the next layer. A worker has 4 MB of scratch memory, kept for the next, and computes without
// allocating. A bounded memo answers repeats of recent texts.
//
// Loading unpacks the weights into one stretch of memory a model, which the system is asked to keep in huge pages, and gives up
// the pages of the embedded file as it goes. `reprise bench embed` prints how long it takes for both models, and what they keep.
//
// The arithmetic has an implementation for AVX-512 with VNNI ("avx512vnni"), for AVX2 with AVX-VNNI ("avxvnni"), for AVX2 ("avx2")
// and for any processor ("portable"); the fastest that the machine can run is taken. The second was tested by emulating
// the instruction that it is for, and is not timed on a processor that has it. The environment variable REPRISE_KERNEL
// selects another by name, for tests and measurements.
package embed
