// Package egress keeps requests that a caller sends to a host of his own choice from reaching what only this machine, or
// only this network, should.
//
//   - an [AllowList] says which hosts may be called at all, by name, before anything is looked up or connected;
//   - [Dialer] checks the address that a connection is about to be made to, after the name was resolved: what a name
//     resolved to a moment ago does not count, so an answer that changes in between gains nothing.
//
// Redirects are nobody's business here: the transport that uses the dialer follows none.
package egress
