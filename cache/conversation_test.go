package cache

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// yes is a verifier that finds everything the same, and remembers what it was asked.
type yes struct {
	mu    sync.Mutex
	asked [][2]string
}

func (*yes) ID() string { return "yes/1" }

func (y *yes) Verify(ctx context.Context, question string, candidates []string) ([]float64, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	out := make([]float64, len(candidates))
	for i, c := range candidates {
		y.asked = append(y.asked, [2]string{question, c})
		out[i] = 1
	}
	return out, nil
}

// alike is an embedder that finds everything the same.
func alike() *bagEmbedder {
	e := newBag()
	e.make = func(string) []float32 { v := make([]float32, e.dim); v[0] = 1; return v }
	return e
}

func talk(mode Conversation, ms ...Message) Query { return Query{Messages: ms, Conversation: mode} }

func TestConversationModes(t *testing.T) {
	curry := chat("A curry for four people, please.", "Fry an onion and add chickpeas.", "Can it be frozen?")
	chatty := chat("Hi! A curry for four people, please. It's raining here.", "Fry an onion. Add chickpeas.", "Can it be frozen?")
	other := chat("A curry for two people, please.", "Fry an onion and add chickpeas.", "Can it be frozen?")
	alone := chat("Can it be frozen?")
	for _, c := range []struct {
		mode                    Conversation
		chatty, other, reworded Status
	}{
		{ConversationDefault, Miss, Miss, Miss},
		{ConversationStrict, Miss, Miss, Miss},
		{ConversationJudged, HitSemantic, Miss, HitSemantic},
		{ConversationLastTurn, HitSemantic, HitSemantic, HitSemantic},
	} {
		t.Run(c.mode.String(), func(t *testing.T) {
			cch := open(t, Options{Embedder: alike(), Verifier: &yes{}})
			put(t, cch, talk(c.mode, curry...), "A")
			expect(t, cch, talk(c.mode, curry...), HitExact, "A")
			expect(t, cch, talk(ConversationStrict, curry...), HitExact, "A") // in every mode equal is equal
			expect(t, cch, talk(c.mode, chatty...), c.chatty, "A")
			expect(t, cch, talk(c.mode, other...), c.other, "A")
			reworded := chat("Please, a curry for four people.", curry[1].Text, "Could it be frozen?")
			expect(t, cch, talk(c.mode, reworded...), c.reworded, "A")
			expect(t, cch, talk(c.mode, alone...), Miss, "")
		})
	}
}

func TestJudgedConversationIsOneText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	v := &yes{}
	c := open(t, Options{Embedder: newBag(), Verifier: v, Conversation: ConversationJudged, Threshold: 0.5}, path)
	first := talk(0, chat("I need a room in Ghent.", "Lovely! For which nights?", "Only Friday")...)
	id := put(t, c, first, "A")
	want := "Only Friday. | I need a room in Ghent. For which nights?"
	if e, err := c.Get(bg, id); err != nil || e.Text != want {
		t.Fatalf("stored as %q, %v", e.Text, err)
	}
	second := talk(0, chat("Hello! I want a room in Ghent.", "Sure. For which nights?", "only Friday")...)
	l := expect(t, c, second, HitSemantic, "A")
	if l.Conversation != ConversationJudged || len(v.asked) != 1 || v.asked[0][1] != want || !strings.HasPrefix(v.asked[0][0], "only Friday. | I want") {
		t.Errorf("in mode %v the verifier was asked about %q", l.Conversation, v.asked)
	}
	l = expect(t, c, talk(0, chat("I need a room in Paris.", "For which nights?", "Only Friday")...), Miss, "")
	if !l.Reason.IsGuard() || l.Candidates[0].Token == "" {
		t.Errorf("another town: %q, token %q", l.Reason, l.Candidates[0].Token)
	}

	// It outlives the process, and another model.
	closeSound(t, c)
	e := newBag()
	e.id = "bag/2"
	c = open(t, Options{Embedder: e, Verifier: v, Conversation: ConversationJudged, Threshold: 0.5, OnModelChange: Reembed}, path)
	expect(t, c, second, HitSemantic, "A")
}

