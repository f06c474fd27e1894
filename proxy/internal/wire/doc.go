// Package wire knows the JSON and the event streams of OpenAI's chat completions, legacy completions and Responses, and of
// Anthropic's Messages, as their API references describe them, well enough to cache them and no further. For each [Dialect]:
//
//   - [Dialect.Read] turns a request body into a [Question]: the messages, and a digest of everything else in the body
//     that may change the answer;
//   - an [Aggregator] turns the events of a streamed answer into the one JSON body that the plain form would have had;
//   - [Dialect.Replay] turns such a body back into events;
//   - [Dialect.Check] says whether a body is a whole answer, fit to be stored;
//   - [Dialect.Locate] finds the members that a replayed answer gets anew.
//
// Members that this package has no name for are kept, byte for byte where an answer came in one piece. What it cannot
// read for certain it refuses (an [ErrForm]) or reports as not cacheable; it never guesses.
package wire
