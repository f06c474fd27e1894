package embed

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/reprise-cache/reprise/embed/internal/bert"
	"github.com/reprise-cache/reprise/embed/internal/kernel"
	"github.com/reprise-cache/reprise/embed/internal/pages"
	"github.com/reprise-cache/reprise/embed/internal/weights"
	"github.com/reprise-cache/reprise/embed/internal/wordpiece"
)

//go:embed model/minilm.safetensors
var minilmFile string

const (
	// minilmDigest is the SHA-256 of the file that embed/train/convert.py wrote.
	minilmDigest = "499324457a750162cb0041b72dc6c48df82a3d577d3090b4855bc5247c6e431b"
	minilmFormat = "2"
)

const (
	// edgeWindows is how many windows are read from either end of a text that has more than twice as many.
	edgeWindows = 16
	// edgeBytes is how many bytes are read from either end of a text that has more than twice as many.
	edgeBytes = 32 << 10
	// callWindows bounds the windows that one call has in the queue, so that a call with many texts does not make others wait
	// for all of them.
	callWindows = 64
)

// MiniLM is all-MiniLM-L6-v2, trained on (see embed/train) to find rewordings, in the process. It is safe for concurrent use and need not be closed.
type MiniLM struct {
	id        string
	kernel    string
	tokenizer *wordpiece.Tokenizer
	pool      *pool
	memo      memo
}

// ErrWeights: the weights in the binary are not those that the program was built for, or of another version. The error
// names both digests. It cannot occur in a binary that was built from an unchanged source.
var ErrWeights = errors.New("embed: unusable weights")

// NewMiniLM loads the embedded model. It fails with ErrWeights, or with ErrOptions if REPRISE_KERNEL names no kernel of this machine.
func NewMiniLM() (*MiniLM, error) {
	k, err := kernel.Default()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return newMiniLM(minilmFile, minilmDigest, k)
}

// NewMiniLMOn is NewMiniLM on the named kernel, one of Kernels, whatever REPRISE_KERNEL says. Vectors of all kernels have the
// same ID: they differ by rounding.
func NewMiniLMOn(name string) (*MiniLM, error) {
	k, err := kernel.New(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return newMiniLM(minilmFile, minilmDigest, k)
}

// Kernels names the implementations of the arithmetic that this machine can run, fastest first. The last is "portable".
func Kernels() []string { return kernel.Names() }

// newMiniLM reads a file that the compiler embedded, whose pages it gives up.
func newMiniLM(file, digest string, k *kernel.Kernel) (*MiniLM, error) {
	f, err := weights.Open(file, digest, minilmFormat)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWeights, err)
	}
	f.Release = pages.Release
	defer pages.Release(file)
	// First, so that the garbage collector counts with what stays before the tokenizer's scratch memory comes.
	model, err := bert.Load(f, k)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWeights, err)
	}
	vocab, err := f.Text("vocab")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWeights, err)
	}
	tokenizer, err := wordpiece.New(strings.Split(strings.TrimSuffix(vocab, "\n"), "\n"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWeights, err)
	}
	memo, err := newMemo()
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	return &MiniLM{kernel: k.Name(), id: "all-MiniLM-L6-v2-tuned/int8-" + digest[:8], tokenizer: tokenizer, pool: &pool{model: model}, memo: memo}, nil
}

// ID names the model and the revision of its weights.
func (m *MiniLM) ID() string { return m.id }

// Kernel names the implementation of the arithmetic that is in use.
func (m *MiniLM) Kernel() string { return m.kernel }

// Dim is the length of the vectors: 384.
func (m *MiniLM) Dim() int { return bert.Hidden }

// Embed is one unit vector a text, in the order of texts; the caller may change them. It fails only if ctx ends.
func (m *MiniLM) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([][]float32, len(texts))
	var queue []*window
	var owner []int // the text that each window of queue is from
	flush := func() error {
		if len(queue) == 0 {
			return nil
		}
		if err := m.pool.encode(ctx, queue); err != nil {
			return err
		}
		for len(queue) > 0 {
			n := 1
			for n < len(owner) && owner[n] == owner[0] {
				n++
			}
			v := mean(queue[:n])
			m.memo.add(texts[owner[0]], v)
			out[owner[0]] = v
			queue, owner = queue[n:], owner[n:]
		}
		return nil
	}
	for i, text := range texts {
		if out[i] = m.memo.get(text); out[i] != nil {
			continue
		}
		for _, ids := range m.cut(text) {
			queue, owner = append(queue, &window{sequence: bert.Sequence{IDs: ids}}), append(owner, i)
		}
		if len(queue) >= callWindows {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return out, nil
}

// cut is the token ids of a text's windows, special tokens included. There is at least one window.
func (m *MiniLM) cut(text string) [][]int32 {
	const content = windowTokens - 2
	ids := m.tokenizer.Encode(nil, edges(text), math.MaxInt)
	first, last := ids[0], ids[len(ids)-1]
	if len(ids) <= windowTokens {
		return [][]int32{ids}
	}
	var windows [][]int32
	for ids = ids[1 : len(ids)-1]; len(ids) > 0; ids = ids[min(content, len(ids)):] {
		part := append(make([]int32, 0, windowTokens), first)
		windows = append(windows, append(append(part, ids[:min(content, len(ids))]...), last))
	}
	if n := len(windows); n > 2*edgeWindows {
		windows = append(windows[:edgeWindows], windows[n-edgeWindows:]...)
	}
	return windows
}

// edges is the part of a text that is read at all.
func edges(text string) string {
	if len(text) <= 2*edgeBytes {
		return text
	}
	head, tail := text[:edgeBytes], text[len(text)-edgeBytes:]
	// A character that the cut divides is left out. Text that is no UTF-8 may have no character's start in reach.
	for i := 0; i < utf8.UTFMax-1 && !utf8.RuneStart(tail[0]); i++ {
		tail = tail[1:]
	}
	for i := len(head) - 1; i > len(head)-utf8.UTFMax; i-- {
		if utf8.RuneStart(head[i]) {
			if !utf8.FullRuneInString(head[i:]) {
				head = head[:i]
			}
			break
		}
	}
	return head + " " + tail
}

// mean is the unit vector along the mean over all tokens of a text's windows. (Its length is 1 anyway, so the sum will do.)
func mean(windows []*window) []float32 {
	v := make([]float32, bert.Hidden)
	for _, w := range windows {
		for d, s := range w.sum {
			v[d] += s
		}
	}
	var squares float64
	for _, s := range v {
		squares += float64(s) * float64(s)
	}
	// The last layer norm's output is never all zeros, so neither is the sum; the guard is for a model that were.
	scale := float32(1 / math.Sqrt(max(squares, math.SmallestNonzeroFloat32)))
	for d := range v {
		v[d] *= scale
	}
	return v
}
