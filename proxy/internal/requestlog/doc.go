// Package requestlog keeps one record a request in a file of its own, and what the requests of each day cost.
//
// A [Log] is opened by [Open] and takes records by [Log.Add], which never waits: one goroutine writes what is queued,
// many records to a commit. A record that finds the queue full is dropped and counted; its cost is not, because totals
// are summed as records come and written with the next commit. A killed process loses what waits, at most a quarter of a
// second of it where the disk keeps up.
//
// What the file holds stays within three quarters of [Options.MaxBytes]: before records are written the oldest ones go, as
// do those older than [Options.MaxAge], and their pages are used again. The file itself grows in bbolt's steps, a doubling
// up to 16 MiB and 16 MiB at a time from there on, and does not shrink. Records are read a few at a time, so that no reader,
// however slow, keeps the file growing.
//
// What the admin API changed, and who changed it, is kept as records among those of requests, and costs nothing.
//
// Records are found by a [Filter]. Their ids grow with time, so that a page goes on where the last one ended whatever is
// written or removed meanwhile.
//
// A file whose pages do not hold together (see package boltfile), or that lacks what every log has, is set aside by [Open], which
// begins a new one, and refused with the place by [OpenReader]: a log never stops the serving that it tells of. Records have no
// checksum: one that cannot be read makes a page of the log an error, and is removed in its turn. A row of costs that cannot be
// read begins anew with what is next added to it.
//
// Names that become part of a key of the file are cut at a kilobyte. What must never be kept is for the caller to leave out: this package writes what it is given.
package requestlog
