// Package traffic reads questions and answers of the past from the files that people have of them: logs of requests and responses,
// the two files of OpenAI's Batch API, and lists of questions and answers as lines of JSON or as CSV. It knows where in a file things
// stand, and nothing of what a request means.
//
// A reader goes on after a line that it cannot read, which is a [LineError]; any other error is the file's, and the last.
package traffic

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Pair is a request and its answer.
type Pair struct {
	Line int   // where it begins, from 1
	Size int64 // bytes of the file that it takes, with what was passed over since the one before

	Path      string // that the request went to, or its URL; "": not said
	Request   []byte // a body, as the endpoint takes it
	Answer    []byte // a body, or the events of a stream
	Namespace string
	Created   time.Time // of the answer; zero: not said
	Took      time.Duration

	Skip   string // why the answer is not to be kept; "": it may be
	Cached bool   // that is because it came from a cache
}

// Reader reads pairs; io.EOF is the end.
type Reader interface {
	Next() (*Pair, error)
}

// LineError says that a line is not what it should be. The next one may be.
type LineError struct {
	Line int
	Size int64 // as Pair.Size
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// ErrFormat: a file is not of the format that it should be.
var ErrFormat = errors.New("format")

// maxLine bounds what one line, or one row of CSV, may hold, so that an unclosed quote does not take all memory.
const maxLine = 64 << 20

// Lines reads lines, and counts them.
type Lines struct {
	r    *bufio.Reader
	n    int
	size int64 // since the last line that was returned
}

// NewLines reads the lines of r.
func NewLines(r io.Reader) *Lines { return &Lines{r: bufio.NewReaderSize(r, 64<<10)} }

// Next returns the next line that is not blank, without the white space around it, its number and the bytes since the last; io.EOF at
// the end. The text is the caller's to keep.
func (l *Lines) Next() (text []byte, at int, size int64, err error) {
	for {
		text, err := l.line()
		if err != nil {
			return nil, l.n, 0, err
		}
		l.n++
		if l.n == 1 {
			text = bytes.TrimPrefix(text, bom)
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			size, l.size = l.size, 0
			return text, l.n, size, nil
		}
	}
}

func (l *Lines) line() (text []byte, err error) {
	for {
		piece, err := l.r.ReadSlice('\n')
		l.size += int64(len(piece))
		text = append(text, piece...)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(text) > 0:
			return text, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(text) > maxLine:
			return nil, fmt.Errorf("line %d: longer than %d bytes", l.n+1, maxLine)
		}
	}
}

var bom = []byte("\xef\xbb\xbf")

// object is a JSON object by its members.
type object map[string]json.RawMessage

func parseObject(text []byte) (object, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("no JSON object: %w", err)
	}
	if o == nil {
		return nil, errors.New("no JSON object: null")
	}
	return o, nil
}

// first returns the first of the members that is there and not null.
func (o object) first(names ...string) (value json.RawMessage, name string) {
	for _, n := range names {
		if v := o[n]; len(v) > 0 && string(v) != "null" {
			return v, n
		}
	}
	return nil, ""
}

// text returns a member that is a string; "": it is not there.
func (o object) text(names ...string) (string, error) {
	v, name := o.first(names...)
	if v == nil {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return "", fmt.Errorf("%s is %.40s: give a string", name, v)
	}
	return s, nil
}

// number returns a member that is a number; 0: it is not there.
func (o object) number(names ...string) (float64, error) {
	v, name := o.first(names...)
	if v == nil {
		return 0, nil
	}
	var n float64
	if err := json.Unmarshal(v, &n); err != nil {
		return 0, fmt.Errorf("%s is %.40s: give a number", name, v)
	}
	return n, nil
}

// timeNames are the members by which files say when an answer was given.
var timeNames = []string{"created", "created_at", "timestamp", "time", "response_created_at", "end_time"}

// time returns when an answer was given; zero: it is not said.
func (o object) time() (time.Time, error) {
	v, name := o.first(timeNames...)
	if v == nil {
		return time.Time{}, nil
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		s = string(v)
	}
	t, err := parseTime(s)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return t, err
}

// parseTime reads RFC 3339, the same with a space, in UTC where no zone is named, and Unix time in seconds, or in milli- or
// microseconds where it would else be thousands of years away.
func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		for n > 1e11 && n < 1e18 {
			n /= 1e3
		}
		if n >= 0 && n <= 1e11 {
			whole, part := math.Modf(n)
			return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
		}
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time: give RFC 3339, as 2026-01-02T15:04:05Z, or Unix seconds", s)
}
