package keys

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrLocked: another process has the file open.
	ErrLocked = errors.New("keys: another process has the file open")
	// ErrDamaged: the file is not what this package writes.
	ErrDamaged = errors.New("keys: the file is damaged")
	// ErrVersion: the file is of a version that this program does not know.
	ErrVersion = errors.New("keys: the file is of another version")
	// ErrSealKey: the key or passphrase given is not the one that sealed the file.
	ErrSealKey = errors.New("keys: this is not the key that the file was sealed with")
	// ErrNoSealKey: secrets are sealed, or to be, and there is no key to do it with.
	ErrNoSealKey = errors.New("keys: there is no key to seal secrets with")
	// ErrNotFound: there is no key of that name.
	ErrNotFound = errors.New("keys: there is no such key")
	// ErrExists: there is a key of that name already.
	ErrExists = errors.New("keys: there is a key of that name already")
	// ErrUnknown: what was presented is no key that may be used.
	ErrUnknown = errors.New("keys: not one of the gateway's keys")
	// ErrExpired: it was one.
	ErrExpired = errors.New("keys: the key has expired")
)

// FieldError is what is wrong with a member of a request. It never quotes a secret.
type FieldError struct {
	Field   string
	Message string
}

// Error begins with the field.
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func wrong(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// LimitError: a key has used up what it may use for now.
type LimitError struct {
	Limit string        // rpm, tpm, spend_day, spend_month
	After time.Duration // when to try again
	what  string
}

// Error says which limit it is.
func (e *LimitError) Error() string { return e.what }
