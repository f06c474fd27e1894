package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// fieldReader reads the members of a body and keeps the first thing that is wrong with one.
type fieldReader struct{ err *FieldError }

func (p *fieldReader) fail(path, format string, args ...any) {
	if p.err == nil {
		p.err = &FieldError{path, fmt.Sprintf(format, args...)}
	}
}

func (p *fieldReader) unknown(path, name, known string) {
	if path != "" {
		path += "."
	}
	p.fail(path+strict.Shown(name), "is not a known field: the known ones are %s", known)
}

func (p *fieldReader) object(path string, v jsontext.Value) []member {
	ms, err := object(v)
	if err != nil {
		p.fail(path, "is not an object")
	}
	return ms
}

func (p *fieldReader) text(path string, v jsontext.Value) string {
	s, ok := text(v)
	if !ok {
		p.fail(path, "is not a string")
	}
	return s
}

func (p *fieldReader) word(path string, v jsontext.Value, known ...string) string {
	s, ok := text(v)
	for _, k := range known {
		if s == k {
			return s
		}
	}
	said := strict.ShownValue(v)
	if ok {
		said = strconv.Quote(strict.ShownWord(s))
	}
	p.fail(path, "is %s: use %s", said, strings.Join(known, ", "))
	return ""
}

func (p *fieldReader) number(path string, v jsontext.Value, low, high float64) float64 {
	n, err := strconv.ParseFloat(string(v), 64)
	if v.Kind() != jsontext.KindNumber || err != nil || n < low || n > high {
		if high == math.MaxFloat64 {
			p.fail(path, "is %s: give a number of %v or more", strict.ShownValue(v), low)
		} else {
			p.fail(path, "is %s: give a number from %v to %v", strict.ShownValue(v), low, high)
		}
	}
	return n
}
