// Package translate lets a client of one chat API be answered by a provider of another: OpenAI's chat completions,
// Anthropic's Messages and Cohere's chat of version 2, as their API references describe them. A client of OpenAI's older completions is
// answered too: its prompt is the one turn of a chat, and what comes back is the text of it.
//
// A [Translator] turns requests one way and answers, errors and event streams the other. Between the two sides stands one
// form, which is OpenAI's: text, images and files, tools, their calls and results, tool choice, limits, stop reasons and
// usage have a place in it.
//
// What has no place on the other side and would change what is answered (several choices, log probabilities, a schema
// that the other cannot enforce, a server's own tools, a prompt of several texts) is refused by an error that wraps [ErrCannot], so that a router can
// try another target. What is only advice, such as a cache marker, is left out.
package translate
