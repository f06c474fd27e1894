package traffic

import (
	"errors"
	"fmt"
	"io"
)

// NewBatch reads the requests of a batch, in the form that OpenAI's Batch API takes, with the answers that it gave, which may be in
// any order. It reads the answers' ids first.
func NewBatch(requests io.Reader, answers io.ReaderAt) (Reader, error) {
	b := &batchReader{lines: NewLines(requests), answers: answers, at: map[string]place{}}
	lines := NewLines(section(answers, 0))
	for offset := int64(0); ; {
		text, n, size, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		var id string
		if err == nil {
			var o object
			if o, err = parseObject(text); err == nil {
				id, err = o.text("custom_id")
			}
			if err == nil && id == "" {
				err = errors.New("custom_id is missing")
			}
			if err != nil {
				err = &LineError{Line: n, Err: err}
			}
		}
		if err != nil {
			return nil, fmt.Errorf("the answers' file: %w", err)
		}
		b.at[id] = place{offset, n}
		offset += size
	}
}

func section(r io.ReaderAt, from int64) io.Reader { return io.NewSectionReader(r, from, 1<<62-from) }

// place is where an answer's line begins, blank ones before it included.
type place struct {
	offset int64
	line   int
}

type batchReader struct {
	lines   *Lines
	answers io.ReaderAt
	at      map[string]place
}

func (b *batchReader) Next() (*Pair, error) {
	text, at, size, err := b.lines.Next()
	if err != nil {
		return nil, err
	}
	p := &Pair{Line: at, Size: size}
	if err := b.read(p, text); err != nil {
		return nil, &LineError{at, size, err}
	}
	return p, nil
}

func (b *batchReader) read(p *Pair, text []byte) error {
	o, err := parseObject(text)
	if err != nil {
		return err
	}
	id, err := o.text("custom_id")
	if err != nil {
		return err
	}
	request, _ := o.first("body")
	if id == "" || request == nil {
		return errors.New("custom_id or body is missing")
	}
	if p.Request, _, err = body(request); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if p.Path, err = o.text(pathNames...); err != nil {
		return err
	}
	where, ok := b.at[id]
	if !ok {
		p.Skip = "it has no answer"
		return nil
	}
	line, _, _, err := NewLines(section(b.answers, where.offset)).Next()
	if err == nil {
		err = p.readOutput(line)
	}
	if err != nil {
		return fmt.Errorf("its answer, line %d of the answers' file: %w", where.line, err)
	}
	return nil
}

func (p *Pair) readOutput(line []byte) error {
	o, err := parseObject(line)
	if err != nil {
		return err
	}
	if e, _ := o.first("error"); e != nil {
		p.Skip = "it has an error for an answer"
		return nil
	}
	response, _ := o.first("response")
	if response == nil {
		p.Skip = "it has no answer"
		return nil
	}
	var inner object
	if p.Answer, inner, err = body(response); err != nil {
		return fmt.Errorf("response: %w", err)
	}
	if err := p.readStatus(inner); err != nil {
		return err
	}
	return p.readCreated()
}
