package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/reprise-cache/reprise/cache"
)

// openScratch opens an empty cache in a temporary folder. Done closes the cache and removes the folder.
func openScratch(o cache.Options) (c *cache.Cache, done func() error, err error) {
	dir, err := os.MkdirTemp("", "reprise-bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("bench: %w", err)
	}
	c, err = cache.Open(filepath.Join(dir, "bench.db"), o)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, func() error { return errors.Join(c.Close(), os.RemoveAll(dir)) }, nil
}
