package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// member is one name and value of an object. The value is a piece of the text that the object was read from, in which
// it starts at offset at.
type member struct {
	name  string
	value jsontext.Value
	at    int
}

// object reads the members of the JSON object in src, in order. src must hold exactly one value; names must be unique
// and text valid UTF-8.
func object(src []byte) ([]member, error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(src))
	if _, err := open(d, jsontext.KindBeginObject); err != nil {
		return nil, err
	}
	var ms []member
	for d.PeekKind() != jsontext.KindEndObject {
		t, err := d.ReadToken()
		if err != nil {
			return nil, noEOF(err)
		}
		name := t.String()
		v, at, err := readValue(d, src)
		if err != nil {
			return nil, err
		}
		ms = append(ms, member{name, v, at})
	}
	return ms, shut(d)
}

// array reads the elements of the JSON array in src, as pieces of it.
func array(src []byte) ([]jsontext.Value, error) {
	vs, _, err := arrayUpTo(src, math.MaxInt)
	return vs, err
}

// arrayUpTo is array, but reads no more than limit elements; more: there are others, which are not looked at.
func arrayUpTo(src []byte, limit int) (vs []jsontext.Value, more bool, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(src))
	if _, err := open(d, jsontext.KindBeginArray); err != nil {
		return nil, false, err
	}
	for d.PeekKind() != jsontext.KindEndArray {
		if len(vs) == limit {
			return vs, true, nil
		}
		v, _, err := readValue(d, src)
		if err != nil {
			return nil, false, err
		}
		vs = append(vs, v)
	}
	return vs, false, shut(d)
}

// count is how many elements the JSON array in src has, of which it keeps none; 0 if it is no array.
func count(src []byte) (n int) {
	d := jsontext.NewDecoder(bytes.NewBuffer(src))
	if _, err := open(d, jsontext.KindBeginArray); err != nil {
		return 0
	}
	for d.PeekKind() != jsontext.KindEndArray && d.SkipValue() == nil {
		n++
	}
	return n
}

// readValue reads the next value as a piece of src, which outlives the decoder's own buffer.
func readValue(d *jsontext.Decoder, src []byte) (jsontext.Value, int, error) {
	v, err := d.ReadValue()
	if err != nil {
		return nil, 0, noEOF(err)
	}
	end := int(d.InputOffset())
	at := end - len(v)
	return jsontext.Value(src[at:end:end]), at, nil
}

var errKind = errors.New("not the expected kind of JSON value")

func open(d *jsontext.Decoder, want jsontext.Kind) (jsontext.Token, error) {
	t, err := d.ReadToken()
	if err != nil {
		return t, noEOF(err)
	}
	if t.Kind() != want {
		return t, fmt.Errorf("%w: got %v, want %v", errKind, t.Kind(), want)
	}
	return t, nil
}

// shut reads the closing bracket, and makes sure that nothing follows.
func shut(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return noEOF(err)
	}
	if _, err := d.ReadToken(); err == nil {
		return &jsontext.SyntacticError{ByteOffset: d.InputOffset(), Err: errors.New("more than one value")}
	} else if err != io.EOF {
		return err
	}
	return nil
}

// noEOF makes the end of the text, in the middle of a value, the error that it is.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// text returns what the JSON string v says; false if v is no string.
func text(v jsontext.Value) (string, bool) {
	if v.Kind() != jsontext.KindString {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, []byte(v))
	return string(b), err == nil
}

// maxModel is how many bytes of a model's name are kept.
const maxModel = 256

// modelName returns the string v as the name of a model; "" if it is none. Callers and providers write what they like there, and logs,
// sums and warnings repeat it.
func modelName(v jsontext.Value) string {
	s, _ := text(v)
	if len(s) <= maxModel {
		return s
	}
	return strings.Clone(strings.ToValidUTF8(s[:maxModel], "\uFFFD"))
}

func isNull(v jsontext.Value) bool { return v.Kind() == jsontext.KindNull }

// integer returns the value of a JSON integer that fits an int32, which is room enough for an index.
func integer(v jsontext.Value) (int, bool) {
	if len(v) == 0 || len(v) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func find(ms []member, name string) jsontext.Value {
	for i := range ms {
		if ms[i].name == name {
			return ms[i].value
		}
	}
	return nil
}

// canonical is RFC 8785's form of v, except that integers stay as they are written: that standard reads all numbers as
// 64-bit floats, in which two large seeds may be one.
func canonical(v jsontext.Value) ([]byte, error) {
	c := v.Clone()
	err := c.Canonicalize(jsontext.CanonicalizeRawInts(false))
	return c, err
}
