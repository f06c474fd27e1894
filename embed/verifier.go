package embed

import (
	"context"
	_ "embed"
	"fmt"
	"math"

	"github.com/reprise-cache/reprise/embed/internal/bert"
	"github.com/reprise-cache/reprise/embed/internal/pages"
	"github.com/reprise-cache/reprise/embed/internal/weights"
	"github.com/reprise-cache/reprise/embed/internal/wordpiece"
)

//go:embed model/verifier.safetensors
var verifierFile string

const (
	// verifierDigest is the SHA-256 of the file that embed/train/verifier/export.py wrote.
	verifierDigest = "69a22ed22865e8c5dbf76c9e7cd2365569f5f80ed188ce964433277bdab8c1a3"
	verifierFormat = "2"
)

const (
	// MaxPairTokens is the longest pair that a Verifier judges: both questions and three special tokens.
	MaxPairTokens = 256
	// headWidth is the width of the head's hidden layer.
	headWidth = 128
	// clearlyNot is the probability of a pair by one order below which the other is not read. None of the pairs for choosing that
	// it holds for would have come to a half with both, so none would have been served; TestVerifierReadsOneOrderOfTheHopeless
	// counts on others.
	clearlyNot = 0.1
)

// Verifier reads two questions together and says how likely it is that one answer serves both: a cross-encoder (Nogueira
// and Cho, 2019) that shares the word embeddings of all-MiniLM-L6-v2 and is as deep as its file says. It is safe for concurrent use and need not
// be closed. embed/train/verifier says how it was made and how well it does.
type Verifier struct {
	id        string
	tokenizer *wordpiece.Tokenizer
	pool      *pool

	hidden      []float32 // headWidth rows of 2*Hidden: the weights of the [CLS] vector, then those of the mean
	hiddenBias  []float32
	logit       []float32
	logitBias   float32
	slope, lift float64 // of the calibration: P = sigmoid(slope*logit + lift)
}

// NewVerifier loads the embedded verifier beside the encoder whose word embeddings it uses. A layer costs
// 1.8 MB of memory; `reprise bench embed` prints what both models take, and how long they take to load.
func NewVerifier(encoder *MiniLM) (*Verifier, error) {
	return newVerifier(encoder, verifierFile, verifierDigest)
}

// newVerifier reads a file that the compiler embedded, whose pages it gives up.
func newVerifier(encoder *MiniLM, file, digest string) (*Verifier, error) {
	f, err := weights.Open(file, digest, verifierFormat)
	if err != nil {
		return nil, fmt.Errorf("embed: verifier: %w", err)
	}
	f.Release = pages.Release
	defer pages.Release(file)
	model, err := encoder.pool.model.LoadBeside(f)
	if err != nil {
		return nil, fmt.Errorf("embed: verifier: %w", err)
	}
	v := &Verifier{
		id: "verifier/int8-" + digest[:8],
		// Users write both questions. One that could place a separator could end its own half and write the other's.
		tokenizer: encoder.tokenizer.Plain(),
		pool:      &pool{model: model},
	}
	var bias, calibration []float32
	for _, t := range []struct {
		dst   *[]float32
		name  string
		shape []int64
	}{
		{&v.hidden, "head.hidden.weight", []int64{headWidth, 2 * bert.Hidden}},
		{&v.hiddenBias, "head.hidden.bias", []int64{headWidth}},
		{&v.logit, "head.logit.weight", []int64{1, headWidth}},
		{&bias, "head.logit.bias", []int64{1}},
		{&calibration, "calibration", []int64{2}},
	} {
		if *t.dst, err = f.Float32(t.name, t.shape...); err != nil {
			return nil, fmt.Errorf("embed: verifier: %w", err)
		}
	}
	if n := model.Positions(); n < MaxPairTokens {
		return nil, fmt.Errorf("embed: verifier: %w: \"position\" has %d rows, want at least %d", weights.ErrTensor, n, MaxPairTokens)
	}
	v.logitBias = bias[0]
	v.slope, v.lift = float64(calibration[0]), float64(calibration[1])
	return v, nil
}

// ID names the model and the revision of its weights.
func (v *Verifier) ID() string { return v.id }

// Layers is how many layers the model has: what a pair costs is proportional to it.
func (v *Verifier) Layers() int { return v.pool.model.Layers() }

