package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// readConfigs reads the request configs of a folder, by their ids; none for the folder "".
func readConfigs(dir string) (map[string][]byte, error) {
	if dir == "" {
		return nil, nil
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("%w: configs_dir: %w", config.ErrInvalid, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("%w: configs_dir: %w", config.ErrInvalid, err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("configs_dir: %w", err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = text
	}
	return out, nil
}
