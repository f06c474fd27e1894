package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/reprise-cache/reprise/embed/internal/kernel"
	"github.com/reprise-cache/reprise/embed/internal/weights"
)

func embedOne(t testing.TB, m *MiniLM, text string) []float32 {
	t.Helper()
	v, err := m.Embed(context.Background(), []string{text})
	if err != nil {
		t.Fatal(err)
	}
	return v[0]
}

func checkUnit(t testing.TB, what string, v []float32) {
	t.Helper()
	var squares float64
	for _, x := range v {
		squares += float64(x) * float64(x)
	}
	if len(v) != 384 || !(math.Abs(squares-1) < 1e-5) {
		t.Errorf("%s: %d values of squared length %v, want 384 and 1", what, len(v), squares)
	}
}

func TestMeaningIsNear(t *testing.T) {
	m, err := NewMiniLM()
	if err != nil {
		t.Fatal(err)
	}
	if want := "all-MiniLM-L6-v2-tuned/int8-" + minilmDigest[:8]; m.ID() != want || m.Dim() != 384 {
		t.Errorf("ID %q, Dim %d, want %q and 384", m.ID(), m.Dim(), want)
	}
	question := embedOne(t, m, "How do I reset my password?")
	near := cosine(question, embedOne(t, m, "I forgot my password, how can I get a new one?"))
	far := cosine(question, embedOne(t, m, "The glacier retreated by two kilometres."))
	if near < 0.7 || far > 0.2 {
		t.Errorf("cosine of a rewording %.3f, of another matter %.3f", near, far)
	}
}

func TestAnyStringHasAVector(t *testing.T) {
	m := load(t, kernel.Names()[0])
	for name, text := range map[string]string{
		"empty":              "",
		"blank":              " \t\n\u00a0\u2003",
		"invalid UTF-8":      "caf\xe9 \xff\xfe\x80",
		"only invalid UTF-8": strings.Repeat("\x80", 100_000),
		"control characters": "\x00\x01\x02\x1b[31mred\x7f",
		"special tokens":     "[CLS] [SEP] [PAD] [MASK] [UNK]",
		"a million letters":  strings.Repeat("a", 1_000_000),
		"a million marks":    strings.Repeat("!", 1_000_000),
		"a million words":    strings.Repeat("a ", 500_000),
		"combining marks":    "e" + strings.Repeat("\u0301", 10_000),
		"mixed scripts":      "hello мир 世界 שלום नमस्ते 👋🏽",
	} {
		v := embedOne(t, m, text)
		checkUnit(t, name, v)
	}
}

// TestBatchDoesNotMatter holds a vector to be the same to the last bit whatever else is in the call.
func TestBatchDoesNotMatter(t *testing.T) {
	texts := []string{"", "one", "two words", "How far is the Moon?", strings.Repeat("a longer text of many words ", 20), strings.Repeat("beyond one window ", 150)}
	for i := range 20 {
		texts = append(texts, fmt.Sprintf("question number %d, %s?", i, strings.Repeat("with more words ", i)))
	}
	for _, name := range kernel.Names() {
		if name == "portable" {
			texts = texts[:4] // it is slow, very much so under the race detector
		}
		together, err := load(t, name).Embed(context.Background(), texts)
		if err != nil {
			t.Fatal(err)
		}
		alone := load(t, name)
		for i, text := range texts {
			if !slices.Equal(together[i], embedOne(t, alone, text)) {
				t.Errorf("%s: the vector of %.40q differs alone and in a batch", name, text)
			}
		}
	}
}

// TestWindows holds the vector of a long text to be the mean of its windows, weighted by their length.
func TestWindows(t *testing.T) {
	m := load(t, kernel.Names()[0])
	// 254 and 100 tokens: with its two special ones, the first window is full.
	head, tail := strings.TrimSpace(strings.Repeat("red ", 254)), strings.TrimSpace(strings.Repeat("blue ", 100))
	if n := len(m.cut(head + " " + tail)); n != 2 {
		t.Fatalf("%d windows, want 2", n)
	}
	whole := embedOne(t, m, head+" "+tail)
	a, b := m.sum(t, head), m.sum(t, tail)
	want := make([]float32, len(a))
	for d := range want {
		want[d] = a[d] + b[d]
	}
	if c := cosine(whole, want); c < 1-1e-6 {
		t.Errorf("cosine with the weighted mean of the windows: %v", c)
	}
}

// sum is the sum of the tokens' vectors of a text of one window.
func (m *MiniLM) sum(t *testing.T, text string) []float32 {
	t.Helper()
	w := &window{}
	w.sequence.IDs = m.cut(text)[0]
	if err := m.pool.encode(context.Background(), []*window{w}); err != nil {
		t.Fatal(err)
	}
	return w.sum[:]
}

