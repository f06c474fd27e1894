// Package room keeps a cache within its limits, by giving up what saves least for the room that it takes.
//
// An entry's score is how often it is asked for, times what each answer saves, over the share of the limit that it takes:
// the order of GreedyDual-Size-Frequency (Cherkasova 1998; Jin and Bestavros, GreedyDual*, 2001). Instead of their ageing by
// the score of the last victim, uses fade exponentially, as in LRFU (Lee et al. 2001), whose half-life spans the range
// from "least recently used" to "least frequently used". What is given up leaves its counts behind for a while, so that what
// comes back is not new. A new entry is spared while it is young; when it is young no more, it has to be worth somewhat
// more than the least of the others, as with the admission of TinyLFU (Einziger et al. 2017), or it goes itself.
//
// No half-life, and no length of youth, is right for all traffic. So several ways are tried at a time by small simulated
// rooms, for a sample of the questions (miniature simulations: Waldspurger et al. 2017), and the real room follows the one that
// has of late saved most.
//
// Time is counted in turnovers: it moves on by 1/n with each use or new entry of a room of n, so that half-lives mean the
// same in small rooms and large ones, and in busy ones and quiet ones.
//
// Victims are the lowest of a sample, together with the lowest that earlier samples met. No operation looks at more than a
// bounded number of entries, whatever half-life comes into force; an entry costs about 140 bytes.
package room
