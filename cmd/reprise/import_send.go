package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/reprise-cache/reprise/cmd/internal/traffic"
)

// sendBytes is the most that one request to a server holds, unless one line alone is more.
const sendBytes = 512 << 10

// sender imports through a server, some lines with each request.
type sender struct {
	c      *importCmd
	server *remote
	n      *tally

	items []sending // that wait
	text  []byte    // of all of them
}

// sending is one line.
type sending struct {
	line int   // of the file
	size int64 // that it takes there
	end  int   // in the text
}

// all sends what the source has.
func (s *sender) all(ctx context.Context, src source) error {
	for ctx.Err() == nil {
		it, err := s.c.take(src, s.n)
		if errors.Is(err, io.EOF) {
			return s.flush(ctx)
		}
		if err != nil {
			return errors.Join(s.flush(ctx), err)
		}
		text, err := it.record.MarshalJSON()
		if err != nil {
			return errors.Join(s.flush(ctx), fmt.Errorf("line %d: %w", it.line, err))
		}
		if len(s.text)+len(text)+1 > sendBytes {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
		s.text = append(append(s.text, text...), '\n')
		s.items = append(s.items, sending{it.line, it.size, len(s.text)})
	}
	return ctx.Err()
}

// flush sends what waits.
func (s *sender) flush(ctx context.Context) error {
	err := s.post(ctx, s.items, s.text)
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusRequestEntityTooLarge && len(s.items) > 1 {
		// Nothing of it was read. Which lines are more than this server takes shows one by one.
		at := 0
		for i, it := range s.items {
			if err = s.post(ctx, s.items[i:i+1], s.text[at:it.end]); err != nil {
				break
			}
			at = it.end
		}
	}
	s.items, s.text = s.items[:0], s.text[:0]
	return err
}

// post sends items and counts what became of each. The server is asked to go on after a bad line in any case: what it says then is
// how many were stored, too, and of which lines of the file to complain.
func (s *sender) post(ctx context.Context, items []sending, text []byte) error {
	if len(items) == 0 {
		return nil
	}
	var said struct {
		Stored, Skipped int
		Bad             []struct {
			Line    int
			Message string
		}
	}
	err := s.server.post(ctx, "entries?bad=skip", text, &said)
	var refused *refusal
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusRequestEntityTooLarge && len(items) == 1:
		return s.c.bad(&traffic.LineError{Line: items[0].line, Size: items[0].size, Err: err}, s.n)
	case err != nil:
		return fmt.Errorf("of the lines from %d on: %w", items[0].line, err)
	}
	var size int64
	for _, it := range items {
		size += it.size
	}
	for _, bad := range said.Bad {
		if bad.Line >= 1 && bad.Line <= len(items) {
			size -= items[bad.Line-1].size // which is passed when it is told
		}
	}
	s.n.sent(said.Stored, said.Skipped, size)
	for _, bad := range said.Bad {
		if bad.Line < 1 || bad.Line > len(items) {
			return fmt.Errorf("the server complains of line %d of %d: %s", bad.Line, len(items), bad.Message)
		}
		it := items[bad.Line-1]
		if err := s.c.bad(&traffic.LineError{Line: it.line, Size: it.size, Err: errors.New(bad.Message)}, s.n); err != nil {
			return err
		}
	}
	return nil
}
