// Package proxy is the HTTP front end: it speaks OpenAI's and Anthropic's APIs to clients, answers from a [cache.Cache]
// what it may, and sends the rest on to a provider.
//
// A [Server] is made by [New] from a [Config] and run by [Server.Serve]; [Server.Shutdown] finishes the streams under
// way and writes what was accepted for the cache. A [Provider] is where questions go that the cache does not answer.
// A [Transport] is the same in a client's own process, as an http.RoundTripper.
//
// # One request
//
//  1. accept: limits, the request's headers, the choice of the provider;
//  2. key: the body becomes a cache.Query, of which internal/wire knows how. What it cannot read as a question goes to
//     the provider as it is, uncached: to refuse it is the provider's part. Only a body that is no JSON is refused here;
//  3. look up: a hit is sent with a fresh id and time, as JSON or as a stream, whichever form it was stored from;
//  4. route: on a miss the body that the client sent goes to the provider, byte for byte. Equal questions in flight
//     share one call where their configs say the same of what follows on a failure, where the timeouts that they set are
//     the same if they retry, and where their answers repeat the same of the requests; it ends when the last client that
//     listens has left. What the provider sends reaches the clients as it comes, unchanged;
//  5. fill: a whole and successful answer goes to a bounded queue, off the client's path. When the queue is full the
//     write is dropped and counted, never the answer;
//  6. account: response headers and one log record.
//
// Below /v1/caches/ is Redis LangCache's REST API, for callers that ask their provider themselves. A cache id is a
// namespace. A search finds entries that have all the attributes it names, and of those only what the cache's own
// decision would serve: similarityThreshold can only raise the least similarity. A caller sees, deletes and flushes only
// what was set with his credential.
//
// A request of the first Portkey SDK, which has its configuration in the body, becomes one of the endpoint behind it and
// shares its entries.
//
// # Feedback
//
// POST /v1/feedback and PUT /v1/feedback/{id} take what users thought of an answer, by its trace id. Whose feedback it is goes
// by the credential in its headers, as whose answers are shared does; where answers are anybody's, so is the feedback, and all
// of it counts as one caller's. Whose request shared another's call is heard once the answer is stored, as the other is.
//
// # What a crash may lose
//
// The answers in the fill queue, at most [Config.FillQueue] of them and 64 MiB in all, and those that the
// [Config.FillWorkers] are writing; and of the request log what came in the
// last quarter of a second. Shutdown loses none.
//
// # What is kept of a request
//
// With [Config.RequestLog], internal/requestlog keeps one record of each request below /v1/: who asked by which key's id, what
// came of it, how long its stages took, its tokens and what they cost. account.go makes it: headers, credentials and configs are
// not among what it reads, and bodies only if they are asked for. What a call costs is the answer's own usage at the price that
// internal/prices has for the model that answered; a price that is not known is counted as such. Whose request shares another's
// call has saved it. What somebody changes by the admin API is kept there as well, apart from requests and costing nothing: who,
// which member, from what to what (audit.go), without secrets. A [Transport] keeps the same log if it is asked to. GET /metrics has
// the same in counters, under names that no caller can add to: all models, hosts and deployments of a provider and virtual key are
// one target there. Only namespaces are callers' words, and the hundred with the most hits are named.
//
// A request is one span of a trace: tracecontext.go reads the caller's traceparent, and the provider is sent one whose parent is
// the gateway's span. Who sends none has none sent on.
//
// # Whose answers are shared
//
// Everything in the body that may change the answer is part of the scope, as are the dialect, the targets, the query
// string and the headers by which a provider picks an organisation, a project, a version or a beta. A caller that brings
// his own credential shares answers only with those who bring the same one, unless [Config.ShareAcrossKeys] says
// otherwise; callers of a provider whose key is configured share. Left out are the members that wire.Dialect.Harmless
// lists; where an answer repeats those, a hit has what this request said.
//
// A credential is what stands in authorization, x-api-key, api-key and cookie, and in every other header whose name has auth,
// credential, jwt, password, secret, subscription or token in it or ends in key, but for those with idempotency in it: all of
// them together are the caller's (credentials.go). A secret in a header of another name, or in the query string, is none; of
// these the query string tells requests apart all the same.
//
// Of a request for embeddings each input is a question of its own, which only an equal one shares; the provider is asked
// for those that are missing. More than 2048 at once pass through as one.
//
// A response that the provider keeps, which is one whose request does not say store: false, is served under its own id,
// so that a caller may go on from it; every other hit has a fresh one.
//
// # Where a request goes
//
// Its config decides, which internal/route reads: one target, or several that stand in for each other or share the load.
// The set of targets that may answer is in the scope, so that an answer of one serves every request with the same set; of a
// virtual key that is named without a provider, so is the provider that it is for now.
// Of embeddings with several different targets nothing is cached, as their vectors cannot be compared. A target is a
// provider, which internal/providers knows by name, with a key; if it speaks another chat API than the client,
// internal/translate stands between. The caller's own credential is sent to the first provider of the config that has no
// other key, and to no second one, unless forward_headers names its header; a configured key goes to the configured address only. A host of the caller's choice
// must be in [Config.AllowedHosts], and internal/egress checks each address as it is connected to; redirects are not
// followed.
//
// A request names a config that was saved by its id, and a version by pc-x@3; internal/saved keeps them as files, which are
// read again when they change. They hold no key, so that they can be shown: a virtual key is named in its place.
//
// A call whose answer may go to the cache is made again, three times at most and each counted as an attempt, where it was sent on a kept
// connection that broke within a second, as one does that the provider gave up while it was idle. What broke later, and what may
// do something at the provider's, as a batch or a response in the background, is not sent twice, unless a config's retry or the caller's idempotency-key asks
// for it; pool.go has why.
//
// # Lifetimes
//
// The front is fasthttp, for the price of a hit. A RequestCtx and every byte slice that it gives out die when the handler
// returns, so a call in flight owns copies, and the reader of a streamed body never touches the ctx. The side towards the
// provider is net/http: an upstream call must end when its last listener leaves, its deadline passes or the server
// stops, for which net/http has contexts and fasthttp's client has not; and many providers speak HTTP/2 only to clients
// that share a connection among calls.
//
// # Keys
//
// [Keys] is a file of two kinds of them. Gateway keys let callers in: once one was made, or [Config.KeysRequired] is set,
// every call needs one that has the scope and is within its limits. One that comes in a header that providers read is taken
// out of it, and the configured or virtual key is sent in its place. Virtual keys are names for providers' keys; several of
// one name take turns, and one that is refused rests, while the next is tried at once.
//
// A gateway key says who asks; whose answers are shared goes by the provider's key and the namespace as before, so callers
// of one configured key share, unless a gateway key is private. Feedback, and what is set by LangCache's API, is each gateway
// key's own. What passes through reaches whatever the provider's key does, files of others with it among them.
//
// A browser lets a page call only where [Config.AllowedOrigins] has it: the gateway answers preflights itself, in origins.go, and
// hands on neither what a provider says of pages nor what it says of its own address.
//
// Tokens and money are counted when an answer is over, so that calls under way may pass a limit; an answer that does not say
// its usage is estimated from the text of both, of which a token is taken to be four bytes, and a picture or a file a thousand tokens;
// of a stream that broke off, what came after the usage that it last said is taken for a token an event.
// The admin API is one table of routes in admin.go, and allowed in auth.go lets in or refuses.
package proxy
