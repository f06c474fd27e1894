package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy"
)

// maxExplainLine bounds a line of pairs. It is far above any question that is compared by meaning.
const maxExplainLine = 64 << 20

// explainLine is one pair and its verdict.
type explainLine struct {
	number int
	id     json.RawMessage
	a, b   cache.Query
	out    []byte // the verdict, a line of JSON
}

// explainReader reads pairs, a JSON object a line. Blank lines are skipped.
type explainReader struct {
	in     *bufio.Reader
	number int
}

func newExplainReader(in io.Reader) *explainReader {
	return &explainReader{in: bufio.NewReaderSize(in, 64<<10)}
}

// next returns the next pair, io.EOF after the last one, or what is wrong with a line, which it names.
func (r *explainReader) next() (*explainLine, error) {
	for {
		text, err := r.line()
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("standard input, line %d: %w", r.number+1, err)
		}
		if err == io.EOF && len(text) == 0 {
			return nil, io.EOF
		}
		r.number++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		line, err := parseExplainLine(text)
		if err != nil {
			return nil, fmt.Errorf("standard input, line %d: %w", r.number, err)
		}
		line.number = r.number
		return line, nil
	}
}

// line reads up to and with the next line feed. The last line may lack it.
func (r *explainReader) line() (line []byte, err error) {
	for {
		part, err := r.in.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxExplainLine {
			return nil, fmt.Errorf("longer than %d bytes", maxExplainLine)
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

func parseExplainLine(text []byte) (*explainLine, error) {
	var row struct {
		ID json.RawMessage `json:"id"`
		A  json.RawMessage `json:"a"`
		B  json.RawMessage `json:"b"`
	}
	if err := json.Unmarshal(text, &row); err != nil {
		return nil, fmt.Errorf(`want a JSON object of "id", "a" and "b": %w`, err)
	}
	line := &explainLine{id: json.RawMessage("null")}
	if row.ID != nil {
		var id bytes.Buffer
		if err := json.Compact(&id, row.ID); err != nil {
			return nil, fmt.Errorf(`"id": %w`, err)
		}
		line.id = id.Bytes()
	}
	for _, side := range []struct {
		name string
		raw  json.RawMessage
		q    *cache.Query
	}{{"a", row.A, &line.a}, {"b", row.B, &line.b}} {
		q, err := explainQuery(side.raw)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", side.name, err)
		}
		*side.q = q
	}
	return line, nil
}

// explainQuery reads one side of a pair: a text, or a list of messages.
func explainQuery(raw json.RawMessage) (cache.Query, error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return cache.Query{}, errors.New("is missing: give a text or a list of messages")
	}
	switch raw[0] {
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return cache.Query{}, err
		}
		return single(text), nil
	case '[':
		ms, err := proxy.ParseMessages(raw)
		return cache.Query{Messages: ms}, err
	}
	return cache.Query{}, fmt.Errorf("is %.40s: give a text or a list of messages", raw)
}

// judge works the verdict out and writes it down.
func (l *explainLine) judge(ctx context.Context, d *cache.Decider, policy cache.Policy) error {
	start := time.Now()
	v, err := d.Pair(ctx, l.a, l.b, policy)
	if err != nil {
		return err
	}
	took := time.Since(start)
	var verifier float64
	var guard, token string
	if v.Status == cache.HitExact {
		verifier = 1
	}
	for i := range v.Candidates {
		cand := &v.Candidates[i]
		verifier = cand.Verifier
		if cand.Reason.IsGuard() {
			guard, token = string(cand.Reason), cand.Token
		}
	}
	out, err := json.Marshal(struct {
		ID          json.RawMessage `json:"id"`
		Served      bool            `json:"served"`
		Status      string          `json:"status"`
		Probability json.Number     `json:"probability"`
		Similarity  json.Number     `json:"similarity"`
		Verifier    json.Number     `json:"verifier"`
		Guard       string          `json:"guard"`
		Token       string          `json:"token"`
		Micros      int64           `json:"micros"`
	}{l.id, v.Status.Hit(), v.Status.String(), figure(v.Probability), figure(float64(v.Similarity)), figure(verifier), guard, token, took.Microseconds()})
	if err != nil {
		return err
	}
	l.out = append(out, '\n')
	return nil
}

func figure(f float64) json.Number { return json.Number(strconv.FormatFloat(f, 'f', 6, 64)) }
