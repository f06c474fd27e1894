// Package room keeps a cache within its limits, by giving up what saves least for the room that it takes.
//
// An entry's score is how soon it is asked for again, times what each answer saves, over the share of the limit that it takes:
// the order of GreedyDual-Size-Frequency (Cherkasova 1998; Jin and Bestavros, GreedyDual*, 2001), with the use that is expected in
// place of the use that was.
//
// What is expected is learned from all requests, by how often something was used over a long time, how much of that was of late, and
// how long ago its last use is: the hit density of LHD (Beckmann, Chen, Cidon 2018), see odds. Uses fade exponentially, as in LRFU
// (Lee et al. 2001), by several half-lives. What is given up leaves its counts behind for a while, so that what comes back is not
// new, and so that it is learned, too, what was given up too soon. A new entry is spared while it is young; when it is young no more, it
// has to be worth somewhat more than the least of the others, as with the admission of TinyLFU (Einziger et al. 2017), or it goes
// itself.
//
// What was learned is of the traffic as it was, and no length of youth is right for all. So several ways are tried at a time by small
// simulated rooms, for a sample of the questions (miniature simulations: Waldspurger et al. 2017): the odds, and counts by the shortest
// and the longest half-life, which range from "least recently used" to "least frequently used". The real room follows the one
// that has of late saved most, as far as the requests on which two do not agree can tell (as LeCaR, Vietri et al. 2018, weighs
// two experts).
//
// Time is counted in turnovers: it moves on by 1/n with each use or new entry of a room of n, so that half-lives mean the
// same in small rooms and large ones, and in busy ones and quiet ones.
//
// Victims are the lowest of a sample, together with the lowest that earlier samples met. No operation looks at more than a
// bounded number of entries, whatever way comes into force; an entry costs about 140 bytes, the table of the odds 8 KiB a room.
// Counts are kept over a restart, by whoever asks for them; the odds and the simulations begin anew, and learn from some thousands of
// requests.
package room
