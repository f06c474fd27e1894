package proxy

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/promtext"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// metricsPath is where the counters are, as Prometheus reads them. They name namespaces, so that who reads them needs the
// scope read, as for the admin API, unless Config.OpenMetrics says that everybody may.
const metricsPath = "/metrics"

// metrics are what the server counts of its own. The zero value is ready to use.
type metrics struct {
	mu       sync.RWMutex // guards requests, but not what it points to
	requests map[requestKind]*atomic.Uint64

	total, upstream timings

	prompt, cached, completion   atomic.Int64 // tokens of calls that were made
	savedPrompt, savedCompletion atomic.Int64 // and of calls that were not
	spent, saved                 atomic.Int64 // nanodollars
	spentEst, savedEst           atomic.Int64 // of these, what comes of estimated tokens
	noPrice, estimated, attempts atomic.Uint64
}

// requestKind is what requests are counted by. All three are of small sets.
type requestKind struct {
	endpoint string
	status   int
	cache    string
}

// endpointOfPath is a path as counters know it: callers' own words must not become names of theirs.
func endpointOfPath(path string) string {
	switch {
	case firstPaths[path] != nil, knownPaths[path]:
		return path
	case strings.HasPrefix(path, feedbackPath):
		return feedbackPath
	case strings.HasPrefix(path, cachesPath):
		return cachesPath
	case strings.HasPrefix(path, adminPath):
		return adminPath
	case strings.HasPrefix(path, "/v1/"):
		return "other"
	}
	return "unknown"
}

// knownPaths are those that are counted by their own name.
var knownPaths = func() map[string]bool {
	m := map[string]bool{wire.Embeddings.Path: true, "/healthz": true, "/readyz": true, metricsPath: true}
	for _, d := range wire.Dialects {
		m[d.Path] = true
	}
	return m
}()

// count adds one request, whose record need not be kept.
func (m *metrics) count(endpoint string, r *requestlog.Record) {
	k := requestKind{endpoint, r.Status, r.CacheStatus}
	m.mu.RLock()
	n := m.requests[k]
	m.mu.RUnlock()
	if n == nil {
		m.mu.Lock()
		if m.requests == nil {
			m.requests = map[requestKind]*atomic.Uint64{}
		}
		if n = m.requests[k]; n == nil {
			n = new(atomic.Uint64)
			m.requests[k] = n
		}
		m.mu.Unlock()
	}
	n.Add(1)
	m.total.add(time.Duration(r.Latency * float64(time.Millisecond)))
	m.upstream.add(time.Duration(r.Stages.Upstream * float64(time.Millisecond)))
	m.attempts.Add(uint64(r.Attempts))
	m.pay(r)
}

// pay adds what a request cost.
func (m *metrics) pay(r *requestlog.Record) {
	t := requestlog.Of(r)
	m.spent.Add(int64(t.Spent))
	m.saved.Add(int64(t.Saved))
	m.spentEst.Add(int64(t.SpentEstimated))
	m.savedEst.Add(int64(t.SavedEstimated))
	m.noPrice.Add(t.NoPrice)
	m.estimated.Add(t.Estimated)
}

// charge adds tokens, told apart by whether somebody was paid for them.
func (m *metrics) charge(b *bill) {
	m.prompt.Add(b.spent.Prompt())
	m.cached.Add(b.spent.Cached)
	m.completion.Add(b.spent.Output)
	m.savedPrompt.Add(b.saved.Prompt())
	m.savedCompletion.Add(b.saved.Output)
}

// timings are times in the buckets that cache.StageStats has.
type timings struct {
	count, sum atomic.Uint64
	buckets    [len(cache.StageStats{}.Buckets)]atomic.Uint64
}

func (t *timings) add(d time.Duration) {
	if d <= 0 {
		return
	}
	t.count.Add(1)
	t.sum.Add(uint64(d))
	t.buckets[min(bits.Len64(uint64(d/time.Microsecond)), len(t.buckets)-1)].Add(1)
}

func (t *timings) write(w *promtext.Writer, stage string) {
	var buckets [len(t.buckets)]uint64
	for i := range t.buckets {
		buckets[i] = t.buckets[i].Load()
	}
	w.Buckets(buckets[:], t.count.Load(), time.Duration(t.sum.Load()), "stage", stage)
}

// serveMetrics answers GET /metrics.
func (s *Server) serveMetrics(ctx *fasthttp.RequestCtx, x *exchange) {
	err := x.d.open(&ctx.Request.Header)
	if err == nil && !ctx.IsGet() && !ctx.IsHead() {
		ctx.Response.Header.Set("Allow", "GET, HEAD")
		err = notAllowed(string(ctx.Method()), x.path, "GET", "HEAD")
	}
	if err == nil && !s.cfg.OpenMetrics {
		err = x.allowed(keys.Read)
	}
	if err != nil {
		x.fail(ctx, err)
		return
	}
	var w promtext.Writer
	s.writeMetrics(&w)
	ctx.SetContentType(promtext.ContentType)
	ctx.SetBody(w.Bytes())
}

