package cache

import (
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// in returns the question in a namespace.
func in(namespace, text string) Query {
	q := ask(text)
	q.Namespace = namespace
	return q
}

// TestNamespaceOptions holds each option of a namespace against the cache's, and against a query that says something itself.
func TestNamespaceOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{
			Embedder: newBag(), Threshold: 0.5, TTL: time.Hour,
			Namespaces: map[string]NamespaceOptions{
				"exact": {Mode: ModeSimple}, "near": {Threshold: 0.99}, "brief": {TTL: time.Minute}, "fresh": {MaxAge: time.Minute},
				"closed": {Mode: ModeOff}, "lasting": {TTL: NoExpiry}, "tight": {MaxError: 1e-6}, "plain": {Mode: ModeThreshold},
				"quiet": {Mode: ModeShadow}, "day": {Volatile: VolatileCache},
			},
		})
		const stored, reworded = "how do I reset my router password", "how do I reset my router password please"
		for _, ns := range []string{"", "exact", "near", "brief", "fresh", "lasting", "tight", "plain", "quiet"} {
			put(t, c, in(ns, stored), "hold the button")
		}
		semantic := func(q Query) Query { q.Mode = ModeSemantic; return q }
		expect(t, c, in("", reworded), HitSemantic, "hold the button")
		expect(t, c, in("exact", reworded), Miss, "")
		expect(t, c, in("exact", stored), HitExact, "hold the button")
		expect(t, c, in("quiet", stored), Miss, "")
		// What is put in a simple namespace is not there for the semantic tier; a query that asks for it puts it there.
		put(t, c, semantic(in("exact", stored)), "hold the button")
		expect(t, c, semantic(in("exact", reworded)), HitSemantic, "hold the button")
		expect(t, c, in("near", reworded), Miss, "")
		q := in("near", reworded)
		q.Threshold = 0.5
		expect(t, c, q, HitSemantic, "hold the button")
		if l := expect(t, c, in("tight", reworded), Miss, ""); l.Reason != ReasonBudget {
			t.Errorf("the namespace's budget: %q", l.Reason)
		}
		q = in("tight", reworded)
		q.MaxError = 1
		expect(t, c, q, HitSemantic, "hold the button")
		if l := expect(t, c, in("plain", "how do I not reset my router password"), HitSemantic, "hold the button"); l.Policy != PolicyThreshold {
			t.Errorf("plain: %q", l.Policy)
		}
		if l := expect(t, c, in("closed", stored), Bypass, ""); l.Reason != ReasonOff {
			t.Errorf("closed: %q", l.Reason)
		}
		put(t, c, in("day", "what is the weather like in lima today"), "mild")
		expect(t, c, in("day", "what is the weather like in lima today please"), HitSemantic, "mild")

		time.Sleep(2 * time.Minute)
		expect(t, c, in("brief", stored), Miss, "")
		expect(t, c, in("fresh", stored), Miss, "")
		q = in("fresh", stored)
		q.MaxAge = time.Hour
		expect(t, c, q, HitExact, "hold the button")
		time.Sleep(time.Hour)
		expect(t, c, in("", stored), Miss, "")
		expect(t, c, in("lasting", stored), HitExact, "hold the button")

		n := c.Namespace("brief")
		if n.TTL != time.Minute || n.Mode != ModeSemantic || n.Threshold != 0.5 || n.MaxAge != 0 {
			t.Errorf("brief: %+v", n)
		}
		if n := c.Namespace("unheard of"); n.TTL != time.Hour || n.MaxError != 1 {
			t.Errorf("the cache's own: %+v", n)
		}
	})
}

func TestNamespaceShadowRate(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.5, Shadow: ShadowOptions{Rate: 1},
		Namespaces: map[string]NamespaceOptions{"unwatched": {ShadowRate: -1}}})
	for ns, due := range map[string]bool{"": true, "unwatched": false} {
		put(t, c, in(ns, "how do I reset my router password"), "hold the button")
		if l := expect(t, c, in(ns, "how do I reset my router password please"), HitSemantic, "hold the button"); l.ShadowDue() != due {
			t.Errorf("%q: due %v", ns, l.ShadowDue())
		}
	}
	only := Options{Namespaces: map[string]NamespaceOptions{"watched": {ShadowRate: 0.1}}}
	if !only.shadows() || only.shadowRate("") != 0 || only.shadowRate("watched") != 0.1 {
		t.Error("a namespace's rate without the cache's is lost")
	}
}

func TestNamespaceOptionsRefused(t *testing.T) {
	_, err := Open(t.TempDir()+"/x.db", Options{Namespaces: map[string]NamespaceOptions{
		"a": {Mode: ModeSemantic}, "b": {Threshold: 2}, "c": {MaxError: -1}, "d": {TTL: -5}, "e": {MaxAge: -1}, "f": {ShadowRate: math.NaN()},
		"g": {Conversation: ConversationJudged}, "h": {Mode: 99}, "i": {Volatile: 99}, "j": {Conversation: 99}, "k\x00": {},
	}})
	if !errors.Is(err, ErrInvalid) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{`"a": mode`, `"b": threshold`, `"c": max error`, `"d": TTL`, `"e": max age`, `"f": shadow rate`, `"g": conversation`,
		`"h": mode`, `"i": volatile`, `"j": conversation`, "control character"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not complained of in\n%v", part, err)
		}
	}
}