// A last turn may look like a rendering, and is none.
func TestConversationIsNoQuestion(t *testing.T) {
	c := open(t, Options{Embedder: alike(), Verifier: &yes{}, Conversation: ConversationJudged})
	said := chat("A room in Ghent.", "Great!", "Is it free?")
	put(t, c, talk(0, said...), "A")
	rendered, _, _ := render(said)
	expect(t, c, ask(rendered), Miss, "")
	expect(t, c, talk(0, chat("Hi!", "Hello!", rendered)...), Miss, "")
	put(t, c, ask(rendered), "B")
	expect(t, c, talk(0, chat("Hello. A room in Ghent.", "Nice!", "Is it free?")...), HitSemantic, "A")
}

// Whatever is compared by its digest keeps answers apart in every mode, and a model that finds all texts the same.
func TestConversationScope(t *testing.T) {
	base := func() Query {
		return Query{Namespace: "shop", Scope: Hash([]byte("m")), Messages: []Message{
			{Role: "system", Text: "You sell shoes."},
			{Role: "user", Text: "Where is my order?", Rest: Hash([]byte("image"))},
			{Role: "assistant", Text: "I'll look.", Rest: Hash([]byte("tool call"))},
			{Role: "tool", Text: "in transit"},
			{Role: "critic", Text: "be brief"},
			{Role: "assistant", Text: "On its way."},
			{Role: "user", Text: "Can I still cancel?"},
		}}
	}
	changes := map[string]func(q *Query){
		"namespace":       func(q *Query) { q.Namespace = "bank" },
		"scope":           func(q *Query) { q.Scope = Hash([]byte("other")) },
		"system":          func(q *Query) { q.Messages[0].Text = "You sell hats." },
		"no system":       func(q *Query) { q.Messages = q.Messages[1:] },
		"developer":       func(q *Query) { q.Messages[0].Role = "developer" },
		"image":           func(q *Query) { q.Messages[1].Rest = Hash([]byte("another image")) },
		"image goes":      func(q *Query) { q.Messages[1].Rest = Digest{} },
		"tool call":       func(q *Query) { q.Messages[2].Rest = Hash([]byte("another call")) },
		"tool result":     func(q *Query) { q.Messages[3].Text = "delivered" },
		"tool attachment": func(q *Query) { q.Messages[3].Rest = Hash([]byte("x")) },
		"one tool less":   func(q *Query) { q.Messages = append(q.Messages[:3:3], q.Messages[4:]...) },
		"unknown role":    func(q *Query) { q.Messages[4].Text = "be long" },
		"last attachment": func(q *Query) { q.Messages[6].Rest = Hash([]byte("x")) },
		"ignores system":  func(q *Query) { q.IgnoreSystem = true },
		"last role":       func(q *Query) { q.Messages[6].Role = "assistant" },
	}
	for _, mode := range []Conversation{ConversationStrict, ConversationJudged, ConversationLastTurn} {
		c := open(t, Options{Embedder: alike(), Verifier: &yes{}, Conversation: mode})
		put(t, c, base(), "A")
		for name, change := range changes {
			q := base()
			change(&q)
			if l := c.Lookup(bg, q); l.Status != Miss {
				t.Errorf("%v, %s: %v", mode, name, l.Status)
			}
		}
		q := base()
		q.Messages[5].Text = "It is on its way."
		q.Messages[6].Text = "Can I cancel still?"
		want := HitSemantic
		if mode == ConversationStrict {
			want = Miss
		}
		expect(t, c, q, want, "A")
	}
}

func TestIgnoreSystem(t *testing.T) {
	c := open(t, Options{Embedder: alike()})
	with := func(prompt string, ignore bool) Query {
		return Query{IgnoreSystem: ignore, Messages: []Message{{Role: "system", Text: prompt}, {Role: "user", Text: "Are you open?"}}}
	}
	put(t, c, with("You are Ann.", true), "A")
	q := with("You are Bob.", true)
	expect(t, c, q, HitExact, "A")
	if len(q.Messages) != 2 {
		t.Error("the caller's messages were changed")
	}
	expect(t, c, with("You are Ann.", false), Miss, "")
	expect(t, c, ask("Are you open?"), Miss, "") // to have no prompt is not to ignore it
	none := ask("Are you open?")
	none.IgnoreSystem = true
	expect(t, c, none, HitExact, "A")
	system := Query{IgnoreSystem: true, Messages: []Message{{Role: "system", Text: "Go."}}}
	put(t, c, system, "B")
	expect(t, c, system, HitExact, "B")
}

