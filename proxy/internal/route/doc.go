// Package route decides which target answers a request, and how often each is tried.
//
//   - [Parse] reads a request config, strictly: what it does not know it refuses by its path. A [Config] is immutable and
//     may be shared;
//   - [Config.Resolve] applies conditions and draws among weights for one request, and returns a [Plan];
//   - [Run] carries a plan out: it calls targets, retries them, falls back from one to the next, and returns the first
//     answer that nothing asks to be given up.
//
// It knows nothing of HTTP bodies or of providers: a target is a set of words, and the caller makes the calls.
//
// # What an answer depends on
//
// A Plan's Scope digests the set of targets that the config allows for this request, each with what may change its
// answer (provider, virtual key, host, deployment, overriding parameters), but neither their order nor weights, retries
// and time limits, nor the keys that callers bring: whose answers are shared is the gateway's to say. An answer of any target of the set therefore serves all requests with that set: a config that falls back
// or balances says that its targets stand in for each other. Of a conditional group only the target that the
// conditions chose is in the set.
//
// # Health
//
// Each target has a circuit breaker, kept by the [Router]. An open one is skipped where another target can be tried, and
// never makes a request fail that has no other: the last resort is always tried. Targets that only requests name, by a model
// or a time limit of their own, are in a table of their own, which is small; counters are by provider and virtual key.
package route
