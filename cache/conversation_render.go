package cache

import (
	_ "embed"
	"slices"
	"strings"
)

// Rendering makes one text of a conversation, for an encoder, guards and a verifier that read one text a side: the last
// user turn and, after " | ", what it may lean on, oldest first. That is every earlier user turn but for what is mere
// courtesy or belongs to a topic that was left, and of the assistant's turns the last one, and the sentences that hold a
// number, a name, a negation or code, share a word with the last turn, or ask what a short user turn then answers.
//
// embed/train/verifier/rendering.py renders alike, byte for byte, for training; testdata/conversations.jsonl holds the two
// together. The rules see bytes and the words of lexicon/conversation.txt only, so that they are easily the same in both.

const (
	renderRoom  = 120 // units, about tokens: two renderings fit what the verifier reads
	renderReply = 48  // of these, what the assistant's last turn may take before the user's earlier turns have had their choice
	renderShort = 2   // a user turn of at most so many words of content answers what was asked before it
	renderAlone = 3   // words of content that make a topic of its own, those of leaving the old one aside
)

// renderSeparator stands between the last turn and the rest, and nowhere else.
const renderSeparator = " | "

//go:embed lexicon/conversation.txt
var conversationLexicon string

// lexicon is one list of conversation.txt: its words, and its entries of several.
type lexicon struct {
	words   map[string]bool
	phrases []string // with a space on either side
}

var (
	lexicons     = parseLexicons(conversationLexicon)
	stopWords    = lexicons["stop"]
	courtesies   = lexicons["courtesy"]
	idleWords    = lexicons["idle"]
	instructions = lexicons["instruction"]
	switches     = lexicons["switch"]
	pointers     = lexicons["pointer"]
	negations    = lexicons["negation"]
	leaving      = leavingStems(switches)
)

// parseLexicons reads lines of the form "name: entry, entry"; # begins a comment, and a name's lines add up.
func parseLexicons(file string) map[string]*lexicon {
	out := map[string]*lexicon{}
	for line := range strings.Lines(file) {
		name, entries, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		l := out[name]
		if l == nil {
			l = &lexicon{words: map[string]bool{}}
			out[name] = l
		}
		for e := range strings.SplitSeq(entries, ", ") {
			l.words[e] = true
			if strings.Contains(e, " ") {
				l.phrases = append(l.phrases, " "+e+" ")
			}
		}
	}
	return out
}

func leavingStems(l *lexicon) map[string]bool {
	out := map[string]bool{}
	for e := range l.words {
		for w := range strings.FieldsSeq(e) {
			out[shortStem(w)] = true
		}
	}
	return out
}

// sentence is a piece of a turn.
type sentence struct {
	text    string
	terms   []string // its words as written
	lower   []string
	content []string // stems of those that are no function words
	wanted  bool     // the user's, and the last turn may lean on it
	taken   bool     // it is rendered
}

// said is a turn of the user or the assistant.
type said struct {
	user      bool
	sentences []*sentence
	exact     []string // lines that the sentences do not tell as they are
}

// turnsOf takes the turns of user and assistant apart. The last one's text is returned as it would be rendered.
func turnsOf(messages []Message) (turns []said, last string) {
	for i := range messages {
		m := &messages[i]
		if m.Role != "user" && m.Role != "assistant" {
			continue
		}
		last = cleanText(m.Text)
		turns = append(turns, said{m.Role == "user", sentencesOf(last), exactLines(m.Text)})
	}
	return turns, ended(strings.ReplaceAll(last, "\n", " "))
}

// cleanText makes one space of white space, but keeps where lines end. A lone | becomes /, because " | " is the
// rendering's own.
func cleanText(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "’", "'"), "\n") {
		first := true
		for w := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ' ' || '\t' <= r && r <= '\r' }) {
			switch {
			case !first:
				b.WriteByte(' ')
			case b.Len() > 0:
				b.WriteByte('\n')
			}
			if first = false; w == "|" {
				w = "/"
			}
			b.WriteString(w)
		}
	}
	return b.String()
}

// exactLines returns the lines of a text of which cleanText loses more than white space between words: where they begin, as code does in
// a block of its own, and a lone |. The first line begins the text, whatever stands before it.
func exactLines(text string) (out []string) {
	first := true
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\v\f\n")
		if line == "" {
			continue
		}
		begin := strings.TrimLeft(line, " \t\r\v\f")
		lone := strings.Contains(line, "|") && slices.ContainsFunc(strings.Fields(line), func(w string) bool { return w == "|" })
		if lone || !first && begin != line {
			out = append(out, line)
		}
		first = false
	}
	return out
}