// Where a conversation cannot be judged, every turn must be equal.
func TestJudgedFallsBackToStrict(t *testing.T) {
	long := strings.Repeat("word ", 200)
	said := chat("A room in Ghent.", "Great!", "Is it free?")
	for name, c := range map[string]struct {
		o Options
		q Query
	}{
		"no verifier": {Options{}, talk(ConversationJudged, said...)},
		"threshold":   {Options{Verifier: &yes{}}, Query{Messages: said, Conversation: ConversationJudged, Mode: ModeThreshold}},
		"simple":      {Options{Verifier: &yes{}}, Query{Messages: said, Conversation: ConversationJudged, Mode: ModeSimple}},
		"one turn":    {Options{Verifier: &yes{}}, talk(ConversationJudged, said[2])},
		"not UTF-8":   {Options{Verifier: &yes{}}, talk(ConversationJudged, chat("\xff", "Great!", "Is it free?")...)},
		"too long":    {Options{Verifier: &yes{}, MaxTextBytes: 500}, talk(ConversationJudged, chat(long, "Great!", "Is it free?")...)},
		"no text":     {Options{Verifier: &yes{}}, talk(ConversationLastTurn, Message{Role: "user", Rest: Hash()}, said[2])},
	} {
		c.o.Embedder = alike()
		l := open(t, c.o).Lookup(bg, c.q)
		if l.Conversation != ConversationStrict || l.Status != Miss {
			t.Errorf("%s: %v in mode %v", name, l.Status, l.Conversation)
		}
	}
}

// What the rendering has no room for must be equal, or a long conversation would be served the answer to another.
func TestWhatFindsNoRoomMustBeEqual(t *testing.T) {
	c := open(t, Options{Embedder: alike(), Verifier: &yes{}, Conversation: ConversationJudged})
	story := strings.Repeat("and then the boat sailed on along the coast ", 20)
	put(t, c, talk(0, chat(story+"to Crete.", "Great!", "What next?")...), "A")
	expect(t, c, talk(0, chat(story+"to Malta.", "Great!", "What next?")...), Miss, "")
	expect(t, c, talk(0, chat(story+"to Crete.", "Wow!", "what next")...), HitSemantic, "A")
}

// TestWhatTheRenderingLosesMustBeEqual: a lone | and where lines begin are not in the one text, and tell questions apart.
func TestWhatTheRenderingLosesMustBeEqual(t *testing.T) {
	c := open(t, Options{Embedder: alike(), Verifier: &yes{}, Conversation: ConversationJudged})
	const inside, outside = "What does it print?\nif x:\n    f()\n    g()", "What does it print?\nif x:\n    f()\ng()"
	for _, p := range [][2]string{
		{"explain ls | wc -l", "explain ls / wc -l"}, {inside, outside},
	} {
		first, other := p[0], p[1]
		put(t, c, talk(0, chat("I use bash and python.", "Great!", first)...), first)
		expect(t, c, talk(0, chat("Hello! I use bash and python.", "Great!", first)...), HitSemantic, first)
		expect(t, c, talk(0, chat("I use bash and python.", "Great!", other)...), Miss, "")
		put(t, c, talk(0, chat(first, "Great!", "And why?")...), "earlier "+first)
		expect(t, c, talk(0, chat("Hi!\n"+first, "Great!", "And why?")...), HitSemantic, "earlier "+first)
		expect(t, c, talk(0, chat(other, "Great!", "And why?")...), Miss, "")
	}
}

