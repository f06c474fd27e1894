package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// stop is how a command that is under way learns that nobody wants it to go on, so that it puts away what it has begun: halves
// of files, temporary folders. Only serve has its own, which ends when what is under way is finished.
type stop struct {
	ctx     context.Context
	end     context.CancelCauseFunc
	release func()
}

// endSignals are those that ask a process to end in good order. A terminal that is closed sends SIGHUP; where nohup has that ignored,
// it stays so.
func endSignals() []os.Signal {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// newStop catches the endSignals, the second of which ends the process at once, and makes a write that nobody reads
// an error, where it would end the process.
func newStop() *stop {
	s := &stop{}
	parent, end := context.WithCancelCause(context.Background())
	ctx, uncatch := signal.NotifyContext(parent, endSignals()...)
	context.AfterFunc(ctx, uncatch)
	unread := make(chan os.Signal, 1) // nothing is read of it: that it is there is enough
	signal.Notify(unread, syscall.SIGPIPE)
	s.ctx, s.end = ctx, end
	s.release = func() { signal.Stop(unread); uncatch(); end(nil) }
	return s
}

// why is the reason of an error that comes of the stop.
func (s *stop) why(err error) error {
	if errors.Is(err, context.Canceled) && s.ctx.Err() != nil {
		err = fmt.Errorf("stopped: %w", context.Cause(s.ctx))
	}
	if errors.Is(err, syscall.EPIPE) {
		return errQuiet // as `reprise ... | head` wants it
	}
	return err
}

// writer is w, the first failure of which stops the command: many a line is printed without a look at what comes of it.
func (s *stop) writer(w io.Writer) io.Writer { return &stoppingWriter{w, s} }

type stoppingWriter struct {
	io.Writer
	stop *stop
}

func (w *stoppingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.stop.end(err)
	}
	return n, err
}

// input is standard input, of which a read ends with the context: whoever writes it may never come to an end.
func (h *host) input(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, h.stdin)
		_ = w.CloseWithError(err) // which never fails
	}()
	context.AfterFunc(ctx, func() { _ = w.CloseWithError(ctx.Err()) })
	return r
}