// ended closes a sentence that has no mark at its end, so that the next one begins one.
func ended(text string) string {
	if text != "" && isTerm(text[len(text)-1]) {
		return text + "."
	}
	return text
}

func isTerm(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || isDigitByte(c) || c >= 0x80 }

func isDigitByte(c byte) bool { return '0' <= c && c <= '9' }

// termAt returns where the term that begins at i ends: letters, digits and all that is not ASCII, with a ' or - between.
func termAt(s string, i int) int {
	for i < len(s) && (isTerm(s[i]) || (s[i] == '\'' || s[i] == '-') && i+1 < len(s) && isTerm(s[i+1]) && isTerm(s[i-1])) {
		i++
	}
	return i
}

// sentencesOf splits after marks that a space follows, and where lines end. What has no word goes with what is before it.
func sentencesOf(text string) []*sentence {
	var out []*sentence
	for at, i := 0, 0; at < len(text); i++ {
		end := i == len(text)
		if !end && text[i] != '\n' && !(text[i] == ' ' && i > at && strings.IndexByte(".!?", text[i-1]) >= 0) {
			continue
		}
		piece := strings.Trim(text[at:i], " \n")
		if at = i + 1; piece == "" {
			continue
		}
		s := &sentence{text: piece}
		for j := 0; j < len(piece); j++ {
			if !isTerm(piece[j]) {
				continue
			}
			k := termAt(piece, j)
			s.terms = append(s.terms, piece[j:k])
			j = k - 1
		}
		if s.terms == nil && out != nil {
			out[len(out)-1].text += " " + piece
			continue
		}
		for _, t := range s.terms {
			l := lowerASCII(t)
			if s.lower = append(s.lower, l); !stopWords.words[l] {
				s.content = append(s.content, shortStem(l))
			}
		}
		out = append(out, s)
	}
	return out
}