// Verify returns, for each candidate, the calibrated probability that one answer serves it and question alike, in 0..1. The
// order of the two does not matter, to the last bit: the pair is read with the lesser text first, and unless that says clearly
// no, also the other way round, and the two logits are averaged. It fails only if ctx ends.
//
// A pair of more than MaxPairTokens tokens is not judged: its probability is 0, because what would have to be cut may hold
// the difference. Neither is one whose texts hold other words that the vocabulary does not cover, in most scripts most words and
// all emoji, as the model reads the same for each of them; but pictures that decorate one text may be missing from the other, and
// those after the last sentence be others.
func (v *Verifier) Verify(ctx context.Context, question string, candidates []string) ([]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]float64, len(candidates))
	var pairs []pairing
	var windows []*window
	for i, c := range candidates {
		p := pairing{at: i, a: min(question, c), b: max(question, c)}
		var judged bool
		if p.there, judged = v.pair(p.a, p.b); judged {
			pairs, windows = append(pairs, p), append(windows, p.there)
		}
	}
	if len(pairs) == 0 {
		return out, nil
	}
	// The first is the likeliest to be served. Its other order, if it comes to that, should not have to wait for the rest.
	pairs[0].back, _ = v.pair(pairs[0].b, pairs[0].a)
	if err := v.pool.encode(ctx, append(windows, pairs[0].back)); err != nil {
		return nil, err
	}
	windows = windows[:0]
	for i := range pairs {
		p := &pairs[i]
		p.logit = v.head(p.there)
		if out[p.at] = v.probability(p.logit); out[p.at] >= clearlyNot && p.back == nil {
			p.back, _ = v.pair(p.b, p.a)
			windows = append(windows, p.back)
		}
	}
	if len(windows) > 0 {
		if err := v.pool.encode(ctx, windows); err != nil {
			return nil, err
		}
	}
	for _, p := range pairs {
		if out[p.at] >= clearlyNot {
			out[p.at] = v.probability((p.logit + v.head(p.back)) / 2)
		}
	}
	return out, nil
}

// pairing is a candidate under judgement.
type pairing struct {
	at          int    // its index
	a, b        string // it and the question, the lesser first
	there, back *window
	logit       float64 // of there
}

// probability is what a logit comes to.
func (v *Verifier) probability(logit float64) float64 {
	return 1 / (1 + math.Exp(-(v.slope*logit + v.lift)))
}

// pair is the window of two texts; false if they do not fit, or differ in what the model cannot read.
func (v *Verifier) pair(a, b string) (*window, bool) {
	// A token has no more than 100 characters, and white space between tokens costs a reader nothing to skip; but a text
	// beyond all bounds need not be read to know that it does not fit.
	if len(a)+len(b) > 2*edgeBytes {
		return nil, false
	}
	// One more than fits, so that a cut shows.
	ids, second := v.tokenizer.EncodePair(make([]int32, 0, 64), a, b, MaxPairTokens+1)
	if len(ids) > MaxPairTokens || v.tokenizer.HasUnread(ids) && !tellsUnread(v.tokenizer, a, b) {
		return nil, false
	}
	return &window{sequence: bert.Sequence{IDs: ids, Second: second}}, true
}

// head is the logit of one encoded pair.
func (v *Verifier) head(w *window) float64 {
	var pooled [2 * bert.Hidden]float32
	copy(pooled[:], w.first[:])
	scale := 1 / float32(len(w.sequence.IDs))
	for d, s := range w.sum {
		pooled[bert.Hidden+d] = s * scale
	}
	logit := float64(v.logitBias)
	for h := range v.hiddenBias {
		sum := v.hiddenBias[h] + dot(v.hidden[h*len(pooled):][:len(pooled)], pooled[:])
		logit += float64(v.logit[h]) * math.Tanh(float64(sum))
	}
	return logit
}

// dot is the product of two vectors whose length is a multiple of 8. Eight sums, because one would wait for itself.
func dot(a, b []float32) float32 {
	var s [8]float32
	for len(a) >= 8 && len(b) >= 8 {
		x, y := a[:8:8], b[:8:8]
		s[0] += x[0] * y[0]
		s[1] += x[1] * y[1]
		s[2] += x[2] * y[2]
		s[3] += x[3] * y[3]
		s[4] += x[4] * y[4]
		s[5] += x[5] * y[5]
		s[6] += x[6] * y[6]
		s[7] += x[7] * y[7]
		a, b = a[8:], b[8:]
	}
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
}
