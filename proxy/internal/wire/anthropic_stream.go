package wire

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

// messageAggregator puts the events of a message together: the message as it began, its blocks piece by piece, and what
// its end says. An event or a piece that it does not know may be part of the answer, so it gives up on those.
type messageAggregator struct {
	top    *tree
	usage  *tree
	blocks []*block
	open   *block // nil: none
}

// block is a content block under construction.
type block struct {
	members *tree
	pieces  []piecewise
	input   []byte // the text of a tool's input so far
}

func newMessageAggregator() *messageAggregator { return &messageAggregator{} }

// Add takes the next event.
func (a *messageAggregator) Add(data []byte) error {
	ms, err := object(data)
	if err != nil {
		return formError("an event: %w", err)
	}
	kind, _ := text(find(ms, "type"))
	if kind == "ping" {
		return nil
	}
	if (a.top == nil) != (kind == "message_start") {
		return formError("%.40q is out of place", kind)
	}
	switch kind {
	case "message_start":
		return a.start(find(ms, "message"))
	case "content_block_start":
		return a.startBlock(ms)
	case "content_block_delta":
		return a.piece(ms)
	case "content_block_stop":
		if a.open == nil {
			return formError("a block ends that has not begun")
		}
		return a.endBlock()
	case "message_delta":
		return a.end(ms)
	case messageStop:
		return nil
	}
	return formError("unknown event %.40q", kind)
}

func (a *messageAggregator) start(message jsontext.Value) error {
	ms, err := object(message)
	if err != nil {
		return formError("message: %w", err)
	}
	a.top, a.usage = newTree(), newTree()
	for _, m := range ms {
		switch m.name {
		case "content":
			if blocks, err := array(m.value); err != nil || len(blocks) > 0 {
				return formError("the message begins with content")
			}
		case "usage":
			if err := a.use(m.value); err != nil {
				return err
			}
			continue
		}
		a.top.set(m.name, m.value)
	}
	return nil
}

// use takes in a usage, whose counts are of the message so far.
func (a *messageAggregator) use(usage jsontext.Value) error {
	ms, err := object(usage)
	if err != nil {
		return formError("usage: %w", err)
	}
	a.top.set("usage", jsontext.Value("{}")) // keeps its place
	for _, m := range ms {
		if !isNull(m.value) || a.usage.raw(m.name) == nil {
			a.usage.set(m.name, m.value)
		}
	}
	return nil
}

func (a *messageAggregator) startBlock(ms []member) error {
	index, ok := integer(find(ms, "index"))
	if !ok || index != len(a.blocks) || a.open != nil {
		return formError("content block %.10s begins out of order", find(ms, "index"))
	}
	bs, err := object(find(ms, "content_block"))
	if err != nil {
		return formError("content_block: %w", err)
	}
	kind, _ := text(find(bs, "type"))
	b := &block{members: newTree(), pieces: streamed(kind)}
	for _, m := range bs {
		b.members.set(m.name, m.value)
	}
	a.open = b
	a.blocks = append(a.blocks, b)
	return nil
}

func (a *messageAggregator) piece(ms []member) error {
	if index, ok := integer(find(ms, "index")); !ok || a.open == nil || index != len(a.blocks)-1 {
		return formError("a piece of block %.10s, which is not open", find(ms, "index"))
	}
	ds, err := object(find(ms, "delta"))
	if err != nil {
		return formError("delta: %w", err)
	}
	kind, _ := text(find(ds, "type"))
	for _, p := range a.open.pieces {
		if p.delta == kind && len(ds) == 2 {
			return a.open.add(p, find(ds, p.piece))
		}
	}
	return formError("unknown piece %.40q", kind)
}

func (b *block) add(p piecewise, v jsontext.Value) error {
	switch p.kind {
	case jsontext.KindBeginArray:
		if v == nil {
			return formError("%s is missing", p.piece)
		}
		b.members.push(p.member, v)
		return nil
	case jsontext.KindBeginObject:
		s, ok := text(v)
		if !ok {
			return formError("%s is not a string", p.piece)
		}
		b.input = append(b.input, s...)
		return nil
	}
	if v.Kind() != jsontext.KindString {
		return formError("%s is not a string", p.piece)
	}
	return b.members.merge(p.member, v, join, 1)
}

func (a *messageAggregator) endBlock() error {
	b := a.open
	a.open = nil
	if len(b.input) > 0 {
		// The pieces of an input are its text, which a stop in its middle leaves unfinished.
		if _, err := object(b.input); err != nil {
			return formError("input: %w", err)
		}
		b.members.set("input", jsontext.Value(b.input))
	}
	return nil
}

func (a *messageAggregator) end(ms []member) error {
	for _, m := range ms {
		switch m.name {
		case "type":
		case "usage":
			if err := a.use(m.value); err != nil {
				return err
			}
		case "delta":
			ds, err := object(m.value)
			if err != nil {
				return formError("delta: %w", err)
			}
			for _, d := range ds {
				if d.name == "content" || d.name == "usage" {
					return formError("unknown piece %q of the message", d.name)
				}
				a.top.set(d.name, d.value)
			}
		default:
			if m.name == "content" {
				return formError("unknown piece %q of the message", m.name)
			}
			a.top.set(m.name, m.value)
		}
	}
	return nil
}

