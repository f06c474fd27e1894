package embed

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrOptions: an option cannot be used; the error names it and the remedy. Returned at construction only.
	ErrOptions = errors.New("embed: invalid option")
	// ErrDimension: a vector has another length than the embedder promises. The vectors of such a model must not
	// be mixed with those that are stored.
	ErrDimension = errors.New("embed: wrong dimension")
	// ErrAnswer: an endpoint answered with something that is not one usable vector a text.
	ErrAnswer = errors.New("embed: unusable answer")
)

// StatusError is an endpoint's refusal, after the retries that its status allows.
type StatusError struct {
	Status     int           // HTTP status
	Message    string        // the endpoint's own words, cut to a few hundred bytes, without the key; not if they repeat a text
	RetryAfter time.Duration // how long the endpoint asked to wait; 0: it did not say

	final bool // whatever the status, asking again cannot help
}

func (e *StatusError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("embed: endpoint answered with status %d", e.Status)
	}
	return fmt.Sprintf("embed: endpoint answered with status %d: %s", e.Status, e.Message)
}
