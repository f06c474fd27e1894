package proxy

import (
	"github.com/reprise-cache/reprise/proxy/internal/prices"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// bytesPerToken is what a token is taken to be where nobody counted: four bytes of English.
const bytesPerToken = 4

// tokens is how many so many bytes are taken to be: of what is not empty one at least.
func tokens(n int) int { return (n + bytesPerToken - 1) / bytesPerToken }

// charge counts an answer against those whose limits its call is under: the gateway key that asked, and the virtual key that
// was used. Only the call's own caller pays, not who was answered by the same call or from the cache.
func (s *Server) charge(c *call, v via, t prices.Tokens, model string) {
	if !c.charged(v) || t.Zero() {
		return
	}
	if model == "" {
		model = c.model
	}
	var dollars float64
	if p := s.price(v, model); p != nil {
		dollars = p.Cost(t).Dollars()
	} else if seen, _ := s.unpriced.ContainsOrAdd(v.provider+"\x00"+model, struct{}{}); !seen {
		s.cfg.Logger.Warn("a call without a price counts as tokens only, not as money: give the model one, or its key no limit of money",
			"provider", v.provider, "model", model)
	}
	n := int(t.Prompt() + t.Output)
	if c.key != nil {
		c.key.Use(n, dollars)
	}
	if v.virtual != "" {
		s.cfg.VirtualKeys.Used(v.virtual, n, dollars)
	}
}

// charged reports whether anybody's limits are to be told of the call.
func (c *call) charged(v via) bool { return c.key != nil || v.virtual != "" }

// taken is what a whole answer took; where it does not say, what estimate makes of the length of what it says.
func taken(d *wire.Dialect, answer []byte, estimate func(output int) prices.Tokens) (t prices.Tokens, model string) {
	p, err := d.Locate(answer)
	if err != nil || !p.Cost.Known {
		return estimate(tokens(said(answer))), p.Model
	}
	return tokensOf(p.Cost), p.Model
}

// streamed is what a stream took so far; where it never said so, what estimate makes of its events, of which there is about one a token.
func streamed(m *wire.Meter, estimate func(output int) prices.Tokens) prices.Tokens {
	u, guessed := m.Taken()
	if !u.Known {
		return estimate(m.Events)
	}
	t := tokensOf(u)
	t.Estimated = guessed
	return t
}

func tokensOf(u wire.Usage) prices.Tokens {
	return prices.Tokens{Input: u.Input, Cached: u.Cached, Written: u.Written, WrittenH: u.WrittenH, Output: u.Output}
}

// estimated is what so many bytes of a request and so many tokens of an answer come to.
func estimated(length, output int) prices.Tokens {
	return prices.Tokens{Input: int64(tokens(length)), Output: int64(output), Estimated: true}
}

// estimate is what a call took whose answer said nothing of it.
func (c *call) estimate(output int) prices.Tokens {
	return estimated(c.length, output)
}
