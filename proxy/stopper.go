package proxy

import "time"

// stopper is what may end a client's wait: it has gone, or its own deadline passes.
type stopper struct {
	gone     <-chan struct{} // nil: not watched
	deadline <-chan time.Time
	timer    *time.Timer
}

func newStopper(gone <-chan struct{}, deadline time.Time) *stopper {
	s := &stopper{gone: gone}
	if !deadline.IsZero() {
		s.timer = time.NewTimer(time.Until(deadline))
		s.deadline = s.timer.C
	}
	return s
}

// wait returns nil when wake fires, else errGone or a *apiError.
func (s *stopper) wait(wake <-chan struct{}) error {
	select {
	case <-wake:
		return nil
	case <-s.gone:
		return errGone
	case <-s.deadline:
		return deadlinePassed()
	}
}

func (s *stopper) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}
