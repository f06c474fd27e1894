package strict

import (
	"bytes"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Member is one member of an object that is read into an R.
type Member[R any] struct {
	Name   string
	Doc    string // one sentence
	Schema Schema // of the value, without Doc
	Old    bool   // read for the sake of old clients, and not suggested
	Set    func(r R, path string, v jsontext.Value) error
}

// In is a member of a kind; set takes the value, and may refuse it.
func In[R, T any](name, doc string, k Kind[T], set func(r R, path string, v T) error) Member[R] {
	return Member[R]{Name: name, Doc: doc, Schema: k.Schema, Set: func(r R, path string, v jsontext.Value) error {
		t, err := k.Read(path, v)
		if err != nil {
			return err
		}
		return set(r, path, t)
	}}
}

// Older marks a member as one that only old clients write.
func Older[R any](m Member[R]) Member[R] {
	m.Old = true
	return m
}

// Table lists all members that an object may have.
type Table[R any] []Member[R]

// Names lists the members that a suggestion may name, sorted.
func (t Table[R]) Names() []string {
	var out []string
	for _, m := range t {
		if !m.Old {
			out = append(out, m.Name)
		}
	}
	slices.Sort(out)
	return out
}

// Read reads an object into r. A member that is null is taken as absent, as many clients say that they say nothing. The error
// holds every complaint; see All.
func (t Table[R]) Read(r R, path string, v jsontext.Value) error {
	return Object(path, v, func(name string, v jsontext.Value) error {
		if v.Kind() == jsontext.KindNull && slices.ContainsFunc(t, func(m Member[R]) bool { return m.Name == name }) {
			return nil
		}
		return t.Set(r, path, name, v)
	})
}

// Set reads one member of the object at a path.
func (t Table[R]) Set(r R, path, name string, v jsontext.Value) error {
	for i := range t {
		if t[i].Name == name {
			return t[i].Set(r, Join(path, name), v)
		}
	}
	return Unknown(path, name, t.Names())
}

// Schema is that of the object.
func (t Table[R]) Schema() Schema {
	props := Schema{}
	for _, m := range t {
		s := Schema{"description": m.Doc}
		for k, v := range m.Schema {
			s[k] = v
		}
		if m.Old {
			s["deprecated"] = true
		}
		props[m.Name] = s
	}
	return Schema{"type": "object", "additionalProperties": false, "properties": props}
}

// Object calls each with every member of v, in order. Names must be unique and text valid UTF-8. It goes on after a complaint of
// each, and returns them all; where v is no JSON, that goes first.
func Object(path string, v jsontext.Value, each func(name string, v jsontext.Value) error) error {
	if v.Kind() != jsontext.KindBeginObject {
		return Wrong(path, "give a JSON object")
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := d.ReadToken(); err != nil {
		return syntax(path, err)
	}
	var errs errorList
	for d.PeekKind() != jsontext.KindEndObject {
		t, err := d.ReadToken()
		if err != nil {
			return syntax(path, err)
		}
		name := t.String()
		value, err := d.ReadValue()
		if err != nil {
			return syntax(path, err)
		}
		if !errs.add(each(name, value.Clone())) {
			return errs.err()
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return syntax(path, err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return Wrong(path, "something follows the JSON object")
	}
	return errs.err()
}

// Array is the same of an array's items.
func Array(path string, v jsontext.Value, each func(path string, v jsontext.Value) error) error {
	if v.Kind() != jsontext.KindBeginArray {
		return Wrong(path, "give a JSON array")
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := d.ReadToken(); err != nil {
		return syntax(path, err)
	}
	var errs errorList
	for i := 0; d.PeekKind() != jsontext.KindEndArray; i++ {
		value, err := d.ReadValue()
		if err != nil {
			return syntax(path, err)
		}
		if !errs.add(each(path+"["+strconv.Itoa(i)+"]", value.Clone())) {
			break
		}
	}
	return errs.err()
}
