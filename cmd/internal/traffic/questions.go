package traffic

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

var (
	questionNames = []string{"question", "prompt", "query"}
	answerNames   = []string{"answer", "response", "completion"}
)

// Asking says how the questions of a list are asked: what a chat has beside the question.
type Asking struct {
	Model  string                     // "": each says its own
	System string                     // before each question that has none of its own; "": none
	Params map[string]json.RawMessage // further members of the request, as temperature
}

// ErrModel: a question names no model, and neither does Asking.
var ErrModel = errors.New("no model is named")

const chatPath = "/v1/chat/completions"

// row is a line of a list.
type row struct {
	question, answer, model, system, namespace string
	created                                    time.Time
}

// pair makes of a row the chat that would have brought its answer.
func (a *Asking) pair(r *row) (*Pair, error) {
	if r.model == "" {
		r.model = a.Model
	}
	if r.system == "" {
		r.system = a.System
	}
	switch {
	case strings.TrimSpace(r.question) == "":
		return nil, errors.New("the question is empty")
	case strings.TrimSpace(r.answer) == "":
		return nil, errors.New("the answer is empty")
	case r.model == "":
		return nil, ErrModel
	}
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	var messages []message
	if r.system != "" {
		messages = append(messages, message{"system", r.system})
	}
	request := map[string]any{}
	for name, v := range a.Params {
		request[name] = v
	}
	request["model"], request["messages"] = r.model, append(messages, message{"user", r.question})
	type choice struct {
		Index   int     `json:"index"`
		Message message `json:"message"`
		Why     string  `json:"finish_reason"`
	}
	answer := struct {
		ID      string   `json:"id"`
		Object  string   `json:"object"`
		Created int64    `json:"created"`
		Model   string   `json:"model"`
		Choices []choice `json:"choices"`
	}{"chatcmpl-imported", "chat.completion", max(0, r.created.Unix()), r.model, []choice{{0, message{"assistant", r.answer}, "stop"}}}
	p := &Pair{Path: chatPath, Namespace: r.namespace, Created: r.created}
	var err1, err2 error
	p.Request, err1 = marshal(request)
	p.Answer, err2 = marshal(answer)
	return p, errors.Join(err1, err2)
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // answers hold much of it
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// NewQuestions reads an object a line that has a question and an answer, and may have model, system, namespace and a time. Other
// members say nothing.
func NewQuestions(r io.Reader, a Asking) Reader { return &questionReader{NewLines(r), a} }

type questionReader struct {
	lines *Lines
	ask   Asking
}

func (q *questionReader) Next() (*Pair, error) {
	text, at, size, err := q.lines.Next()
	if err != nil {
		return nil, err
	}
	p, err := q.read(text)
	if err != nil {
		return nil, &LineError{at, size, err}
	}
	p.Line, p.Size = at, size
	return p, nil
}

func (q *questionReader) read(text []byte) (*Pair, error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	var r row
	for _, f := range []struct {
		to    *string
		names []string
	}{
		{&r.question, questionNames}, {&r.answer, answerNames}, {&r.model, []string{"model"}}, {&r.system, []string{"system"}},
		{&r.namespace, []string{"namespace"}},
	} {
		if *f.to, err = o.text(f.names...); err != nil {
			return nil, err
		}
	}
	if r.created, err = o.time(); err != nil {
		return nil, err
	}
	return q.ask.pair(&r)
}

// NewCSV reads the same from columns that the first row names, in any letters. They are separated by commas, semicolons or tabs.
func NewCSV(r io.Reader, a Asking) (Reader, error) {
	d, err := newDelimited(r)
	if err != nil {
		return nil, err
	}
	c := &csvReader{rows: d, ask: a}
	head, err := d.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: the first row is to name the columns: %w", ErrFormat, err)
	}
	for i := range head {
		head[i] = strings.ToLower(strings.TrimSpace(head[i]))
	}
	column := func(names []string) int {
		for _, n := range names {
			if i := slices.Index(head, n); i >= 0 {
				return i
			}
		}
		return -1
	}
	c.question, c.answer, c.time = column(questionNames), column(answerNames), column(timeNames)
	c.model, c.system, c.namespace = column([]string{"model"}), column([]string{"system"}), column([]string{"namespace"})
	if c.question < 0 || c.answer < 0 {
		return nil, fmt.Errorf("%w: the first row has %.100q: it is to name the columns %s and %s", ErrFormat, head, questionNames[0], answerNames[0])
	}
	return c, nil
}

type csvReader struct {
	rows *delimited
	ask  Asking
	done int64 // offset up to which rows were returned

	question, answer, model, system, namespace, time int // columns; -1: none
}

func (c *csvReader) Next() (*Pair, error) {
	fields, err := c.rows.Read()
	var bad *csv.ParseError
	at := 0
	switch {
	case errors.As(err, &bad):
		at, err = bad.StartLine, bad.Err
	case err != nil:
		return nil, err
	default:
		at, _ = c.rows.FieldPos(0)
	}
	size := c.rows.InputOffset() - c.done
	c.done += size
	var p *Pair
	if err == nil {
		p, err = c.pair(fields)
	}
	if err != nil {
		return nil, &LineError{at, size, err}
	}
	p.Line, p.Size = at, size
	return p, nil
}

func (c *csvReader) pair(fields []string) (*Pair, error) {
	of := func(column int) string {
		if column < 0 {
			return ""
		}
		return fields[column]
	}
	r := row{question: of(c.question), answer: of(c.answer), model: of(c.model), system: of(c.system), namespace: of(c.namespace)}
	if s := of(c.time); s != "" {
		var err error
		if r.created, err = parseTime(s); err != nil {
			return nil, err
		}
	}
	return c.ask.pair(&r)
}
