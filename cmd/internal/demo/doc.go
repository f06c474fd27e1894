// Package demo shows the cache at work, with nothing but this binary: a provider of its own that answers from a FAQ, the
// real proxy before a real cache file, and a few hundred questions sent over HTTP by a client that knows neither.
//
// [Run] reports what happened, wrong answers included: each question carries the label of the entry that answers it, and
// a served answer with another label is counted and shown. The FAQ and the questions are described in DATA.md.
//
// Everything lives on loopback and in one temporary folder, which is removed at the end.
package demo
