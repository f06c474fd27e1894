package cache

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// rendered is a line of testdata/conversations.jsonl, which embed/train/verifier/rendering.py writes.
type rendered struct {
	Messages []struct{ Role, Content string }
	Text     string
	Left     []string
}

func readRendered(t testing.TB) []rendered {
	t.Helper()
	f, err := os.Open("testdata/conversations.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []rendered
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r rendered
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if err := lines.Err(); err != nil || len(out) < 50 {
		t.Fatalf("%d lines, %v", len(out), err)
	}
	return out
}

func (r *rendered) messages() []Message {
	var out []Message
	for _, m := range r.Messages {
		out = append(out, Message{Role: m.Role, Text: m.Content})
	}
	return out
}

// The verifier is trained on what the Python side renders.
func TestRenderAsInTraining(t *testing.T) {
	for i, r := range readRendered(t) {
		text, left, _ := render(r.messages())
		if text != r.Text {
			t.Errorf("line %d:\n got %q\nwant %q", i+1, text, r.Text)
		}
		if !slices.Equal(left, r.Left) {
			t.Errorf("line %d leaves\n     %q\nwant %q", i+1, left, r.Left)
		}
	}
}

// chat is a conversation that the user begins.
func chat(said ...string) []Message {
	var out []Message
	for i, s := range said {
		out = append(out, Message{Role: [...]string{"user", "assistant"}[i%2], Text: s})
	}
	return out
}

func TestRender(t *testing.T) {
	for _, c := range []struct {
		want string
		said []string
	}{
		{"Is it open? | I'm in Ghent.", []string{"Hello! I'm in Ghent.", "Lovely!", "Is it open?"}},
		{" a\n b | c ", []string{" a\n b | c "}},
		{"thanks", []string{"Hi!", "Hello!", "thanks"}},
		{"yes. | Cancel it. Order 5 or 6?", []string{"Cancel it", "Order 5 or 6?", "yes"}},
		{"x / y. | a / b.", []string{"a | b", "Great.", "x | y"}},
		{"and B? | What is A?", []string{"What is A?", "It comes before the other one.", "Good.", "Thanks!", "and B?"}},
		{"By the way, how many large moons does Mars have? | Always answer in French.",
			[]string{"Always answer in French. Weather in Lyon?", "Pluie, 12 degrés.", "By the way, how many large moons does Mars have?"}},
		{"By the way, how much is it? | A room in Lyon.", []string{"A room in Lyon.", "Great!", "By the way, how much is it?"}},
	} {
		if got, left, _ := render(chat(c.said...)); got != c.want || left != nil {
			t.Errorf("%q:\n got %q, %q left\nwant %q", c.said, got, left, c.want)
		}
	}
}

// TestRenderSaysWhatItTellsOtherwise: blanks that begin a line and a lone | are lost in the one text, and must be equal beside it.
func TestRenderSaysWhatItTellsOtherwise(t *testing.T) {
	for _, c := range []struct{ said, want []string }{
		{[]string{"What is A?", "Good.", "  and B?\n\n  with C? \r\nand | D"}, []string{"  with C?", "and | D"}},
		{[]string{"run it:\n\tls", "Sure.", "and a|b?"}, []string{"\tls"}},
		{[]string{"Thanks!\n  Bye", "Good.", "and | B?"}, nil}, // nothing is rendered but the last turn, as it is
	} {
		if _, _, got := render(chat(c.said...)); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.said, got, c.want)
		}
	}
}

func TestRenderSaysWhatFoundNoRoom(t *testing.T) {
	long := strings.Repeat("word ", 200) + "7."
	text, left, _ := render(chat(long, "Great.", "So?"))
	if text != "So?" || !slices.Equal(left, []string{long}) {
		t.Errorf("got %q, %q", text, left)
	}
}

func FuzzRender(f *testing.F) {
	for _, r := range readRendered(f)[:10] {
		m := r.messages()
		f.Add(m[0].Text, m[1].Text, m[len(m)-1].Text)
	}
	f.Add("'-a | \n|", "...? !", "\x80’'s 1")
	f.Fuzz(func(t *testing.T, first, reply, last string) {
		m := chat(first, reply, last)
		text, left, _ := render(m)
		again, _, _ := render(m)
		if text != again {
			t.Errorf("rendered %q, then %q", text, again)
		}
		if text == last {
			return
		}
		if strings.Count(text, " | ") != 1 || strings.Contains(text, "\n") {
			t.Errorf("%q has not one part for the last turn and one for the others", text)
		}
		if utf8.ValidString(first) && utf8.ValidString(reply) && utf8.ValidString(last) && !utf8.ValidString(text) {
			t.Errorf("%q is not UTF-8", text)
		}
		for _, l := range left {
			if l == "" {
				t.Error("nothing found no room")
			}
		}
	})
}