func TestLongTextsKeepTheirEnds(t *testing.T) {
	m := load(t, kernel.Names()[0])
	filler := strings.Repeat("Ж", 64<<10)
	cut := edges("first " + filler + " last")
	if !strings.HasPrefix(cut, "first Ж") || !strings.HasSuffix(cut, "Ж last") || strings.ToValidUTF8(cut, "") != cut {
		t.Errorf("cut to %.10q … %q", cut, cut[len(cut)-10:])
	}
	if n := len(cut); n > 2*edgeBytes+1 || n < 2*edgeBytes-6 {
		t.Errorf("%d bytes left of %d", n, len(filler)+11)
	}
	if n := len(m.cut(strings.Repeat("! ", 100_000))); n != 2*edgeWindows {
		t.Errorf("%d windows, want %d", n, 2*edgeWindows)
	}
}

func TestManyCallers(t *testing.T) {
	m := load(t, kernel.Names()[0])
	want := embedOne(t, load(t, kernel.Names()[0]), "shared question")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			v, err := m.Embed(context.Background(), []string{fmt.Sprintf("caller %d", i), "shared question"})
			if err != nil {
				t.Error(err)
				return
			}
			if !slices.Equal(v[1], want) {
				t.Errorf("caller %d: the vector differs", i)
			}
			v[1][0] = 7 // what a caller does with its vector is its own matter
		})
	}
	group.Wait()
	if !slices.Equal(embedOne(t, m, "shared question"), want) {
		t.Error("a caller's change reached the memo")
	}
}

func TestContextEndsTheWork(t *testing.T) {
	m := load(t, kernel.Names()[0])
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Embed(ctx, []string{"never"}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended before: %v", err)
	}

	ctx, cancel = context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		_, err := m.Embed(ctx, []string{strings.Repeat("many windows ", 5000)})
		result <- err
	}()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("ended during: %v", err)
	}
	checkUnit(t, "after another call was ended", embedOne(t, m, "still works"))
}

func TestNoTexts(t *testing.T) {
	if v, err := load(t, kernel.Names()[0]).Embed(context.Background(), nil); err != nil || len(v) != 0 {
		t.Errorf("%v, %v", v, err)
	}
}

func TestOtherWeightsAreRefused(t *testing.T) {
	k, err := kernel.New("portable")
	if err != nil {
		t.Fatal(err)
	}
	damaged := minilmFile[:len(minilmFile)-1] + "x"
	_, err = newMiniLM(damaged, minilmDigest, k)
	if !errors.Is(err, ErrWeights) || !errors.Is(err, weights.ErrDigest) || !strings.Contains(err.Error(), minilmDigest) || !strings.Contains(err.Error(), weights.Digest(damaged)) {
		t.Errorf("%v, want both digests named", err)
	}
}

func TestKernelIsChosen(t *testing.T) {
	for _, name := range Kernels() {
		if m, err := NewMiniLMOn(name); err != nil || m.Kernel() != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv(kernel.Env, "portable")
	if m, err := NewMiniLM(); err != nil || m.Kernel() != "portable" {
		t.Errorf("by the environment: %v", err)
	}
	t.Setenv(kernel.Env, "abacus")
	if _, err := NewMiniLM(); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("unknown in the environment: %v", err)
	}
	if _, err := NewMiniLMOn("abacus"); !errors.Is(err, ErrOptions) {
		t.Errorf("unknown: %v", err)
	}
}

// TestWaitingTextsShareBatches holds that texts which must wait are encoded together, in the order they came, and that a window
// that is longer than a batch comes alone.
func TestWaitingTextsShareBatches(t *testing.T) {
	p := &pool{running: 1}
	c := &call{ctx: context.Background(), done: make(chan struct{}), left: 6}
	for _, n := range []int{10, 10, 10, 10, 200, 4} {
		x := &window{call: c}
		x.sequence.IDs = make([]int32, n)
		p.queue = append(p.queue, x)
	}
	w := &worker{}
	for _, want := range []int{3, 1, 1, 1} {
		if !p.take(w) || len(w.batch) != want {
			t.Fatalf("took %d windows, want %d", len(w.batch), want)
		}
	}
	if p.take(w) || p.running != 0 || len(p.idle) != 1 {
		t.Errorf("a worker without work must retire and leave its memory")
	}
}

func TestMemoIsBounded(t *testing.T) {
	m, err := newMemo()
	if err != nil {
		t.Fatal(err)
	}
	for i := range memoSize + 1 {
		m.add(fmt.Sprint(i), []float32{float32(i)})
	}
	if m.get("0") != nil || m.get(fmt.Sprint(memoSize)) == nil {
		t.Error("the memo must forget the oldest text and keep the newest")
	}
}
