package wire

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
)

// Responses is OpenAI's POST /v1/responses.
//
// Unless a request says store: false, the provider keeps the response, and the caller may go on from it by its id. A
// hit therefore has the stored id then, which the provider knows, and a fresh one only where no id can be gone on from.
// That is why store is part of the scope here.
var Responses = &Dialect{
	Name: "openai.responses", Path: "/v1/responses", marks: responseEnds, asks: []string{Instructions, "input"},
	harmless: responsesHarmless(),
	question: responsesQuestion,
	check:    checkResponse, replay: replayResponse,
	aggregator: func() Aggregator { return &responseAggregator{} },
	last:       func(data []byte) bool { return slices.Contains(responseEnds, typeOf(data)) },
	echoes:     responseEchoes,
}

const responseCompleted = "response.completed"

// responseEnds are the types of the events that end a stream of Responses.
var responseEnds = []string{responseCompleted, "response.incomplete", "response.failed"}

// Instructions is the member that an answer repeats of a request although it is not harmless: where it is left out of what must be
// equal, nobody must be shown another's; elsewhere it is what the provider said, who may have had it from a template or a config.
const Instructions = "instructions"

// responseEchoes are the members of a response that say again what was asked, harmless as it is to the answer but for the first.
var responseEchoes = []string{Instructions, "metadata", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"}

func responsesHarmless() map[string]bool {
	h := maps.Clone(harmless)
	delete(h, "store")
	return h
}

// responsesQuestion reads the conversation: the instructions are its first turn, and input is one more or several.
func responsesQuestion(q *Question, ms []member) {
	q.Echo = map[string]jsontext.Value{}
	for _, name := range responseEchoes {
		q.Echo[name] = jsontext.Value("null")
	}
	q.Echo["metadata"] = jsontext.Value("{}")
	q.KeepID = true
	for _, m := range ms {
		switch m.name {
		case "previous_response_id", "conversation":
			if !isNull(m.value) {
				q.NoCache = "the answer goes on from what the provider keeps"
			}
		case "background":
			if k := m.value.Kind(); k != jsontext.KindFalse && k != jsontext.KindNull {
				q.NoCache = "the answer is made in the background"
			}
		case "store":
			q.KeepID = m.value.Kind() != jsontext.KindFalse
		case Instructions:
			if !q.addSpoken(Instructions, m.value) {
				q.NoCache = "instructions are neither a string nor an array"
			}
		}
		if _, ok := q.Echo[m.name]; ok && !isNull(m.value) {
			q.Echo[m.name] = m.value.Clone()
		}
	}
	if q.NoCache != "" {
		return
	}
	input := find(ms, "input")
	if s, ok := text(input); ok {
		q.Messages = append(q.Messages, cache.Message{Role: "user", Text: s})
		return
	}
	items, err := array(input)
	if err != nil || len(items) == 0 {
		q.NoCache = "input is neither a string nor an array with an item in it"
		return
	}
	for _, v := range items {
		m, rest, why := responseItem(v)
		if why != "" {
			q.NoCache = why
			return
		}
		q.Length += rest
		q.Messages = append(q.Messages, m)
	}
}

// responseItem reads an item of the input. What is no message, a tool's output for one, is a turn without text.
func responseItem(v jsontext.Value) (m cache.Message, length int, why string) {
	ms, err := object(v)
	if err != nil {
		return m, 0, "an item of the input is not an object"
	}
	kind, _ := text(find(ms, "type"))
	switch kind {
	case "item_reference":
		return m, 0, "the answer goes on from what the provider keeps"
	case "message", "":
		kept := make([]member, 0, len(ms))
		for _, f := range ms {
			if f.name != "type" {
				kept = append(kept, f)
			}
		}
		m, length, ok := message(objectOf(kept))
		if !ok {
			return m, 0, "a message of the input has no role"
		}
		return m, length, ""
	}
	if m.Rest, err = digest("reprise/wire/item/1", ms); err != nil {
		return m, 0, "an item of the input cannot be read"
	}
	m.Role = kind
	return m, Countable(v), ""
}

// checkResponse asks for a response that was completed.
func checkResponse(body []byte) error {
	ms, err := object(body)
	if err != nil {
		return formError("%w", err)
	}
	for name, want := range map[string]string{"object": "response", "status": "completed"} {
		if s, _ := text(find(ms, name)); s != want {
			return formError("%s is %.40s, not %q", name, find(ms, name), want)
		}
	}
	if _, ok := text(find(ms, "id")); !ok {
		return formError("id is not a string")
	}
	for _, name := range []string{"error", "incomplete_details"} {
		if v := find(ms, name); v != nil && !isNull(v) {
			return formError("%s is %.40s", name, v)
		}
	}
	items, err := array(find(ms, "output"))
	if err != nil {
		return formError("output: %w", err)
	}
	for i, item := range items {
		is, err := object(item)
		if err != nil {
			return formError("output[%d]: %w", i, err)
		}
		if kind, _ := text(find(is, "type")); kind == "" {
			return formError("output[%d] has no type", i)
		} else if kind == "message" {
			if _, err := array(find(is, "content")); err != nil {
				return formError("output[%d].content: %w", i, err)
			}
		}
	}
	return nil
}
