// Package sse frames server-sent events, as the WHATWG HTML standard describes them in section 9.2, "Server-sent
// events": the part of it that completion APIs use, which is the event name and the data.
//
// A [Decoder] is fed bytes as they arrive, in pieces of any size, and calls back for each event; it never blocks and
// holds at most one unfinished event. Lines may end in LF, CR or CRLF, a byte order mark may come first, comments and
// unknown fields are skipped. AppendEvent writes one event. Nothing here is safe for concurrent use.
package sse

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrTooLong: an event is longer than the decoder's limit. The decoder has dropped what it held and must not be fed
// further.
var ErrTooLong = errors.New("sse: event too long")

// Event is one dispatched event. Data is valid until the callback returns.
type Event struct {
	Name string // the event field; "" if the stream did not name it
	Data []byte // the data lines, joined by LF
}

// Decoder splits a byte stream into events. The zero value is ready, with no limit.
type Decoder struct {
	MaxBytes int // longest line and longest data of one event; zero: no limit

	line    []byte // an unfinished line
	data    []byte
	name    string
	hasData bool
	afterCR bool // the last byte was CR: a LF that follows belongs to the same line end
	begun   bool // the first line was seen, so a byte order mark is no longer expected
}

var bom = []byte("\xef\xbb\xbf")

// Feed takes the next bytes of the stream and calls emit for each event that they complete, in order. It returns the
// first error that emit returns, or an error that wraps ErrTooLong.
func (d *Decoder) Feed(p []byte, emit func(Event) error) error {
	for len(p) > 0 {
		if d.afterCR {
			d.afterCR = false
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			d.line = append(d.line, p...)
			return d.check(len(d.line))
		}
		d.afterCR = p[i] == '\r'
		line := p[:i]
		if len(d.line) > 0 {
			d.line = append(d.line, line...)
			line = d.line
		}
		p = p[i+1:]
		if err := d.check(len(line)); err != nil {
			return err
		}
		err := d.endLine(line, emit)
		d.line = d.line[:0]
		if err != nil {
			return err
		}
	}
	return nil
}

// Flush dispatches what an unfinished event holds, its last line included. The standard discards it; a reader that
// must know whether a stream which broke off had already said its last word needs to see it.
func (d *Decoder) Flush(emit func(Event) error) error {
	if len(d.line) > 0 {
		if err := d.endLine(d.line, emit); err != nil {
			return err
		}
		d.line = d.line[:0]
	}
	return d.dispatch(emit)
}

func (d *Decoder) check(n int) error {
	if d.MaxBytes > 0 && n+len(d.data) > d.MaxBytes {
		n += len(d.data)
		d.line, d.data, d.hasData = nil, nil, false
		return fmt.Errorf("%w: over %d bytes, limit %d", ErrTooLong, n, d.MaxBytes)
	}
	return nil
}

func (d *Decoder) endLine(line []byte, emit func(Event) error) error {
	if !d.begun {
		d.begun = true
		line = bytes.TrimPrefix(line, bom)
	}
	if len(line) == 0 {
		return d.dispatch(emit)
	}
	field, value, _ := bytes.Cut(line, []byte(":")) // a comment is a line whose field is empty
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "data":
		if d.hasData {
			d.data = append(d.data, '\n')
		}
		d.data = append(d.data, value...)
		d.hasData = true
	case "event":
		d.name = string(value)
	}
	return nil
}

func (d *Decoder) dispatch(emit func(Event) error) error {
	e := Event{Name: d.name, Data: d.data}
	has := d.hasData
	d.name, d.hasData = "", false
	d.data = d.data[:0]
	if !has {
		return nil
	}
	return emit(e)
}

// AppendEvent appends one event to dst. A line end in data starts a new data line, so that any data comes back from a
// Decoder as it went in, but for CR and CRLF, which come back as LF. A name must hold no line end.
func AppendEvent(dst []byte, name string, data []byte) []byte {
	if name != "" {
		dst = append(dst, "event: "...)
		dst = append(dst, name...)
		dst = append(dst, '\n')
	}
	for {
		dst = append(dst, "data: "...)
		i := bytes.IndexAny(data, "\r\n")
		if i < 0 {
			dst = append(dst, data...)
			return append(dst, '\n', '\n')
		}
		dst = append(dst, data[:i]...)
		dst = append(dst, '\n')
		if data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n' {
			i++
		}
		data = data[i+1:]
	}
}
