package config

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"
)

// mask stands for a secret that is set. Its length says nothing about the secret's.
const mask = "********"

// Print writes the effective configuration as YAML that Load can read, secrets masked, with a comment on every line that
// a flag, the environment or the file set.
func (c *Config) Print(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range keys {
		if !strings.Contains(k.Path, anyName) {
			c.appendKey(root, k, k.Path)
			continue
		}
		for _, name := range c.names(k) {
			c.appendKey(root, k, strings.Replace(k.Path, anyName, name, 1))
		}
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return fmt.Errorf("config: print: %w", err)
	}
	return enc.Close()
}

// names are those that the configuration has in the place of the key's NAME.
func (c *Config) names(k Key) []string {
	if strings.HasPrefix(k.Path, "providers.") {
		return slices.Sorted(maps.Keys(c.Providers))
	}
	return slices.Sorted(maps.Keys(c.Cache.Namespaces))
}

func (c *Config) appendKey(root *yaml.Node, k Key, path string) {
	value, set := c.values[path]
	if path == "default_provider" && !set {
		value, set = c.DefaultProvider, true // picked from the providers
	}
	if path == "default_anthropic_provider" && !set {
		value, set = c.Anthropic, true
	}
	if !set || value == "" {
		return
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, LineComment: c.origins[path]}
	switch v := value.(type) {
	case string:
		node.SetString(v)
	case time.Duration:
		node.SetString(formatDuration(v))
	case int64:
		node.Value = strconv.FormatInt(v, 10)
		if k.Kind == KindSize {
			node.Value = formatSize(v)
		}
	default:
		node.Value = fmt.Sprint(v)
	}
	if k.Secret {
		node.SetString(mask)
	}
	segments := strings.Split(path, ".")
	at := root
	for _, s := range segments[:len(segments)-1] {
		at = child(at, s)
	}
	at.Content = append(at.Content, scalar(segments[len(segments)-1]), node)
}

// child finds or makes the section s below n.
func child(n *yaml.Node, s string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == s {
			return n.Content[i+1]
		}
	}
	section := &yaml.Node{Kind: yaml.MappingNode}
	n.Content = append(n.Content, scalar(s), section)
	return section
}

func scalar(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// PrintKeys writes the table of every key: type, unit, default, variable and meaning.
func PrintKeys(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "KEY\tTYPE\tDEFAULT\tVARIABLE\tMEANING")
	for _, k := range keys {
		typ := k.Kind.String()
		if k.Kind == KindEnum {
			typ = strings.Join(k.Enum, " | ")
		} else if k.Unit != "" && k.Kind != KindURL && k.Kind != KindAddress {
			typ += " (" + k.Unit + ")"
		}
		def := k.Default
		if def == "" {
			def = "-"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", k.Path, typ, def, k.Env(), k.Doc)
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("config: print keys: %w", err)
	}
	return nil
}
