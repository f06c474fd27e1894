package boltfile

import (
	"errors"
	"os"
	"runtime"
)

// SyncDir makes durable which names a folder has, as after a file was made or renamed. Windows has no such call on folders, and
// needs none.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
