package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// entrySource reads what reprise export wrote: one cache.Record a line.
type entrySource struct{ lines *lineReader }

func newEntrySource(r io.Reader, _ *config.Config) (source, error) {
	return &entrySource{newLineReader(r)}, nil
}

func (s *entrySource) next() (item, error) {
	text, at, err := s.lines.next()
	if err != nil {
		return nil, err
	}
	it := &entryItem{text: text, at: at}
	if err := it.record.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("line %d: %w", at, err)
	}
	return it, nil
}

type entryItem struct {
	record cache.Record
	text   []byte
	at     int
}

func (e *entryItem) line() []byte { return e.text }

func (e *entryItem) store(ctx context.Context, c *cache.Cache) (bool, error) {
	done, err := c.Import(ctx, &e.record)
	if err != nil {
		err = fmt.Errorf("line %d: %w", e.at, err)
	}
	return done, err
}

// lineReader reads lines of any length and counts them.
type lineReader struct {
	r *bufio.Reader
	n int
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 1<<20)} }

// next returns the next line that is not blank, and its number; io.EOF at the end. The line is the caller's to keep.
func (l *lineReader) next() (text []byte, at int, err error) {
	for {
		text, err := l.r.ReadBytes('\n')
		if len(text) == 0 || err != nil && !errors.Is(err, io.EOF) {
			return nil, l.n, err
		}
		l.n++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, l.n, nil
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
