package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/knadh/koanf/maps"
	koanfyaml "github.com/knadh/koanf/parsers/yaml"
	"go.yaml.in/yaml/v3"
)

// maxFileBytes is far above any configuration, and keeps a wrong path (the cache's own file) from being read whole and parsed.
const maxFileBytes = 1 << 20

// readUpTo reads a file, but no more than one byte past the limit of one that may have any size.
func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// fileLayer reads YAML. The node tree is walked beside the decoded values, because only it knows lines.
func (l *loader) fileLayer(path string, data []byte) layer {
	name := "file " + filepath.Base(path)
	out := layer{values: map[string]any{}, origin: map[string]string{}}
	if len(data) > maxFileBytes {
		l.complain("%s is longer than the %d bytes that a configuration may have; is it the right file?", path, maxFileBytes)
		return out
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		l.complain("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
		return out
	}
	if doc.Kind == 0 {
		return out // empty, or comments only
	}
	// Told apart here, because the decoder's own error would quote the value, which may be a pasted key.
	if root := doc.Content[0]; root.Kind != yaml.MappingNode {
		if root.Tag != "!!null" {
			l.complain("%s must hold keys with values, as \"listen: 127.0.0.1:8080\"", name)
		}
		return out
	}
	nested, err := koanfyaml.Parser().Unmarshal(data)
	if err != nil {
		l.complain("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
		return out
	}
	maps.IntfaceKeysToStrings(nested)
	out.values, _ = maps.Flatten(nested, nil, ".")

	lines := map[string]int{}
	collectLines(doc.Content[0], "", lines)
	for p := range out.values {
		out.origin[p] = name
		if n := lines[p]; n > 0 {
			out.origin[p] = fmt.Sprintf("%s:%d", name, n)
		}
	}
	return out
}

// collectLines notes the line of every key, by dotted path. Keys that come in through an alias have none.
func collectLines(n *yaml.Node, prefix string, lines map[string]int) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		path := prefix + n.Content[i].Value
		lines[path] = n.Content[i].Line
		collectLines(n.Content[i+1], path+".", lines)
	}
}
