package main

import (
	"log/slog"
	"maps"
	"slices"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// namespaces are the options of the namespaces that the configuration names.
func namespaces(c *config.Config, m models, log *slog.Logger) (map[string]cache.NamespaceOptions, error) {
	out := map[string]cache.NamespaceOptions{}
	for _, name := range slices.Sorted(maps.Keys(c.Cache.Namespaces)) {
		n := c.Cache.Namespaces[name]
		o := cache.NamespaceOptions{Threshold: float32(n.Threshold), MaxError: n.MaxError, TTL: n.TTL, MaxAge: n.MaxAge, MaxEntries: n.MaxEntries, MaxBytes: n.MaxBytes}
		var err error
		if n.Mode != "" {
			if o.Mode, err = cache.ParseMode(n.Mode); err != nil {
				return nil, err
			}
		}
		if n.Conversation != "" {
			if o.Conversation, err = cache.ParseConversation(n.Conversation); err != nil {
				return nil, err
			}
		}
		if m.verifier == nil && o.Conversation == cache.ConversationJudged {
			o.Conversation = cache.ConversationStrict // nothing is compared by meaning
		}
		if o.Conversation == cache.ConversationLastTurn {
			log.Warn("earlier turns are not looked at (conversation: last_turn): an answer that depends on them may be wrong", "namespace", name)
		}
		if n.Volatile != "" {
			if o.Volatile, err = cache.ParseVolatile(n.Volatile); err != nil {
				return nil, err
			}
		}
		if n.TTL == config.Never {
			o.TTL = cache.NoExpiry
		}
		if n.ShadowRate != nil {
			if o.ShadowRate = *n.ShadowRate; o.ShadowRate == 0 {
				o.ShadowRate = -1 // none, where 0 is as the cache has it
			}
		}
		out[name] = o
	}
	return out, nil
}

// stricterIn says of which namespaces requests may only tighten the settings, where the configuration says it of them.
func stricterIn(c *config.Config) map[string]bool {
	out := map[string]bool{}
	for name, n := range c.Cache.Namespaces {
		if n.RequestSettings != "" {
			out[name] = n.RequestSettings == "stricter"
		}
	}
	return out
}
