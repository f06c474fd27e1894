// Package saved keeps request configs, in versions, as the files of a folder.
//
// The folder is the store: there is no other, so that it may as well be a checkout or a mounted volume. ID@N.json is
// version N of ID, and ID.json is another way to write ID@1.json. The highest version is what ID means. A version whose text
// is null says that ID was deleted: it and what was before it is gone, but its number stays taken, so that pc-x@3 never comes
// to mean something else.
//
// A version is written whole, under a name that nobody has yet, and synced before that name appears; a process that dies
// leaves a file that begins with a dot, which nobody reads. Two processes that save at once get two versions.
//
// A [Store] reads the folder when it is opened and, when it is asked for something, again if a second has passed: what others
// write, by hand or by the command line, counts without a restart. A file that cannot be used then counts as what it held
// before, and [Store.Problems] tells of it.
package saved
