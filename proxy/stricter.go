package proxy

import (
	"time"

	"github.com/reprise-cache/reprise/cache"
)

// boldness orders the modes by how much they serve.
var boldness = map[cache.Mode]int{cache.ModeOff: 0, cache.ModeShadow: 1, cache.ModeSimple: 2, cache.ModeSemantic: 3, cache.ModeThreshold: 4}

// restrict takes back what a request says beyond what the operator lets requests say in its namespace. What is left of a
// request that asks for more is what the operator has; nobody is refused for it, because clients that know one cache of
// their own send such settings with every request.
//
// For the same reason no request has anything served where the operator only watches, or has switched the cache off, whatever
// else requests may say: their word for the mode is no more than what their client sends each time.
func (s *Server) restrict(q *cache.Query) {
	only, ok := s.cfg.StricterIn[q.Namespace]
	if !ok {
		only = s.cfg.StricterOnly
	}
	if !only && q.Mode == cache.ModeDefault || s.cfg.Cache == nil {
		return
	}
	n := s.cfg.Cache.Namespace(q.Namespace)
	nothing := n.Mode == cache.ModeShadow || n.Mode == cache.ModeOff
	if (only || nothing) && boldness[q.Mode] > boldness[n.Mode] {
		q.Mode = n.Mode
	}
	if !only {
		return
	}
	if q.Conversation > n.Conversation {
		q.Conversation = n.Conversation
	}
	if q.Threshold != 0 {
		q.Threshold = max(q.Threshold, n.Threshold)
	}
	if q.MaxError != 0 {
		q.MaxError = min(q.MaxError, n.MaxError)
	}
	q.MaxAge = shorter(q.MaxAge, n.MaxAge)
	q.TTL = shorter(q.TTL, n.TTL)
	q.IgnoreSystem = false
}

// shorter is the stricter of two limits, of which neither need be set.
func shorter(asked, most time.Duration) time.Duration {
	if most > 0 && (asked <= 0 || asked > most) {
		return most
	}
	return asked
}
