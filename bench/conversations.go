package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/reprise-cache/reprise/cache"
)

// Conversation is two chats that end in a user's turn, and whether the next answer of the one serves in the other.
type Conversation struct {
	A    []Turn `json:"a"`
	B    []Turn `json:"b"`
	Same bool   `json:"same"`
	Kind string `json:"kind"` // reworded, chatter, assistant_style, irrelevant; detail, context, state, instruction, intent
	Set  string `json:"set"`

	// HeldOut says that neither training nor calibration sees the pair: number 2, 7, 12 … of its set, by
	// embed/train/verifier/conversation.py's rule.
	HeldOut bool `json:"-"`
	// Calibration says that training does not see the pair, and that the decision is fitted on it.
	Calibration bool `json:"-"`
}

// Sets that serve one purpose, whatever the number of their pairs; conversation.py has the same rule.
const (
	trainingChats    = "w"
	calibrationChats = "x"
)

// Turn is one message of a chat.
type Turn struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// ReadConversations reads labelled pairs of chats, a JSON object a line, from a file, or from all files of a folder whose
// names begin with authored_conversations.
func ReadConversations(path string) ([]Conversation, error) {
	files, err := filesOf(path, "authored_conversations*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("bench: conversations: %w", err)
	}
	var pairs []Conversation
	seen := map[string]int{}
	for _, f := range files {
		more, err := readConversationFile(f, seen)
		if err != nil {
			return nil, fmt.Errorf("bench: conversations: %w", err)
		}
		pairs = append(pairs, more...)
	}
	return pairs, nil
}

// readConversationFile counts the pairs of each set on in seen.
func readConversationFile(path string, seen map[string]int) (pairs []Conversation, err error) {
	err = eachLine(path, func(line []byte) error {
		row := struct {
			Conversation
			Same *bool `json:"same"` // so that a label that is missing is not one that is false
		}{}
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		if len(row.A) == 0 || len(row.B) == 0 || row.Same == nil || row.Set == "" {
			return errors.New("a, b, same and set must be there")
		}
		row.Conversation.Same = *row.Same
		switch n := seen[row.Set]; row.Set {
		case trainingChats:
		case calibrationChats:
			row.Calibration = true
		default:
			row.HeldOut = n%5 == 2
			row.Calibration = n%15 == 9
		}
		seen[row.Set]++
		pairs = append(pairs, row.Conversation)
		return nil
	})
	return pairs, err
}

// ConversationsOptions configures [Conversations].
type ConversationsOptions struct {
	Pairs    string        // a file of pairs, or a folder of them
	Training bool          // the pairs that are not held out, to choose settings by
	Options  cache.Options // of the cache; the zero value is the recommended one. Embedder and Verifier are set here
}

// ConversationsCount is how many pairs of a kind there are, and how many of them each mode served.
type ConversationsCount struct {
	Kind   string
	Same   bool
	Pairs  int
	Served []int // one for one with the report's Modes
}

// ConversationsReport is what [Conversations] measured.
type ConversationsReport struct {
	Machine     Machine
	Source      string
	Modes       []cache.Conversation
	Same, Traps ConversationsCount
	Kinds       []ConversationsCount
}

// Conversations stores the answer to one chat of each pair and looks the other up, by each way in which earlier turns may count.
func Conversations(ctx context.Context, o ConversationsOptions) (*ConversationsReport, error) {
	pairs, err := ReadConversations(o.Pairs)
	if err != nil {
		return nil, err
	}
	pairs = slices.DeleteFunc(pairs, func(p Conversation) bool { return p.HeldOut == o.Training })
	modes := []cache.Conversation{cache.ConversationStrict, cache.ConversationJudged, cache.ConversationLastTurn}
	r := &ConversationsReport{Machine: ThisMachine(), Source: o.Pairs, Modes: modes}
	r.Same = ConversationsCount{Kind: "all", Same: true, Served: make([]int, len(modes))}
	r.Traps = ConversationsCount{Kind: "all", Served: make([]int, len(modes))}
	encoder, verifier, err := models()
	if err != nil {
		return nil, err
	}
	o.Options.Embedder, o.Options.Verifier = encoder, verifier
	for m, mode := range modes {
		if err := r.measure(ctx, o.Options, pairs, m, mode); err != nil {
			return nil, fmt.Errorf("bench: conversations: %w", err)
		}
	}
	if r.Same.Pairs == 0 || r.Traps.Pairs == 0 {
		return nil, fmt.Errorf("bench: %s has %d same-pairs and %d traps in question; both are needed (of each set, pairs 2, 7, 12 … are held out)", o.Pairs, r.Same.Pairs, r.Traps.Pairs)
	}
	slices.SortStableFunc(r.Kinds, func(a, b ConversationsCount) int { return byKind(a.Same, b.Same, a.Pairs, b.Pairs) })
	return r, nil
}

// measure counts what one mode serves. Each pair has a namespace to itself, so that no pair is answered by another.
func (r *ConversationsReport) measure(ctx context.Context, o cache.Options, pairs []Conversation, m int, mode cache.Conversation) (err error) {
	o.Conversation = mode
	c, done, err := openScratch(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	for i, p := range pairs {
		namespace := fmt.Sprintf("pair %d", i)
		if _, err := c.Put(ctx, cache.Query{Namespace: namespace, Messages: messagesOf(p.A)}, cache.Value{Body: []byte("answer")}); err != nil {
			return err
		}
		l := c.Lookup(ctx, cache.Query{Namespace: namespace, Messages: messagesOf(p.B)})
		if l.Err != nil {
			return l.Err
		}
		r.count(p, m, l.Status.Hit())
	}
	return nil
}

func (r *ConversationsReport) count(p Conversation, m int, served bool) {
	at := slices.IndexFunc(r.Kinds, func(k ConversationsCount) bool { return k.Kind == p.Kind && k.Same == p.Same })
	if at < 0 {
		at = len(r.Kinds)
		r.Kinds = append(r.Kinds, ConversationsCount{Kind: p.Kind, Same: p.Same, Served: make([]int, len(r.Modes))})
	}
	all := &r.Traps
	if p.Same {
		all = &r.Same
	}
	for _, k := range []*ConversationsCount{&r.Kinds[at], all} {
		if m == 0 {
			k.Pairs++
		}
		if served {
			k.Served[m]++
		}
	}
}

func messagesOf(turns []Turn) []cache.Message {
	out := make([]cache.Message, len(turns))
	for i, t := range turns {
		out[i] = cache.Message{Role: t.Role, Text: t.Content}
	}
	return out
}

// WriteText prints the report as a table.
func (r *ConversationsReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n%s: %d same-pairs, %d traps\n\nServed, by how the earlier turns count (95 %% Wilson interval):\n\n", r.Machine, r.Source, r.Same.Pairs, r.Traps.Pairs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "kind\tlabel\tpairs\t")
	for _, m := range r.Modes {
		fmt.Fprintf(t, "%v\t", m)
	}
	fmt.Fprintln(t)
	for _, k := range slices.Concat([]ConversationsCount{r.Same, r.Traps}, r.Kinds) {
		label := "trap"
		if k.Same {
			label = "same"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t", k.Kind, label, k.Pairs)
		for _, n := range k.Served {
			low, high := Wilson(float64(n), float64(k.Pairs))
			fmt.Fprintf(t, "%.1f %% (%.1f-%.1f)\t", 100*float64(n)/float64(k.Pairs), 100*low, 100*high)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}
