package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
)

// healthReport is what an operator sees of a running server. Nothing in it is a secret: targets are named by provider, virtual
// key's name and host, failures by their kind, and no error of a transport is quoted, which may hold a URL.
type healthReport struct {
	Status      string         `json:"status"` // as /readyz says it
	Started     time.Time      `json:"started"`
	Connections int            `json:"connections"`
	Targets     []TargetHealth `json:"targets"` // that requests were sent to
	Queues      queueHealth    `json:"queues"`
	Cache       *cacheHealth   `json:"cache,omitzero"`
	Configs     *configHealth  `json:"configs,omitzero"`
}

// queueHealth is what waits, and what was lost for want of room.
type queueHealth struct {
	Calls       int    `json:"calls"` // to providers under way that may be joined
	CallsShared uint64 `json:"calls_shared"`

	Fills         int    `json:"fills"` // answers that wait to be written
	FillsCapacity int    `json:"fills_capacity"`
	FillsWritten  uint64 `json:"fills_written"`
	FillsDropped  uint64 `json:"fills_dropped"`
	FillsFailed   uint64 `json:"fills_failed"`
}

// cacheHealth is the state of the cache and its file.
type cacheHealth struct {
	Entries    int64             `json:"entries"`
	Bytes      int64             `json:"bytes"`
	FileBytes  int64             `json:"file_bytes"`
	Loaded     loadHealth        `json:"loaded"`
	Vectors    int               `json:"vectors"`
	Lacking    int64             `json:"vectors_lacking"` // entries whose vector is still to be made
	Partitions int               `json:"partitions"`
	Lookups    map[string]uint64 `json:"lookups"`
	Errors     map[string]uint64 `json:"errors"` // by what failed; only what did
	Labels     labelHealth       `json:"labels"`
	FalseHits  []falseHits       `json:"false_hits"` // of namespaces with semantic hits
}

// loadHealth is how far the semantic tier knows the file.
type loadHealth struct {
	Read         int64   `json:"read"`
	Of           int64   `json:"of"`
	FromSnapshot bool    `json:"from_snapshot"`
	Refused      string  `json:"snapshot_refused,omitempty"`
	Seconds      float64 `json:"seconds,omitzero"`
}

type labelHealth struct {
	ShadowDrawn   uint64  `json:"shadow_drawn"`
	ShadowDropped uint64  `json:"shadow_dropped"`
	ShadowFailed  uint64  `json:"shadow_failed"`
	ShadowSpent   float64 `json:"shadow_spent"`
}

// falseHits is cache.FalseHits as it is shown.
type falseHits struct {
	Namespace string  `json:"namespace"`
	Budget    float64 `json:"budget,omitzero"` // 0: hits under any
	Hits      float64 `json:"hits"`
	Checked   float64 `json:"checked"`
	Share     float64 `json:"share"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Reported  float64 `json:"reported"`
	Tighten   float64 `json:"tighten"`
}

// configHealth is what there is of saved configs.
type configHealth struct {
	Saved    int      `json:"saved"`
	Problems []string `json:"problems"` // files that cannot be used; what they held before counts
}

func adminHealth(s *Server, c *adminCall) *apiError {
	r := healthReport{
		Status: s.state(), Started: s.started.UTC(), Connections: int(s.http.GetCurrentConcurrency()), Targets: s.Health(), Queues: s.queueHealth(),
	}
	if s.cfg.Cache != nil {
		r.Cache = newCacheHealth(s.cfg.Cache.Stats())
	}
	if saved := s.cfg.SavedConfigs; saved != nil {
		r.Configs = &configHealth{Saved: len(saved.List()), Problems: append([]string{}, saved.Problems()...)}
	}
	return c.reply(fasthttp.StatusOK, r)
}

func (s *Server) queueHealth() queueHealth {
	n := s.Stats()
	s.flights.mu.Lock()
	calls := len(s.flights.open)
	s.flights.mu.Unlock()
	return queueHealth{
		Calls: calls, CallsShared: n.CallsShared,
		Fills: n.FillsWaiting, FillsCapacity: cap(s.filler.queue), FillsWritten: n.FillsWritten, FillsDropped: n.FillsDropped, FillsFailed: n.FillsFailed,
	}
}

func newCacheHealth(n cache.Stats) *cacheHealth {
	out := &cacheHealth{
		Entries: n.Entries, Bytes: n.Bytes, FileBytes: n.FileBytes, Vectors: n.Vectors, Lacking: n.Lacking, Partitions: n.Partitions,
		Loaded:  loadHealth{n.Load.Read, n.Load.Total, n.Load.FromSnapshot, n.Load.Refused, n.Load.Took.Seconds()},
		Lookups: map[string]uint64{}, Errors: map[string]uint64{}, FalseHits: []falseHits{},
		Labels: labelHealth{n.Learning.ShadowDrawn, n.Learning.ShadowDropped, n.Learning.ShadowFailed, n.Learning.ShadowSpent},
	}
	for status, count := range n.Lookups {
		out.Lookups[status.String()] = count
	}
	for _, f := range failures(&n) {
		if f.n > 0 {
			out.Errors[f.part] = f.n
		}
	}
	for _, f := range n.Learning.Namespaces {
		out.FalseHits = append(out.FalseHits, falseHits(f))
	}
	return out
}
