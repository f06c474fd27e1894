package main

import (
	"io"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
)

// entrySource reads what reprise export wrote: one cache.Record a line.
type entrySource struct{ lines *traffic.Lines }

func newEntrySource(r io.Reader) *entrySource { return &entrySource{traffic.NewLines(r)} }

func (s *entrySource) next() (item, error) {
	text, at, size, err := s.lines.Next()
	if err != nil {
		return item{}, err
	}
	it := item{record: new(cache.Record), line: at, size: size}
	if err := it.record.UnmarshalJSON(text); err != nil {
		return item{}, &traffic.LineError{Line: at, Size: size, Err: err}
	}
	return it, nil
}
