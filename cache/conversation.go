package cache

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Conversation says how the turns before the question count for the semantic tier. The exact tier always wants every one
// of them to be equal.
//
// In each of them namespace, scope, system prompts, tool results, turns of any other role, and what a turn carries beside
// its text (Message.Rest: images, tool calls) must be equal. What is relaxed is the text of the user and the assistant.
type Conversation uint8

const (
	ConversationDefault Conversation = iota // as the options say; there: ConversationStrict
	// ConversationStrict wants every earlier turn to be equal, byte for byte.
	ConversationStrict
	// ConversationJudged lets earlier turns be worded otherwise or hold small talk: similarity, guards and verifier judge
	// one text, the question with what it may lean on of all that was said. It needs a Verifier and ModeSemantic; a query
	// for which either is missing is ConversationStrict. So is one whose earlier texts are longer than
	// Options.MaxTextBytes together. What finds no room in that one text must be equal, and so must lines that it cannot hold as
	// they are: those that are indented, and those with a | between blanks.
	ConversationJudged
	// ConversationLastTurn does not look at what user and assistant said before at all. It serves wrong answers wherever the
	// question leans on them ("and for two people?"): for callers whose earlier turns never matter.
	ConversationLastTurn

	conversationMax = ConversationLastTurn
)

var conversationNames = [...]string{"default", "strict", "judged", "last_turn"}

// String returns the name that ParseConversation reads.
func (c Conversation) String() string {
	if int(c) < len(conversationNames) {
		return conversationNames[c]
	}
	return fmt.Sprintf("Conversation(%d)", uint8(c))
}

// ParseConversation reads strict, judged, last_turn or default, whatever their letters' case. The error wraps ErrInvalid.
func ParseConversation(s string) (Conversation, error) {
	for i, name := range conversationNames {
		if strings.EqualFold(s, name) {
			return Conversation(i), nil
		}
	}
	return 0, fmt.Errorf("%w: conversation %.40q: use strict, judged, last_turn or default", ErrInvalid, s)
}

// settle says how the earlier turns of a look-up count, and gives it its exact key. Partition and text are those of ConversationStrict
// until relax is called: the exact tier does without, and to render a long conversation takes longer than to answer it.
func (o *Options) settle(l *Lookup) {
	q := &l.q
	if q.IgnoreSystem {
		q.Messages = withoutSystem(q.Messages)
	}
	m := q.last()
	l.text = m.Text
	l.semantic = q.comparable(o.MaxTextBytes)
	l.partition, l.exact = q.keys()
	l.Conversation = o.conversation(l)
}

// relax gives a look-up whose earlier turns may differ the partition of all that it is compared with, and the text that stands for it
// there. Whoever looks at either after settle calls it before; once is enough.
func (l *Lookup) relax() {
	if l.relaxed || l.Conversation == ConversationStrict {
		return
	}
	l.relaxed = true
	var left []string
	if l.Conversation == ConversationJudged {
		var exact []string
		l.text, left, exact = render(l.q.Messages)
		left = append(left, exact...)
	}
	l.leans = l.text != l.q.last().Text
	l.partition = l.q.relaxed(l.Conversation, l.leans, left)
}

// conversation is the mode that can be had. Where there is nothing to relax it is the strict one, so that a lone question is
// one question in every mode.
func (o *Options) conversation(l *Lookup) Conversation {
	mode := l.q.Conversation
	if mode == ConversationDefault {
		mode = o.Conversation
	}
	if mode == ConversationStrict || !l.semantic || l.Mode == ModeSimple {
		return ConversationStrict
	}
	if mode == ConversationJudged && (o.Verifier == nil || l.Mode == ModeThreshold) {
		return ConversationStrict
	}
	size, earlier := 0, l.q.Messages[:len(l.q.Messages)-1]
	for i := range earlier {
		m := &earlier[i]
		if !relaxable(m) {
			continue
		}
		size += len(m.Text)
		if mode == ConversationJudged && !utf8.ValidString(m.Text) {
			return ConversationStrict
		}
	}
	if size == 0 || mode == ConversationJudged && size > o.MaxTextBytes {
		return ConversationStrict
	}
	return mode
}

// relaxable reports whether the text of an earlier turn need not be equal.
func relaxable(m *Message) bool { return m.Role == "user" || m.Role == "assistant" }

func isSystem(m Message) bool { return m.Role == "system" || m.Role == "developer" }

// withoutSystem returns the messages but for the system prompts. The question stays, whatever its role.
func withoutSystem(ms []Message) []Message {
	n := len(ms) - 1
	if !slices.ContainsFunc(ms[:n], isSystem) {
		return ms
	}
	out := slices.DeleteFunc(slices.Clone(ms[:n]), isSystem)
	return append(out, ms[n])
}

// relaxed is the partition of a query whose earlier texts need not be equal.
//
//	H(version, mode, ignores system, namespace, scope, leans, n, role₁, text₁, rest₁, …, roleₙ, textₙ, restₙ, role, rest, left₁, …)
//
// The n turns are those that must be equal in something: all of a turn that is neither the user's nor the assistant's, and of
// theirs what is not text. leans says whether the text that is judged holds more than the last turn, so that a last turn
// which looks like a rendering is never taken for one. left is what found no room in it, and lines that it does not tell as they are.
func (q *Query) relaxed(mode Conversation, leans bool, left []string) Digest {
	w := newKeyWriter()
	w.string("reprise/key/conversation/1")
	w.string(mode.String())
	w.bool(q.IgnoreSystem)
	w.string(q.Namespace)
	w.bytes(q.Scope[:])
	w.bool(leans)
	earlier, n := q.Messages[:len(q.Messages)-1], 0
	for i := range earlier {
		if m := &earlier[i]; !relaxable(m) || m.Rest != (Digest{}) {
			n++
		}
	}
	w.number(n)
	for i := range earlier {
		m := &earlier[i]
		text := m.Text
		if relaxable(m) {
			if m.Rest == (Digest{}) {
				continue
			}
			text = ""
		}
		w.string(m.Role)
		w.string(text)
		w.bytes(m.Rest[:])
	}
	m := q.last()
	w.string(m.Role)
	w.bytes(m.Rest[:])
	for _, s := range left {
		w.string(s)
	}
	return w.sum()
}
