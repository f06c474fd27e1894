package cache

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestVolatileToken(t *testing.T) {
	for text, want := range map[string]string{
		"What's on at the cinema today?":               "today",
		"what is the latest version of Go":             "latest",
		"current price of gold":                        "current price",
		"Is the shop open now?":                        "open now",
		"what time is it in Tokyo":                     "time",
		"who won last night":                           "last night",
		"dollar to euro exchange rate":                 "exchange rate",
		"when is the next train to York":               "next train",
		"send it by Friday at the latest":              "",
		"open a current account":                       "",
		"how do I change my current address":           "",
		"who won the 1966 World Cup":                   "",
		"my card was swallowed, what now":              "",
		"how do I turn right now that I have a ticket": "right now",
	} {
		if got := volatileToken(words(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

const (
	gold     = "what is the current price of gold in dollars"
	goldToo  = "what is the current price of gold in dollars please"
	goldOnce = "what was the price of gold in dollars"
)

// Only the very same volatile question is answered, and its answer serves no other.
func TestVolatileExact(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.6, MaxError: 1})
	put(t, c, ask(gold), "A")
	expect(t, c, ask(gold), HitExact, "A")
	if l := expect(t, c, ask(goldToo), Miss, ""); l.Reason != ReasonVolatile {
		t.Errorf("reason %q", l.Reason)
	}
	expect(t, c, ask(goldOnce), Miss, "")

	q := ask(goldToo)
	q.Volatile = VolatileCache
	expect(t, c, q, Miss, "") // gold was not stored for the semantic tier
	q = ask(gold)
	q.Volatile = VolatileCache
	put(t, c, q, "B")
	q = ask(goldToo)
	q.Volatile = VolatileCache
	expect(t, c, q, HitSemantic, "B")
}

func TestVolatileShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{Embedder: newBag(), Threshold: 0.6, MaxError: 1, Volatile: VolatileShort, VolatileTTL: time.Minute, TTL: time.Hour})
		put(t, c, ask(gold), "A")
		put(t, c, ask("how do I melt lead"), "L")
		expect(t, c, ask(goldToo), HitSemantic, "A")
		time.Sleep(2 * time.Minute)
		expect(t, c, ask(gold), Miss, "")
		expect(t, c, ask(goldToo), Miss, "")
		expect(t, c, ask("how do I melt lead"), HitExact, "L")
	})
}

// TestVolatileConversation: a question that asks for what changes by itself only by what it leans on is such a question in every mode
// in which that counts.
func TestVolatileConversation(t *testing.T) {
	weather := []string{"What is the weather in London today?", "Light rain, ten degrees.", "and in the old town of Paris?"}
	for name, c := range map[string]struct {
		said     []string
		mode     Conversation
		volatile bool
	}{
		"strict":                {weather, ConversationStrict, true},
		"judged":                {weather, ConversationJudged, true},
		"last turn":             {weather, ConversationLastTurn, false},
		"further back":          {append([]string{weather[0], "Light rain.", "Thanks!", "Gladly."}, weather[2]), ConversationStrict, true},
		"no room for it":        {append([]string{strings.Repeat("sun ", 150) + weather[0], weather[1]}, weather[2]), ConversationJudged, true},
		"the assistant said it": {[]string{"I am in London.", "How can I help you today?", "how do I get to the old town?"}, ConversationJudged, false},
		"courtesy":              {[]string{"Hello, good day, thanks for your help today!", "Hello!", "how do I get to the old town?"}, ConversationStrict, false},
		"another topic":         {[]string{weather[0], "Light rain.", "By the way, how many large moons does Mars have?"}, ConversationStrict, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Embedder: newBag(), Verifier: &yes{}, Conversation: c.mode, Threshold: 0.5, MaxError: 1, TTL: NoExpiry}
			q := talk(0, chat(c.said...)...)
			reworded := talk(0, chat(c.said...)...)
			reworded.Messages[len(c.said)-1].Text += " please"
			want := map[bool]Status{true: Miss, false: HitSemantic}[c.volatile]

			exact := open(t, o)
			put(t, exact, q, "A")
			expect(t, exact, q, HitExact, "A")
			if l := expect(t, exact, reworded, want, "A"); c.volatile && l.Reason != ReasonVolatile {
				t.Errorf("reason %q", l.Reason)
			}
			d, err := NewDecider(o)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := d.Pair(bg, q, reworded, ""); err != nil || v.Status != want {
				t.Errorf("the pair is a %v, %v", v, err)
			}

			o.Volatile, o.VolatileTTL = VolatileShort, time.Minute
			short := open(t, o)
			e, err := short.Get(bg, put(t, short, q, "A"))
			if err != nil || e.Expires.IsZero() == c.volatile {
				t.Errorf("expires at %v, %v", e.Expires, err)
			}
			expect(t, short, reworded, HitSemantic, "A")
		})
	}
}

func TestVolatileOptions(t *testing.T) {
	for _, o := range []Options{{Volatile: volatileMax + 1}, {VolatileTTL: -time.Second}} {
		if _, err := o.withDefaults(); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := (&Query{Messages: ask("x").Messages, Volatile: volatileMax + 1}).validate(); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	for v := range volatileMax + 1 {
		if got, err := ParseVolatile(v.String()); err != nil || got != v {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
	if _, err := ParseVolatile("never"); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

// TestPairSaysWhatALookUpWouldDo: of questions that ask for what changes by itself, and of thresholds and budgets that a query names.
func TestPairSaysWhatALookUpWouldDo(t *testing.T) {
	o := Options{Embedder: newBag(), Threshold: 0.5, MaxError: 1}
	d, err := NewDecider(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		stored, asked string
		set           func(q *Query)
	}{
		{"what is the weather in the town like", "what is the weather in that town like", nil},
		{"who is the prime minister of the town", "who is the current prime minister of the town", nil},
		{"who is the current prime minister of the town", "who is the prime minister of the town", nil},
		{"what is the town in the north like", "what is that town in the north like", nil},
		{"what is the weather in the town like", "what is the weather in that town like", func(q *Query) { q.Volatile = VolatileCache }},
		{"what is the town in the north like", "what is that town in the north like", func(q *Query) { q.Threshold = 0.99 }},
		{"what is the town in the north like", "what is that town in the north like", func(q *Query) { q.MaxError = 1e-6 }},
	} {
		q := ask(p.asked)
		stored := ask(p.stored)
		if p.set != nil {
			p.set(&q)
			stored.Volatile = q.Volatile
		}
		v, err := d.Pair(bg, stored, q, "")
		if err != nil {
			t.Fatal(err)
		}
		c := open(t, o)
		put(t, c, stored, "an answer")
		if l := c.Lookup(bg, q); l.Status != v.Status {
			t.Errorf("%q, then %q: the pair is a %v (%v), the look-up a %v (%v)", p.stored, p.asked, v.Status, v.Reason, l.Status, l.Reason)
		}
	}
}
