// Package wordpiece turns text into the token ids that BERT's uncased models read.
//
// It does what the models' own tokenizer does, id for id: the Python library tokenizers, version 0.23.3, with
// the tokenizer.json of all-MiniLM-L6-v2. A [Tokenizer] finds the special tokens that stand literally in the
// text, cuts the rest into words (split.go, driven by the table in runes.txt), and cuts each word into the
// longest pieces that the vocabulary has (trie.go).
//
// What the reference does with a code point mixes three versions of Unicode: its categories are those of
// Unicode 8, its decompositions those of 9, its lower case that of its compiler. Go's tables are a fourth, and
// change with the toolchain. So none is used here: runes.txt is the whole function, measured on the reference for
// every code point, and a new Go release cannot move a token, nor with it a stored vector.
//
// Time is linear in the text, memory beside the ids is constant, and a Tokenizer is safe for concurrent use.
// Invalid UTF-8 is read as Python reads it with errors='replace': U+FFFD in its place, which the normalizer
// then drops. So a broken byte leaves nothing, and joins what stands on its sides.
package wordpiece
