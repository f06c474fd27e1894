package traffic

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// delimited reads rows of fields, none of which may be larger than maxLine.
type delimited struct {
	*csv.Reader
	from *bounded
}

// newDelimited finds out what stands between fields by what is most in the first line.
func newDelimited(r io.Reader) (*delimited, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if p, _ := b.Peek(len(bom)); bytes.Equal(p, bom) {
		_, _ = b.Discard(len(bom)) // peeked at
	}
	p, err := b.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	line, _, _ := strings.Cut(strings.TrimLeft(string(p), "\r\n"), "\n")
	d := &delimited{from: &bounded{r: b}}
	d.Reader = csv.NewReader(d.from)
	most := 0
	for _, c := range ",;\t" {
		if n := strings.Count(line, string(c)); n > most {
			most, d.Comma = n, c
		}
	}
	return d, nil
}

func (d *delimited) Read() ([]string, error) {
	d.from.n = 0
	return d.Reader.Read()
}

// bounded fails where too much is read at a time.
type bounded struct {
	r io.Reader
	n int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.n > maxLine {
		return 0, fmt.Errorf("a row is longer than %d bytes: is a quote not closed?", maxLine)
	}
	n, err := b.r.Read(p)
	b.n += n
	return n, err
}
