package wire

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// responseAggregator waits for the event that holds the whole response. The others only say it in advance.
type responseAggregator struct {
	body jsontext.Value
	said bool // something was, in pieces
}

// Add takes the next event.
func (a *responseAggregator) Add(data []byte) error {
	ms, err := object(data)
	if err != nil {
		return formError("an event: %w", err)
	}
	switch kind, _ := text(find(ms, "type")); {
	case kind == responseCompleted:
		a.body = find(ms, "response").Clone()
	case kind == "error", kind == "response.failed", kind == "response.incomplete":
		return formError("the stream holds %q", kind)
	case strings.HasSuffix(kind, ".delta"):
		a.said = true
	}
	return nil
}

// Finish returns the response.
func (a *responseAggregator) Finish() ([]byte, error) {
	if a.body == nil {
		return nil, formError("the response was not completed")
	}
	if err := checkResponse(a.body); err != nil {
		return nil, err
	}
	if ms, _ := object(a.body); a.said {
		if items, _ := array(find(ms, "output")); len(items) == 0 {
			return nil, formError("what was said in pieces is not in the response")
		}
	}
	return a.body, nil
}

// replayResponse streams a response as OpenAI does: it is made and in progress, its items come one by one, with their
// parts in pieces, and it is completed.
func replayResponse(dst, body []byte, _ bool) ([]byte, error) {
	compact := jsontext.Value(body).Clone()
	if err := compact.Compact(); err != nil {
		return dst, formError("%w", err)
	}
	ms, err := object(compact)
	if err != nil {
		return dst, formError("%w", err)
	}
	items, err := array(find(ms, "output"))
	if err != nil {
		return dst, formError("output: %w", err)
	}
	begun := make([]member, 0, len(ms))
	for _, m := range ms {
		switch m.name {
		case "status":
			m.value = jsontext.Value(`"in_progress"`)
		case "output":
			m.value = jsontext.Value("[]")
		case "usage", "completed_at":
			m.value = jsontext.Value("null")
		case "output_text": // some providers add what their client's own helper computes
			continue
		}
		begun = append(begun, m)
	}
	r := responseReplay{dst: dst}
	r.event("response.created", field("response", objectOf(begun)))
	r.event("response.in_progress", field("response", objectOf(begun)))
	for i, item := range items {
		is, err := object(item)
		if err != nil {
			return dst, formError("output[%d]: %w", i, err)
		}
		r.item(i, is, item)
	}
	r.event(responseCompleted, field("response", compact))
	return r.dst, nil
}

// responseReplay writes the events of one response.
type responseReplay struct {
	dst []byte
	n   int      // events so far
	at  []member // the item
}

func field(name string, v jsontext.Value) member { return member{name: name, value: v} }

func number(n int) jsontext.Value { return jsontext.Value(strconv.Itoa(n)) }

func (r *responseReplay) event(name string, ms ...member) {
	r.dst = appendTyped(r.dst, name, append([]member{field("sequence_number", number(r.n))}, ms...)...)
	r.n++
}

// of writes an event of the current item.
func (r *responseReplay) of(name string, ms ...member) {
	r.event(name, append(append([]member{}, r.at...), ms...)...)
}

func (r *responseReplay) item(index int, is []member, whole jsontext.Value) {
	at := field("output_index", number(index))
	begun := make([]member, 0, len(is))
	kind, _ := text(find(is, "type"))
	for _, m := range is {
		switch {
		case m.name == "status":
			m.value = jsontext.Value(`"in_progress"`)
		case m.name == "content" && m.value.Kind() == jsontext.KindBeginArray,
			m.name == "summary" && kind == "reasoning" && m.value.Kind() == jsontext.KindBeginArray:
			m.value = jsontext.Value("[]")
		case said[kind].member == m.name && m.value.Kind() == jsontext.KindString:
			m.value = jsontext.Value(`""`)
		}
		begun = append(begun, m)
	}
	r.event("response.output_item.added", at, field("item", objectOf(begun)))
	r.at = []member{at}
	if id := find(is, "id"); id != nil {
		r.at = append(r.at, field("item_id", id))
	}
	switch {
	case kind == "message":
		r.parts("content", find(is, "content"))
	case kind == "reasoning":
		r.parts("summary", find(is, "summary"))
		r.parts("content", find(is, "content"))
	case said[kind].member != "":
		s := said[kind]
		v := find(is, s.member)
		if v.Kind() != jsontext.KindString {
			break
		}
		r.pieces(s.event, v, false)
		done := []member{field(s.member, v)}
		if name := find(is, "name"); name != nil {
			done = append(done, field("name", name))
		}
		r.of(s.event+".done", done...)
	}
	r.event("response.output_item.done", at, field("item", whole))
}

// said are the items that have one member which a stream brings in pieces.
var said = map[string]struct{ member, event string }{
	"function_call":         {"arguments", "response.function_call_arguments"},
	"mcp_call":              {"arguments", "response.mcp_call_arguments"},
	"custom_tool_call":      {"input", "response.custom_tool_call_input"},
	"code_interpreter_call": {"code", "response.code_interpreter_call_code"},
}

func (r *responseReplay) pieces(event string, v jsontext.Value, whole bool, more ...member) {
	s, _ := text(v)
	for _, p := range pieces(s, whole) {
		r.of(event+".delta", append([]member{field("delta", quote(p))}, more...)...)
	}
}

// parts streams what an item says: the parts of its content, or of a reasoning's summary.
func (r *responseReplay) parts(list string, v jsontext.Value) {
	parts, err := array(v)
	if err != nil {
		return
	}
	item := r.at
	for i, part := range parts {
		r.at = append(append([]member{}, item...), field(list+"_index", number(i)))
		if list == "summary" {
			r.part("response.reasoning_summary_part", "response.reasoning_summary_text", "text", part)
			continue
		}
		ps, _ := object(part)
		switch kind, _ := text(find(ps, "type")); kind {
		case "output_text":
			r.part("response.content_part", "response.output_text", "text", part)
		case "refusal":
			r.part("response.content_part", "response.refusal", "refusal", part)
		case "reasoning_text":
			r.part("response.content_part", "response.reasoning_text", "text", part)
		default: // of a kind that has no pieces
			r.of("response.content_part.added", field("part", part))
			r.of("response.content_part.done", field("part", part))
		}
	}
	r.at = item
}

// part streams a part that is text: what is in member, in pieces, with its log probabilities and annotations.
func (r *responseReplay) part(frame, event, name string, part jsontext.Value) {
	ps, err := object(part)
	if err != nil {
		return
	}
	begun := make([]member, 0, len(ps))
	for _, m := range ps {
		switch {
		case m.name == name && m.value.Kind() == jsontext.KindString:
			m.value = jsontext.Value(`""`)
		case (m.name == "annotations" || m.name == "logprobs") && m.value.Kind() == jsontext.KindBeginArray:
			m.value = jsontext.Value("[]")
		}
		begun = append(begun, m)
	}
	r.of(frame+".added", field("part", objectOf(begun)))
	var more []member
	probs, _ := array(find(ps, "logprobs"))
	if event == "response.output_text" {
		more = []member{field("logprobs", arrayOf(probs))}
	}
	if v := find(ps, name); v.Kind() == jsontext.KindString {
		r.pieces(event, v, len(probs) > 0, more...)
		notes, _ := array(find(ps, "annotations"))
		for i, a := range notes {
			r.of("response.output_text.annotation.added", field("annotation_index", number(i)), field("annotation", a))
		}
		r.of(event+".done", append([]member{field(name, v)}, more...)...)
	}
	r.of(frame+".done", field("part", part))
}
