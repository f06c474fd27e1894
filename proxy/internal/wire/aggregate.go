package wire

import (
	"sort"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// completionAggregator puts the chunks of a completion together. It is generic: pieces of strings are joined, lists are
// merged by the index of their elements or appended, and members without a rule of their own are kept.
type completionAggregator struct {
	d       *completionForm
	top     *tree
	choices []*choice
	byIndex map[int]*choice
	chunks  int
}

// choice is one of the answers of a stream: what was said, and the facts about it.
type choice struct {
	index int
	facts *tree
	said  *tree // nil where the pieces are among the facts
}

func newCompletionAggregator(f *completionForm) *completionAggregator {
	return &completionAggregator{d: f, top: newTree(), byIndex: map[int]*choice{}}
}

// Add takes the next chunk.
func (a *completionAggregator) Add(chunk []byte) error {
	if string(chunk) == Done {
		return nil
	}
	ms, err := object(chunk)
	if err != nil {
		return formError("a chunk: %w", err)
	}
	a.chunks++
	for _, m := range ms {
		switch m.name {
		case "choices":
			if err := a.addChoices(m.value); err != nil {
				return err
			}
		case "error":
			if !isNull(m.value) {
				return formError("the stream holds an error")
			}
		case "obfuscation": // padding against traffic analysis, random in every chunk
		case "object":
		case "id", "created", "model": // the first chunk that has a say names the answer
			if said := a.top.raw(m.name); said == nil || isBlank(said) {
				a.top.set(m.name, m.value)
			}
		default:
			if a.top.raw(m.name) == nil || !isNull(m.value) {
				a.top.set(m.name, m.value)
			}
		}
	}
	return nil
}

func isBlank(v jsontext.Value) bool {
	return isNull(v) || string(v) == `""` || string(v) == "0"
}

func (a *completionAggregator) addChoices(v jsontext.Value) error {
	elems, err := array(v)
	if err != nil {
		return formError("choices: %w", err)
	}
	for i, e := range elems {
		ms, err := object(e)
		if err != nil {
			return formError("choices[%d]: %w", i, err)
		}
		index, ok := integer(find(ms, "index"))
		if !ok && (len(elems) > 1 || len(a.choices) > 1) {
			return formError("choices[%d] has no index", i)
		}
		c := a.choice(index)
		for _, m := range ms {
			if err := a.addToChoice(c, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *completionAggregator) addToChoice(c *choice, m member) error {
	switch {
	case m.name == "index":
		return nil
	case a.d.delta != "" && m.name == a.d.delta:
		if isNull(m.value) {
			return nil
		}
		ms, err := object(m.value)
		if err != nil {
			return formError("%s: %w", m.name, err)
		}
		// The pieces of a sound are encoded one by one and cannot be joined as text.
		if audio := find(ms, "audio"); audio != nil && !isNull(audio) {
			return formError("streamed audio is not put together")
		}
		return c.said.mergeAll(m.value, join, 1)
	case a.d.delta == "" && m.name == a.d.said:
		return c.facts.merge(m.name, m.value, join, 1)
	}
	return c.facts.merge(m.name, m.value, replace, 1)
}

func (a *completionAggregator) choice(index int) *choice {
	if c := a.byIndex[index]; c != nil {
		return c
	}
	c := &choice{index: index, facts: newTree()}
	if a.d.delta != "" {
		c.said = newTree()
	}
	a.byIndex[index] = c
	a.choices = append(a.choices, c)
	return c
}

// Finish returns the answer as one JSON body, which Check passes.
func (a *completionAggregator) Finish() ([]byte, error) {
	sort.Slice(a.choices, func(i, j int) bool { return a.choices[i].index < a.choices[j].index })
	out := []byte{'{'}
	objectDone := false
	for _, name := range a.top.names {
		v := a.top.raw(name)
		if name == "usage" && isNull(v) { // the chunks before the last say so when usage was asked for
			continue
		}
		out = append(appendMember(out, name, v), ',')
		if name == "id" {
			out, objectDone = a.appendObject(out), true
		}
	}
	if !objectDone {
		out = a.appendObject(out)
	}
	out = append(out, `"choices":[`...)
	for i, c := range a.choices {
		if c.index != i {
			return nil, formError("choice %d is missing", i)
		}
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = a.appendChoice(out, c); err != nil {
			return nil, err
		}
	}
	out = append(out, `]}`...)
	return out, a.d.check(out)
}

func (a *completionAggregator) appendObject(dst []byte) []byte {
	dst = append(dst, `"object":"`...)
	dst = append(dst, a.d.object...)
	return append(dst, `",`...)
}

func (a *completionAggregator) appendChoice(dst []byte, c *choice) ([]byte, error) {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(c.index), 10)
	if c.said != nil {
		if c.said.nodes["role"] == nil {
			c.said.set("role", jsontext.Value(`"assistant"`))
		}
		if err := dropIndex(c.said.nodes["tool_calls"]); err != nil {
			return nil, err
		}
		dst = append(dst, ',')
		dst, _ = jsontext.AppendQuote(dst, a.d.said)
		dst = append(dst, ':')
		dst = c.said.append(dst)
	}
	for _, name := range c.facts.names {
		dst = append(dst, ',')
		dst, _ = jsontext.AppendQuote(dst, name)
		dst = append(dst, ':')
		dst = c.facts.nodes[name].append(dst)
	}
	return append(dst, '}'), nil
}

// dropIndex takes the index out of streamed tool calls, which whole ones do not have, and puts them in its order.
func dropIndex(calls *node) error {
	if calls == nil || calls.list == nil {
		return nil
	}
	l := calls.list
	sort.Stable(l)
	for i, e := range l.elems {
		if l.index[i] < 0 {
			continue
		}
		if l.index[i] != i {
			return formError("tool call %d is missing", i)
		}
		if e.obj == nil { // it came in one piece
			first := e.raw
			*e = node{obj: newTree()}
			ms, err := object(first)
			if err != nil {
				return err
			}
			for _, m := range ms {
				e.obj.set(m.name, m.value)
			}
		}
		e.obj.drop("index")
	}
	return nil
}

func (l *list) Len() int           { return len(l.elems) }
func (l *list) Less(i, j int) bool { return l.index[i] < l.index[j] }
func (l *list) Swap(i, j int) {
	l.elems[i], l.elems[j] = l.elems[j], l.elems[i]
	l.index[i], l.index[j] = l.index[j], l.index[i]
}

func (t *tree) drop(name string) {
	for i, n := range t.names {
		if n == name {
			t.names = append(t.names[:i], t.names[i+1:]...)
			delete(t.nodes, name)
			return
		}
	}
}
