// Package keys keeps what lets callers into the gateway, and the gateway into its providers: gateway keys, which it makes
// itself and of which it keeps a digest only, and virtual keys, which are names for providers' keys that it has to be able
// to send and therefore seals.
//
// [Open] opens a [Store], which is one bbolt file of mode 0600. All of it is read and checked then: a file of another
// version, one whose seal another key made, one whose pages are damaged, and one with a record that is damaged or in the wrong
// place are refused. There is no going on without it: a key that was revoked must not work again because a page is bad.
//
// # Format
//
// Buckets are meta, gateway (by id), virtual (by name) and spend (by "g/" and id, or "v/" and name). A record is the byte 1,
// the CRC-32C of the rest, and a JSON object. In meta, format is the file's version in decimal, and seal says how secrets
// are sealed: with a key of 32 bytes as it is, or with what argon2id makes of a passphrase, by parameters that are written
// there; and it holds a box whose opening proves the key.
//
// A box is the byte 1 and what AES-256-GCM makes of a nonce drawn at random and the secrets. What the box belongs to, the
// virtual key's name and provider, is authenticated with it, so that a box that was moved to another name does not open.
//
// [Store.Reseal] writes the whole file anew under another key, beside the old one, and renames it: whoever opens the name finds
// one or the other. A file of that name and .reseal is what a killed process left, and goes when the file is opened next.
//
// # What is lost by a crash
//
// Rates are kept in memory and begin anew with the process. What was spent is written within a second of being spent;
// how often a key was used, along with that.
package keys
