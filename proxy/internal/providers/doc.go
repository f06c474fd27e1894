// Package providers knows the APIs that requests go to: where they are, how a key is sent, which dialects they speak and
// under what paths. It is a table, table.json, and what little code makes a URL and headers from a row of it.
//
// The facts are from each provider's own API reference, read in November 2026. A row says what differs from OpenAI's API;
// a provider that is not in the table is taken to be like it.
package providers
