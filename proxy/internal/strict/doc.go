// Package strict reads JSON objects of which every member is known, and says in one place how each is called, what it takes
// and what it means.
//
// A [Table] lists the members of an object. Its Read refuses what it does not list, by its path; its Schema is the JSON
// Schema (draft 2020-12) of what it accepts. Both are made of the same [Kind]s, so that they cannot differ: a Kind holds
// what reads a value and the schema of the values that it reads.
//
// Reading goes on after a complaint, so that somebody who has made three mistakes is told of three. What an *[Error] says
// never repeats a value that may be a secret.
package strict
