package wire

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth bounds how deep a chunk's members are merged. Real ones nest five deep.
const maxDepth = 16

// rule says what becomes of a string member that an earlier chunk has brought already.
type rule uint8

const (
	join    rule = iota // the pieces of what is said: append
	replace             // facts about it: the last one counts
)

// once are the string members that name a thing rather than being pieces of it. Some providers repeat them in every
// chunk; one that changes is not understood.
var once = map[string]bool{
	"role": true, "id": true, "type": true, "name": true, "object": true, "tool_call_id": true, "call_id": true,
	"format":  true, // of OpenRouter's reasoning_details
	"channel": true, // of a piece of gpt-oss, as Groq has it
}

// node is a JSON value under construction: raw as it came, until a second piece makes it a string, object or list.
type node struct {
	raw  jsontext.Value
	str  []byte // what the string says, when isStr
	obj  *tree
	list *list

	isStr bool
}

// tree is an object whose members keep the order in which they came.
type tree struct {
	names []string
	nodes map[string]*node
}

// list is an array whose elements are merged by their index member where they have one.
type list struct {
	elems []*node
	index []int       // of each element; -1: it has none
	at    map[int]int // the element of an index, while elements are merged
}

func newTree() *tree { return &tree{nodes: map[string]*node{}} }

func (t *tree) set(name string, raw jsontext.Value) {
	if n := t.nodes[name]; n != nil {
		*n = node{raw: raw.Clone()}
		return
	}
	t.names = append(t.names, name)
	t.nodes[name] = &node{raw: raw.Clone()}
}

// raw returns the member as it came, nil if it is not there or was merged.
func (t *tree) raw(name string) jsontext.Value {
	if n := t.nodes[name]; n != nil {
		return n.raw
	}
	return nil
}

func (t *tree) merge(name string, src jsontext.Value, r rule, depth int) error {
	n := t.nodes[name]
	if n == nil {
		n = &node{}
		t.names = append(t.names, name)
		t.nodes[name] = n
	}
	if err := n.merge(name, src, r, depth); err != nil {
		return fmt.Errorf("%.60s: %w", name, err)
	}
	return nil
}

func (n *node) kind() jsontext.Kind {
	switch {
	case n.isStr:
		return jsontext.KindString
	case n.obj != nil:
		return jsontext.KindBeginObject
	case n.list != nil:
		return jsontext.KindBeginArray
	case n.raw != nil:
		return n.raw.Kind()
	}
	return jsontext.KindNull
}

// merge adds src, the next piece of n. A null adds nothing to what is there.
func (n *node) merge(name string, src jsontext.Value, r rule, depth int) error {
	if depth > maxDepth {
		return formError("nested more than %d deep", maxDepth)
	}
	have, next := n.kind(), src.Kind()
	switch {
	case next == jsontext.KindNull && (have != jsontext.KindNull || n.raw != nil):
		return nil
	case next == jsontext.KindBeginArray && (have == jsontext.KindNull || have == next):
		return n.mergeArray(src, r, depth)
	case have == jsontext.KindNull:
		*n = node{raw: src.Clone()}
		return nil
	case have != next && r == join && !(isBool(have) && isBool(next)):
		return formError("it was %v and then %v", have, next)
	case have != next:
		*n = node{raw: src.Clone()}
		return nil
	case next == jsontext.KindString:
		return n.mergeString(name, src, r)
	case next == jsontext.KindBeginObject:
		return n.mergeObject(src, r, depth)
	}
	n.raw = src.Clone()
	return nil
}

func isBool(k jsontext.Kind) bool { return k == jsontext.KindTrue || k == jsontext.KindFalse }

func (n *node) mergeString(name string, src jsontext.Value, r rule) error {
	if r == replace {
		if s, _ := text(src); s != "" {
			*n = node{raw: src.Clone()}
		}
		return nil
	}
	if !n.isStr {
		s, _ := text(n.raw)
		*n = node{isStr: true, str: []byte(s)}
	}
	if !once[name] {
		var err error
		n.str, err = jsontext.AppendUnquote(n.str, []byte(src))
		return err
	}
	s, _ := text(src)
	if len(n.str) == 0 {
		n.str = []byte(s)
	} else if s != "" && s != string(n.str) {
		return formError("it changed from %.40q to %.40q", n.str, s)
	}
	return nil
}

func (n *node) mergeObject(src jsontext.Value, r rule, depth int) error {
	if n.obj == nil {
		first := n.raw
		*n = node{obj: newTree()}
		if err := n.obj.mergeAll(first, r, depth+1); err != nil {
			return err
		}
	}
	return n.obj.mergeAll(src, r, depth+1)
}

func (t *tree) mergeAll(src jsontext.Value, r rule, depth int) error {
	ms, err := object(src)
	if err != nil {
		return err
	}
	for _, m := range ms {
		if err := t.merge(m.name, m.value, r, depth); err != nil {
			return err
		}
	}
	return nil
}

// push appends an element to the member's array as it is, without regard to an index.
func (t *tree) push(name string, elem jsontext.Value) {
	n := t.nodes[name]
	if n == nil {
		t.set(name, jsontext.Value("[]"))
		n = t.nodes[name]
	}
	if n.list == nil {
		first, _ := array(n.raw) // a null has no elements
		*n = node{list: &list{}}
		for _, e := range first {
			n.list.push(e)
		}
	}
	n.list.push(elem)
}

func (l *list) push(elem jsontext.Value) {
	l.elems, l.index = append(l.elems, &node{raw: elem.Clone()}), append(l.index, -1)
}

func (n *node) mergeArray(src jsontext.Value, r rule, depth int) error {
	if n.list == nil {
		*n = node{list: &list{}}
	}
	elems, err := array(src)
	if err != nil {
		return err
	}
	for _, e := range elems {
		if err := n.list.merge(e, r, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (l *list) merge(src jsontext.Value, r rule, depth int) error {
	index := -1
	if src.Kind() == jsontext.KindBeginObject {
		ms, err := object(src)
		if err != nil {
			return err
		}
		if i, ok := integer(find(ms, "index")); ok {
			index = i
		}
	}
	if i, ok := l.at[index]; ok {
		return l.elems[i].merge("", src, r, depth)
	}
	if index >= 0 {
		if l.at == nil {
			l.at = map[int]int{}
		}
		l.at[index] = len(l.elems)
	}
	n := &node{}
	l.elems, l.index = append(l.elems, n), append(l.index, index)
	return n.merge("", src, r, depth)
}

func (n *node) append(dst []byte) []byte {
	switch {
	case n.isStr:
		dst, _ = jsontext.AppendQuote(dst, n.str)
		return dst
	case n.obj != nil:
		return n.obj.append(dst)
	case n.list != nil:
		dst = append(dst, '[')
		for i, e := range n.list.elems {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = e.append(dst)
		}
		return append(dst, ']')
	case n.raw != nil:
		return append(dst, n.raw...)
	}
	return append(dst, "null"...)
}

func (t *tree) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, name := range t.names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst, _ = jsontext.AppendQuote(dst, name)
		dst = append(dst, ':')
		dst = t.nodes[name].append(dst)
	}
	return append(dst, '}')
}
