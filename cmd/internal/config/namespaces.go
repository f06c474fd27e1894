package config

import (
	"cmp"
	"maps"
	"slices"
)

// checkNamespaces holds the rules that join a namespace's settings to the rest.
func (l *loader) checkNamespaces(c *Config) {
	for _, name := range slices.Sorted(maps.Keys(c.Cache.Namespaces)) {
		n := c.Cache.Namespaces[name]
		mode := cmp.Or(n.Mode, c.Cache.Mode)
		if n.Conversation == "judged" && (!c.Cache.Verifier || mode == "threshold") {
			l.complain("cache.namespaces.%s.conversation is judged, which needs the verifier; write cache.verifier: true and a mode other than threshold, or conversation: strict", name)
		}
		if n.Threshold > 0 && (mode == "simple" || mode == "off") {
			l.complain("cache.namespaces.%s.threshold has no effect with mode %s; remove it, or write mode: semantic there", name, mode)
		}
	}
}

// Modes lists the modes that the configuration names, of the cache and of its namespaces.
func (c *Cache) Modes() []string {
	out := []string{c.Mode}
	for _, n := range c.Namespaces {
		if n.Mode != "" {
			out = append(out, n.Mode)
		}
	}
	return out
}
