package proxy

import (
	"maps"
	"slices"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/promtext"
)

// writeCache writes a cache's counters.
func writeCache(w *promtext.Writer, st cache.Stats) {
	w.Family("reprise_cache_lookups_total", promtext.Counter, "Look-ups by what came of them.")
	for _, status := range slices.Sorted(maps.Keys(st.Lookups)) {
		w.Count(st.Lookups[status], "status", status.String())
	}
	w.Family("reprise_cache_refusals_total", promtext.Counter, "Look-ups that served nothing, by why.")
	for _, r := range slices.Sorted(maps.Keys(st.Refusals)) {
		w.Count(st.Refusals[r], "reason", string(r))
	}
	w.Family("reprise_cache_entries", promtext.Gauge, "Stored answers.")
	w.Count(uint64(max(0, st.Entries)))
	w.Family("reprise_cache_vectors", promtext.Gauge, "Vectors in the index.")
	w.Count(uint64(max(0, st.Vectors)))
	w.Family("reprise_cache_vectors_lacking", promtext.Gauge, "Stored answers that only their own question finds until their vector is made.")
	w.Count(uint64(max(0, st.Lacking)))
	w.Family("reprise_cache_partitions", promtext.Gauge, "Partitions in the index.")
	w.Count(uint64(max(0, st.Partitions)))
	w.Family("reprise_cache_bytes", promtext.Gauge, "Bytes of the answers, and of the file that holds them.")
	w.Count(uint64(max(0, st.Bytes)), "part", "answers")
	w.Count(uint64(max(0, st.FileBytes)), "part", "file")
	w.Family("reprise_cache_errors_total", promtext.Counter, "Failures of a part of the cache, none of which a caller saw.")
	for _, e := range failures(&st) {
		w.Count(e.n, "part", e.part)
	}
	w.Family("reprise_cache_fills_total", promtext.Counter, "Entries written.")
	w.Count(st.Fills)
	w.Family("reprise_cache_expired_total", promtext.Counter, "Entries removed because their time was over.")
	w.Count(st.Expired)
	w.Family("reprise_cache_writer_waiting", promtext.Gauge, "Writes that were called for and are not on disk yet.")
	w.Count(uint64(max(0, st.Writer.Waiting)))
	w.Family("reprise_cache_commits_total", promtext.Counter, "Commits to the cache's file, by what became of them.")
	w.Count(st.Writer.Commits, "result", "done")
	w.Count(st.Writer.Failed, "result", "failed")
	w.Family("reprise_cache_commit_seconds_total", promtext.Counter, "Time that commits took.")
	w.Sample(st.Writer.Time.Seconds())
	w.Family("reprise_cache_ready", promtext.Gauge, "1 if the semantic tier knows every stored answer.")
	ready := uint64(0)
	if st.Load.Ready {
		ready = 1
	}
	w.Count(ready)
	w.Family("reprise_stage_seconds", promtext.Histogram, "Time that the stages of a look-up took.")
	for _, name := range slices.Sorted(maps.Keys(st.Stages)) {
		s := st.Stages[name]
		w.Buckets(s.Buckets[:], s.Count, s.Sum, "stage", name)
	}
	writeLearning(w, &st.Learning)
}

// failure is how often a part of the cache failed.
type failure struct {
	part string
	n    uint64
}

// failures lists them all: the single place that says how each is called.
func failures(st *cache.Stats) []failure {
	return []failure{
		{"fill", st.FillErrors}, {"fill_dropped", st.FillsDropped}, {"embed", st.EmbedErrors}, {"verify", st.VerifyErrors}, {"index", st.IndexErrors}, {"sweep", st.SweepErrors},
		{"learn", st.Learning.StoreErrs}, {"learn_dropped", st.Learning.Dropped}, {"learn_panic", st.Learning.Panicked}, {"snapshot", st.SnapshotErrors},
	}
}

// writeLearning writes what is known of wrong answers, and what it cost to learn.
func writeLearning(w *promtext.Writer, l *cache.LearningStats) {
	w.Family("reprise_false_hit_share", promtext.Gauge, "Live share of wrong answers among the checked semantic hits of a namespace, with its 95 % interval.")
	for i := range l.Namespaces {
		n := &l.Namespaces[i]
		w.Sample(n.Low, "namespace", n.Namespace, "bound", "low")
		w.Sample(n.Share, "namespace", n.Namespace, "bound", "estimate")
		w.Sample(n.High, "namespace", n.Namespace, "bound", "high")
	}
	w.Family("reprise_false_hit_checked", promtext.Gauge, "Effective number of checks behind that share.")
	for i := range l.Namespaces {
		w.Sample(l.Namespaces[i].Checked, "namespace", l.Namespaces[i].Namespace)
	}
	w.Family("reprise_budget_factor", promtext.Gauge, "Smallest factor on an error budget of a namespace: below 1 it is tightened.")
	tightened := uint64(0)
	for i := range l.Namespaces {
		w.Sample(l.Namespaces[i].Tighten, "namespace", l.Namespaces[i].Namespace)
		tightened += uint64(b2i(l.Namespaces[i].Tighten < 1))
	}
	w.Family("reprise_budgets_tightened", promtext.Gauge, "Namespaces whose error budget is tightened.")
	w.Count(tightened)
	w.Family("reprise_labels_total", promtext.Counter, "What was learnt, by its source and what it said of two questions.")
	for _, s := range []struct {
		source string
		n      *cache.LabelStats
	}{{"feedback", &l.Feedback}, {"miss", &l.Misses}, {"shadow", &l.Shadow}} {
		w.Count(s.n.Same, "source", s.source, "verdict", "same")
		w.Count(s.n.Different, "source", s.source, "verdict", "different")
		w.Count(s.n.Unsure, "source", s.source, "verdict", "unsure")
	}
	w.Family("reprise_shadow_checks_total", promtext.Counter, "Hits that were drawn to be checked, by what became of it.")
	w.Count(l.ShadowDrawn, "result", "drawn")
	w.Count(l.ShadowDropped, "result", "dropped")
	w.Count(l.ShadowFailed, "result", "failed")
	w.Family("reprise_opinions_total", promtext.Counter, "Second opinions, by what came of them.")
	w.Count(l.Opinions, "result", "asked")
	w.Count(l.OpinionsYes, "result", "yes")
	w.Count(l.OpinionsNo, "result", "no")
	w.Count(l.OpinionsFailed, "result", "failed")
	w.Count(l.OpinionsLimited, "result", "limited")
	w.Family("reprise_learning_cost", promtext.Counter, "Money that checks and opinions were taken to cost.")
	w.Sample(l.ShadowSpent, "source", "shadow")
	w.Sample(l.OpinionsSpent, "source", "opinion")
}