// lowerASCII leaves alone what is not ASCII, about which the lists say nothing.
func lowerASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j, c := range b {
				if 'A' <= c && c <= 'Z' {
					b[j] = c | 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// shortStem is enough for forms of one word to meet: its first six bytes, without a plural s.
func shortStem(w string) string {
	w = strings.TrimSuffix(w, "'s")
	if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
		w = w[:len(w)-1]
	}
	return w[:min(len(w), 6)]
}

// courtesy reports whether the sentence is only polite.
func (s *sentence) courtesy() bool {
	polite := s.terms == nil
	for _, t := range s.lower {
		switch {
		case courtesies.words[t]:
			polite = true
		case !stopWords.words[t] && !idleWords.words[t]:
			return false
		}
		if negations.words[t] && !courtesies.words[t] {
			return false
		}
	}
	return polite
}

// has reports whether the sentence holds an entry of the list.
func (s *sentence) has(l *lexicon) bool {
	for _, t := range s.lower {
		if l.words[t] {
			return true
		}
	}
	if len(l.phrases) == 0 || len(s.lower) < 2 {
		return false
	}
	line := " " + strings.Join(s.lower, " ") + " "
	for _, p := range l.phrases {
		if strings.Contains(line, p) {
			return true
		}
	}
	return false
}

// fact reports a number, a name, a negation or code. A name is a capital that does not begin the sentence.
func (s *sentence) fact() bool {
	for i, t := range s.terms {
		if hasDigit(t) || i > 0 && 'A' <= t[0] && t[0] <= 'Z' && t != "I" && !strings.HasPrefix(t, "I'") {
			return true
		}
		if negations.words[s.lower[i]] {
			return true
		}
	}
	if strings.ContainsAny(s.text, "`={}<>\\") {
		return true
	}
	for _, code := range [...]string{"()", "::", "->", "://"} {
		if strings.Contains(s.text, code) {
			return true
		}
	}
	return false
}

func hasDigit(t string) bool {
	for i := range len(t) {
		if isDigitByte(t[i]) {
			return true
		}
	}
	return false
}

// units is about how many tokens the sentence has: long words and numbers have several.
func (s *sentence) units() int {
	n := 0
	for i := 0; i < len(s.text); i++ {
		c := s.text[i]
		if !isTerm(c) {
			if c != ' ' {
				n++
			}
			continue
		}
		end := termAt(s.text, i)
		if size := end - i; hasDigit(s.text[i:end]) {
			n += (size + 1) / 2
		} else {
			n += 1 + (size-1)/6
		}
		i = end - 1
	}
	return n
}

// opens reports whether a user turn leaves the topic for one of its own: it says so, and what follows stands alone.
func opens(turn []*sentence) bool {
	for i, s := range turn {
		if !s.has(switches) {
			continue
		}
		content := map[string]bool{}
		for _, r := range turn[i:] {
			if r.has(pointers) {
				return false
			}
			for _, c := range r.content {
				if !leaving[c] {
					content[c] = true
				}
			}
		}
		return len(content) >= renderAlone
	}
	return false
}

func (s *sentence) shares(stems map[string]bool) bool {
	for _, c := range s.content {
		if stems[c] {
			return true
		}
	}
	return false
}

// choose marks what of the earlier turns is rendered. It returns what would be, had it found room.
func choose(turns []said) (left []string) {
	last := len(turns) - 1
	start := 0 // the topic at hand begins with the latest turn that opens one
	for i := last; i > 0 && start == 0; i-- {
		if turns[i].user && opens(turns[i].sentences) {
			start = i
		}
	}
	asked := map[string]bool{}
	room := renderRoom
	for _, s := range turns[last].sentences {
		room -= s.units()
		for _, c := range s.content {
			asked[c] = true
		}
	}
	var wanted, late, facts []*sentence // most wanted first; facts may as well stay out
	if last-1 >= start && !turns[last-1].user {
		reply := renderReply
		for _, s := range turns[last-1].sentences {
			if s.courtesy() {
				continue
			}
			if reply -= s.units(); reply >= 0 {
				wanted = append(wanted, s)
			} else {
				late = append(late, s)
			}
		}
	}
	for i := last - 1; i >= 0; i-- {
		if !turns[i].user {
			continue
		}
		for _, s := range turns[i].sentences {
			if !s.courtesy() && (i >= start || s.has(instructions)) {
				s.wanted, wanted = true, append(wanted, s)
			}
		}
	}
	wanted = append(wanted, late...)
	for i := last - 2; i >= start; i-- {
		if turns[i].user {
			continue
		}
		for _, s := range turns[i].sentences {
			switch {
			case s.courtesy():
			case s.shares(asked):
				wanted = append(wanted, s)
			case s.fact(), strings.HasSuffix(s.text, "?") && turns[i+1].short():
				facts = append(facts, s)
			}
		}
	}
	for i, s := range append(wanted, facts...) {
		if need := s.units(); need <= room {
			room -= need
			s.taken = true
		} else if i < len(wanted) {
			left = append(left, s.text)
		}
	}
	return left
}

// leanedOn returns the sentences of the user's earlier turns that the last one may lean on, rendered or not.
func leanedOn(messages []Message) (texts []string) {
	turns, _ := turnsOf(messages)
	choose(turns)
	for _, t := range turns {
		for _, s := range t.sentences {
			if s.wanted {
				texts = append(texts, s.text)
			}
		}
	}
	return texts
}

// short reports whether the turn is a user's brief answer.
func (t *said) short() bool {
	n := 0
	for _, s := range t.sentences {
		n += len(s.content)
	}
	return t.user && len(t.sentences) > 0 && n <= renderShort
}

// render returns the text that stands for a conversation whose last turn is a user's, what of the earlier turns found
// no room in it, and the lines that it tells otherwise than they are. Without anything to lean on it is the last turn as it came.
func render(messages []Message) (text string, left, exact []string) {
	turns, last := turnsOf(messages)
	left = choose(turns)
	b := strings.Builder{}
	for _, t := range turns[:len(turns)-1] {
		if slices.ContainsFunc(t.sentences, func(s *sentence) bool { return s.taken }) {
			exact = append(exact, t.exact...)
		}
		for _, s := range t.sentences {
			if !s.taken {
				continue
			}
			if b.Len() == 0 {
				b.WriteString(last)
				b.WriteString(renderSeparator)
			} else {
				b.WriteByte(' ')
			}
			b.WriteString(ended(s.text))
		}
	}
	if b.Len() == 0 {
		return messages[len(messages)-1].Text, left, nil
	}
	return b.String(), left, append(exact, turns[len(turns)-1].exact...)
}