func (s *Server) writeMetrics(w *promtext.Writer) {
	s.metrics.write(w)
	s.writeOwn(w)
	if s.cfg.Cache != nil {
		writeCache(w, s.cfg.Cache.Stats())
	}
}

func (m *metrics) write(w *promtext.Writer) {
	w.Family("reprise_requests_total", promtext.Counter, "Requests by endpoint, status and what the cache did.")
	m.mu.RLock()
	kinds := make([]requestKind, 0, len(m.requests))
	for k := range m.requests {
		kinds = append(kinds, k)
	}
	m.mu.RUnlock()
	slices.SortFunc(kinds, func(a, b requestKind) int {
		if n := strings.Compare(a.endpoint+"\x00"+a.cache, b.endpoint+"\x00"+b.cache); n != 0 {
			return n
		}
		return a.status - b.status
	})
	for _, k := range kinds {
		m.mu.RLock()
		n := m.requests[k].Load()
		m.mu.RUnlock()
		w.Count(n, "endpoint", k.endpoint, "status", strconv.Itoa(k.status), "cache", k.cache)
	}
	count := func(name, help string, v uint64, labels ...string) {
		w.Family(name, promtext.Counter, help)
		w.Count(v, labels...)
	}
	w.Family("reprise_tokens_total", promtext.Counter, "Tokens of calls to providers that were made, and of those that the cache made unnecessary.")
	w.Count(uint64(m.prompt.Load()), "call", "made", "kind", "prompt")
	w.Count(uint64(m.cached.Load()), "call", "made", "kind", "prompt_cached")
	w.Count(uint64(m.completion.Load()), "call", "made", "kind", "completion")
	w.Count(uint64(m.savedPrompt.Load()), "call", "saved", "kind", "prompt")
	w.Count(uint64(m.savedCompletion.Load()), "call", "saved", "kind", "completion")
	w.Family("reprise_cost_dollars_total", promtext.Counter, "Money that calls to providers cost or would have cost, as far as their prices are known.")
	w.Sample(float64(m.spent.Load())/1e9, "call", "made")
	w.Sample(float64(m.saved.Load())/1e9, "call", "saved")
	w.Family("reprise_cost_estimated_dollars_total", promtext.Counter, "Of that money, what comes of tokens that no answer named, and that were estimated.")
	w.Sample(float64(m.spentEst.Load())/1e9, "call", "made")
	w.Sample(float64(m.savedEst.Load())/1e9, "call", "saved")
	count("reprise_price_unknown_total", "Requests whose call has no known price.", m.noPrice.Load())
	count("reprise_tokens_estimated_total", "Requests whose tokens were estimated.", m.estimated.Load())
	count("reprise_upstream_attempts_total", "Calls to providers, retries included.", m.attempts.Load())
	w.Family("reprise_request_seconds", promtext.Histogram, "Time until a request was answered (total), and until its provider had (upstream).")
	m.total.write(w, "total")
	m.upstream.write(w, "upstream")
}

// writeOwn writes what the server knows beside its counters.
func (s *Server) writeOwn(w *promtext.Writer) {
	st := s.Stats()
	w.Family("reprise_fills_total", promtext.Counter, "Answers for the cache by what became of them.")
	w.Count(st.FillsWritten, "result", "written")
	w.Count(st.FillsDropped, "result", "dropped")
	w.Count(st.FillsFailed, "result", "failed")
	w.Family("reprise_queue_depth", promtext.Gauge, "What waits to be written.")
	w.Count(uint64(st.FillsWaiting), "queue", "fill")
	if s.requests != nil {
		w.Count(uint64(s.requests.Stats().Waiting), "queue", "request_log")
	}
	w.Family("reprise_calls_shared_total", promtext.Counter, "Requests that were answered by another's call.")
	w.Count(st.CallsShared)
	if s.requests != nil {
		l := s.requests.Stats()
		w.Family("reprise_request_log_records_total", promtext.Counter, "Records of the request log by what became of them.")
		w.Count(l.Written, "result", "written")
		w.Count(l.Dropped, "result", "dropped")
		w.Count(l.Failed, "result", "failed")
		w.Count(l.Removed, "result", "removed")
		w.Family("reprise_request_log_bytes", promtext.Gauge, "Bytes of the request log's file.")
		w.Count(uint64(max(0, l.FileBytes)), "part", "file")
		w.Count(uint64(max(0, l.UsedBytes)), "part", "used")
	}
	totals := s.router.Totals()
	w.Family("reprise_target_state", promtext.Gauge, "Breakers of a provider and virtual key by their state: one, and one for each model, deployment and time limit that requests name.")
	for _, t := range totals {
		for _, state := range [...]string{"closed", "half-open", "open"} {
			w.Count(t.Breakers[state], "target", t.Target, "state", state)
		}
	}
	w.Family("reprise_target_calls_total", promtext.Counter, "Calls to a target, as its breakers count them.")
	for _, t := range totals {
		w.Count(t.Calls, "target", t.Target)
	}
	w.Family("reprise_target_failures_total", promtext.Counter, "Calls to a target that failed.")
	for _, t := range totals {
		w.Count(t.Failures, "target", t.Target)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
