package boltfile

import (
	"errors"
	"fmt"
)

// ReplacesOpen is an error where a system, named as runtime.GOOS does, gives no file the name of one that is open: Windows does not,
// for as long as a file was opened as Go and bbolt do. Who replaces a file asks first, so that nothing is begun.
func ReplacesOpen(system string) error {
	if system == "windows" {
		return fmt.Errorf("%w on Windows, where no file takes the name of one that is open", errors.ErrUnsupported)
	}
	return nil
}
