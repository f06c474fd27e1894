package traffic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

var (
	requestNames  = []string{"request", "request_body", "inputs"}
	responseNames = []string{"response", "response_body", "answer_body", "outputs"}
	pathNames     = []string{"path", "url", "endpoint", "request_path"}
	statusNames   = []string{"status_code", "status", "response_status"}
)

// NewLog reads a log: an object a line that has the request and the response, each as an object, as its text, or as an object with
// the body in it. Beside them may stand path (or url), status, time (or created_at, timestamp), latency_ms and namespace. What the
// gateway's own request log exports is of this form, and so are Helicone's requests, and the runs in which LangSmith's wrapper of
// OpenAI's client keeps calls.
func NewLog(r io.Reader) Reader { return &logReader{NewLines(r)} }

type logReader struct{ lines *Lines }

func (l *logReader) Next() (*Pair, error) {
	text, at, size, err := l.lines.Next()
	if err != nil {
		return nil, err
	}
	p := &Pair{Line: at, Size: size}
	if err := p.readLog(text); err != nil {
		return nil, &LineError{at, size, err}
	}
	return p, nil
}

func (p *Pair) readLog(text []byte) error {
	o, err := parseObject(text)
	if err != nil {
		return err
	}
	request, name := o.first(requestNames...)
	if request == nil {
		return fmt.Errorf("%s is missing", requestNames[0])
	}
	var inner object
	if p.Request, inner, err = body(request); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, from := range []object{o, inner} {
		if p.Path == "" {
			if p.Path, err = from.text(pathNames...); err != nil {
				return err
			}
		}
	}
	if p.Namespace, err = o.text("namespace"); err != nil {
		return err
	}
	if p.Created, err = o.time(); err != nil {
		return err
	}
	if err := p.readTook(o); err != nil {
		return err
	}
	if o.says("bodies_cut", "true") {
		p.Skip = "the log has only the beginning of it"
		return nil
	}
	if status, _ := o.text("cache_status"); strings.HasSuffix(status, "HIT") {
		p.Skip, p.Cached = "it was answered from a cache", true // whose entry is of another line, if of any
		return nil
	}
	response, name := o.first(responseNames...)
	if response == nil {
		p.Skip = "it has no " + responseNames[0]
		return nil
	}
	if p.Answer, inner, err = body(response); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, from := range []object{o, inner} {
		if err := p.readStatus(from); err != nil {
			return err
		}
	}
	return p.readCreated()
}

func (o object) says(name, value string) bool { return string(o[name]) == value }

func (p *Pair) readTook(o object) error {
	ms, err := o.number("latency_ms", "duration_ms", "delay_ms")
	if err == nil && !(ms >= 0 && ms <= 1e9) {
		err = fmt.Errorf("latency_ms of %v: give milliseconds", ms)
	}
	p.Took = time.Duration(ms * float64(time.Millisecond))
	return err
}

// readStatus notes a status by which there is no answer. Words stand for no status of HTTP.
func (p *Pair) readStatus(o object) error {
	if v, _ := o.first(statusNames...); v == nil || v[0] == '"' {
		return nil
	}
	n, err := o.number(statusNames...)
	if err == nil && n != 0 && n != http.StatusOK {
		p.Skip = fmt.Sprintf("its status is %v", n)
	}
	return err
}

// readCreated takes the answer's own time where nothing else says it.
func (p *Pair) readCreated() error {
	if !p.Created.IsZero() || p.Skip != "" {
		return nil
	}
	if o, err := parseObject(p.Answer); err == nil {
		if p.Created, err = o.time(); err != nil {
			return fmt.Errorf("the answer's %w", err)
		}
	}
	return nil
}

// body returns the body that a value is: the text of a string, or an object, or what that has in its member body. inner is the object
// that it was in; nil: none. It looks no deeper, or a line of a thousand bodies within each other would be read a thousand times.
func body(v json.RawMessage) (text []byte, inner object, err error) {
	if v[0] == '{' {
		o, err := parseObject(v)
		if err != nil {
			return nil, nil, err
		}
		if b, _ := o.first("body"); b != nil {
			v, inner = b, o
		}
	}
	switch v[0] {
	case '"':
		var s string
		err := json.Unmarshal(v, &s)
		return []byte(s), inner, err
	case '{':
		return bytes.Clone(v), inner, nil
	}
	return nil, nil, errors.New("neither an object nor a text")
}