// An agent asks again and again with nearly the same words. No step may get the answer of another, whatever the models
// say: each has its own tool results behind it.
func TestAgentLoopGetsNoStaleTurn(t *testing.T) {
	const steps = 30
	system := Message{Role: "system", Text: "You are an agent. Call tools until the task is done."}
	task := Message{Role: "user", Text: "Fix the failing test in the repository. Look at the files one by one."}
	// Each way of driving an agent is a function from a step to the turns that it adds.
	ways := map[string]func(i int) []Message{
		"tool last": func(i int) []Message {
			return []Message{
				{Role: "assistant", Text: "I'll run the tests again.", Rest: Hash([]byte("call"), fmt.Append(nil, i))},
				{Role: "tool", Text: fmt.Sprintf("ran the tests: %d of 40 failed", 40-i)},
			}
		},
		"told to go on": func(i int) []Message {
			return []Message{
				{Role: "assistant", Text: "I'll run the tests again.", Rest: Hash([]byte("call"))},
				{Role: "tool", Text: "ran the tests: some failed"}, // the same each time
				{Role: "assistant", Text: "Some still fail."},
				{Role: "user", Text: "Continue."},
			}
		},
		"results as text": func(i int) []Message {
			return []Message{
				{Role: "assistant", Text: "Action: run the tests"},
				{Role: "user", Text: fmt.Sprintf("Observation: ran the tests, %d of 40 failed", 40-i)},
			}
		},
	}
	c := open(t, Options{Embedder: alike(), Verifier: &yes{}})
	var runs sync.WaitGroup
	for way, step := range ways {
		for _, mode := range []Conversation{ConversationStrict, ConversationJudged, ConversationLastTurn} {
			if way == "results as text" && mode == ConversationLastTurn {
				continue // which looks at no earlier text, as its name says
			}
			for _, m := range []Mode{ModeSemantic, ModeThreshold, ModeSimple} {
				name := fmt.Sprintf("%s, %v, %v", way, mode, m)
				runs.Go(func() { // side by side, so that their writes share commits
					turns := []Message{system, task}
					for i := range steps {
						turns = append(turns, step(i)...)
						want := fmt.Sprintf("step %d", i)
						q := Query{Namespace: name, Messages: turns, Conversation: mode, Mode: m}
						res, err := c.Do(bg, q, func(context.Context) (Value, error) { return Value{Body: []byte(want)}, nil })
						if err != nil {
							t.Errorf("%s: %s: %v", name, want, err)
						} else if got := string(res.Value.Body); got != want {
							t.Errorf("%s: %s was answered with that of %s: %v", name, want, got, res.Status)
						}
					}
				})
			}
		}
	}
	runs.Wait()
}

func TestConversationInvalid(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "x.db"), Options{Embedder: newBag(), Conversation: ConversationJudged}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "verifier") {
		t.Errorf("judged without a verifier: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "x.db"), Options{Conversation: 9}); !errors.Is(err, ErrInvalid) {
		t.Errorf("conversation 9: %v", err)
	}
	c := open(t, Options{})
	if l := c.Lookup(bg, talk(9, chat("a", "b", "c")...)); l.Status != Degraded || !errors.Is(l.Err, ErrInvalid) {
		t.Errorf("query: %v, %v", l.Status, l.Err)
	}
	for m := ConversationDefault; m <= conversationMax; m++ {
		for _, name := range []string{m.String(), strings.ToUpper(m.String())} { // as the other names of this package are read
			if got, err := ParseConversation(name); got != m || err != nil {
				t.Errorf("%s read back as %v, %v", name, got, err)
			}
		}
	}
	if _, err := ParseConversation("loose"); !errors.Is(err, ErrInvalid) {
		t.Errorf("loose: %v", err)
	}
}

// TestFeedbackOnAnExactHitIsOfItsPartition: what is said of an exact hit counts in the partition that the entry is compared in, whose name the
// exact tier does not work out.
func TestFeedbackOnAnExactHitIsOfItsPartition(t *testing.T) {
	c := open(t, Options{Embedder: alike(), Verifier: &yes{}, Conversation: ConversationJudged})
	q := Query{Messages: chat("we want to bake bread", "lovely", "how long does it take"), TraceID: "t", Source: alice}
	filled := c.Lookup(bg, q)
	if _, err := filled.Fill(bg, Value{Body: []byte("an hour")}); err != nil {
		t.Fatal(err)
	}
	q.TraceID = "again"
	expect(t, c, q, HitExact, "an hour")
	say(t, c, alice, "again", -10, 1)
	h, _, _, err := c.store.ByKey(filled.exact)
	if err != nil {
		t.Fatal(err)
	}
	c.memory.mu.RLock()
	defer c.memory.mu.RUnlock()
	if c.memory.traits[traitKey{store.PartitionTrait, h.Partition}] == nil {
		t.Errorf("nothing is noted in the entry's partition: %v", c.memory.traits)
	}
}