// Finish returns the message.
func (a *messageAggregator) Finish() ([]byte, error) {
	if a.top == nil || a.open != nil {
		return nil, formError("the message has not ended")
	}
	content := []byte{'['}
	for i, b := range a.blocks {
		if i > 0 {
			content = append(content, ',')
		}
		content = b.members.append(content)
	}
	a.top.set("content", append(content, ']'))
	if a.top.raw("usage") != nil {
		a.top.set("usage", a.usage.append(nil))
	}
	out := a.top.append(nil)
	return out, checkMessage(out)
}

// replayMessage streams a message: its frame, each block whole or in pieces, why it ended and what it cost.
func replayMessage(dst, body []byte, _ bool) ([]byte, error) {
	compact := jsontext.Value(body).Clone()
	if err := compact.Compact(); err != nil {
		return dst, formError("%w", err)
	}
	ms, err := object(compact)
	if err != nil {
		return dst, formError("%w", err)
	}
	blocks, err := array(find(ms, "content"))
	if err != nil {
		return dst, formError("content: %w", err)
	}
	dst = appendTyped(dst, "message_start", member{name: "message", value: opened(ms)})
	for i, b := range blocks {
		if dst, err = replayBlock(dst, i, b); err != nil {
			return dst, formError("content[%d]: %w", i, err)
		}
	}
	end := []member{{name: "stop_reason", value: find(ms, "stop_reason")}}
	if s := find(ms, "stop_sequence"); s != nil {
		end = append(end, member{name: "stop_sequence", value: s})
	}
	last := []member{{name: "delta", value: objectOf(end)}}
	if u := find(ms, "usage"); u != nil {
		us, err := object(u)
		if err != nil {
			return dst, formError("usage: %w", err)
		}
		var cost []member
		if n := find(us, "output_tokens"); n != nil {
			cost = append(cost, member{name: "output_tokens", value: n})
		}
		last = append(last, member{name: "usage", value: objectOf(cost)})
	}
	dst = appendTyped(dst, "message_delta", last...)
	return appendTyped(dst, messageStop), nil
}

// opened is the message as it is before it says anything.
func opened(ms []member) jsontext.Value {
	out := make([]member, 0, len(ms))
	for _, m := range ms {
		switch m.name {
		case "content":
			m.value = jsontext.Value("[]")
		case "stop_reason", "stop_sequence":
			m.value = jsontext.Value("null")
		case "usage":
			us, _ := object(m.value)
			for i := range us {
				if us[i].name == "output_tokens" && us[i].value.Kind() == jsontext.KindNumber {
					us[i].value = jsontext.Value("0")
				}
			}
			m.value = objectOf(us)
		}
		out = append(out, m)
	}
	return objectOf(out)
}

func replayBlock(dst []byte, index int, b jsontext.Value) ([]byte, error) {
	bs, err := object(b)
	if err != nil {
		return dst, err
	}
	kind, _ := text(find(bs, "type"))
	ps := streamed(kind)
	at := member{name: "index", value: jsontext.Value(strconv.Itoa(index))}
	begun := make([]member, 0, len(bs))
	for _, m := range bs {
		for _, p := range ps {
			if m.name == p.member && m.value.Kind() == p.kind {
				m.value = jsontext.Value(p.empty)
			}
		}
		begun = append(begun, m)
	}
	dst = appendTyped(dst, "content_block_start", at, member{name: "content_block", value: objectOf(begun)})
	for _, p := range ps {
		v := find(bs, p.member)
		for _, piece := range piecesOf(p, v) {
			d := objectOf([]member{{name: "type", value: quote(p.delta)}, {name: p.piece, value: piece}})
			dst = appendTyped(dst, "content_block_delta", at, member{name: "delta", value: d})
		}
	}
	return appendTyped(dst, "content_block_stop", at), nil
}

// piecesOf cuts the value of a member as a stream would bring it.
func piecesOf(p piecewise, v jsontext.Value) []jsontext.Value {
	if v.Kind() != p.kind {
		return nil
	}
	var s string
	switch p.kind {
	case jsontext.KindBeginArray:
		elems, _ := array(v)
		return elems
	case jsontext.KindBeginObject:
		if s = string(v); s == p.empty {
			return nil
		}
	default:
		s, _ = text(v)
	}
	var out []jsontext.Value
	for _, piece := range pieces(s, p.member == "signature") {
		out = append(out, quote(piece))
	}
	return out
}

// arrayOf writes an array.
func arrayOf(vs []jsontext.Value) jsontext.Value {
	b := []byte{'['}
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']')
}

// objectOf writes an object.
func objectOf(ms []member) jsontext.Value {
	b := []byte{'{'}
	for i, m := range ms {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendMember(b, m.name, m.value)
	}
	return append(b, '}')
}

// appendTyped appends an event that is named twice, by its frame and by its data, as Anthropic's and OpenAI's Responses
// are.
func appendTyped(dst []byte, name string, ms ...member) []byte {
	return sse.AppendEvent(dst, name, objectOf(append([]member{{name: "type", value: quote(name)}}, ms...)))
}
