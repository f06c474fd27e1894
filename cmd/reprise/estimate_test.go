package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reprise-cache/reprise/bench"
)

// TestEstimate asks the questions of a file again in other words, in the same ones, and about something else, and expects of each what
// a server would do; and that an answer which differs from what the cache would have said is the first to be read.
func TestEstimate(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	for i, p := range past {
		log.WriteString(pastLine(p[0], p[1], 1700000000+i))
	}
	log.WriteString(pastLine(past[1][0], past[1][1], 1700000010))
	log.WriteString(pastLine(past[0][2], past[0][1], 1700000011))
	log.WriteString(pastLine(past[2][2], "Please call the bank, we cannot do that for you.", 1700000012))
	log.WriteString(pastLine("How do I turn off two-factor login for my account?", "Never mind.", 1700000013))
	log.WriteString(strings.Replace(pastLine("x", "y", 1700000014), `{"path"`, `{"status":500,"path"`, 1))
	log.WriteString("{}\n")
	file, pairs := filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "pairs.jsonl")
	if err := os.WriteFile(file, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := reprise(t, nil, "estimate", "--bad", "skip", "--pairs", pairs, file)
	for _, want := range []string{
		"7         requests that a cache may answer\n", "1  14.3 % answered: asked before in the same words\n",
		"2  28.6 % answered: asked before in other words", "4  57.1 % left to the provider\n",
		"beside 1 not for a cache or without a whole answer, 0 answered from a cache then, and 1 bad lines\n", "negation 1", "The 2 riskiest", "line 6      " + past[2][2], "line 3      " + past[2][0],
	} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit code %d: no %q in\n%s%s", code, want, out, errs)
		}
	}
	text, err := os.ReadFile(pairs)
	if err != nil {
		t.Fatal(err)
	}
	var labelled strings.Builder
	lines := 0
	for line := range strings.Lines(string(text)) {
		var hit estimatedHit
		if err := json.Unmarshal([]byte(line), &hit); err != nil {
			t.Fatal(err)
		}
		if lines++; lines == 1 && (hit.LineB != 6 || hit.Answers == "same" || hit.AnswerA != past[2][1]) || lines == 2 && (hit.LineB != 5 || hit.Answers != "same") {
			t.Errorf("pair %d: %s", lines, line)
		}
		fmt.Fprintf(&labelled, `{"same":%v,%s`, lines == 2, line[1:])
	}
	if err := os.WriteFile(pairs, []byte(labelled.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := bench.ReadPairs(pairs); err != nil || len(got) != 2 || got[0].Same || !got[1].Same {
		t.Errorf("what was labelled is read as %v, %v", got, err)
	}

	// In mode simple the same words are all that is answered.
	code, out, errs = reprise(t, nil, "estimate", "--bad", "skip", "--mode", "simple", file)
	if code != 0 || !strings.Contains(out, "1  14.3 % answered: asked before in the same words\n") || !strings.Contains(out, "0   0.0 % answered: asked before in other") {
		t.Errorf("%d %s%s", code, out, errs)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "cache.mode is threshold", []string{"--mode", "threshold", file}},
		{1, "line 9", []string{file}},
		{1, "line 1: it asks for mode threshold", []string{"--header", "x-reprise-cache=threshold", file}},
		{2, "members", []string{pairs}},
		{2, "no such file", []string{filepath.Join(dir, "none")}},
	} {
		if code, out, errs := reprise(t, nil, append([]string{"estimate"}, c.args...)...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: %d, want %d and %q: %s%s", c.args, code, c.code, c.want, out, errs)
		}
	}
}

// estimateOf is what estimate says of a log.
func estimateOf(t *testing.T, log string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log.jsonl")
	if err := os.WriteFile(file, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := reprise(t, nil, append(append([]string{"estimate"}, args...), file)...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s%s", args, code, out, errs)
	}
	return out
}

// answered is how many answers a report says were saved, in the same and in other words.
func answered(t *testing.T, report string) (exact, semantic, left int) {
	t.Helper()
	for line := range strings.Lines(report) {
		for end, n := range map[string]*int{"in the same words": &exact, "expected to be wrong": &semantic, "left to the provider": &left} {
			if strings.HasSuffix(strings.TrimSpace(line), end) {
				if _, err := fmt.Sscan(line, n); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
			}
		}
	}
	return exact, semantic, left
}

// TestEstimateKnowsTheTime puts lines to it that are days apart, of which a server would have answered those only whose entry was young
// enough then. An answer that is served is not stored anew, so that it does not live for longer.
func TestEstimateKnowsTheTime(t *testing.T) {
	const hour, began = 3600, 1700000000
	at := func(text string, hours ...int) (log string) {
		for _, h := range hours {
			log += pastLine(text, "By the link.", began+h*hour)
		}
		return log
	}
	q, near := past[0][0], past[0][2]
	for name, c := range map[string]struct {
		log             string
		set             string
		exact, semantic int
	}{
		"for good":              {at(q, 0, 20*24), "cache.ttl=never", 1, 0},
		"expired":               {at(q, 0, 20*24), "cache.ttl=1d", 0, 0},
		"lives as it is stored": {at(q, 0, 20, 30, 50), "cache.ttl=1d", 2, 0},
		"in other words":        {at(q, 0) + at(near, 20, 30, 31), "cache.ttl=1d", 1, 1},
		"too old":               {strings.ReplaceAll(at(q, 0, 1, 3), `{"path"`, `{"namespace":"shop","path"`), "cache.namespaces.shop.max_age=2h", 1, 0},
		"volatile":              {at("What is the latest version of the app?", 0, 1), "cache.volatile=short", 0, 0},
		"without times":         {strings.ReplaceAll(at(q, 0, 0), `"created":1700000000,`, ""), "cache.ttl=1s", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			out := estimateOf(t, c.log, "--set", c.set)
			if exact, semantic, left := answered(t, out); exact != c.exact || semantic != c.semantic || exact+semantic+left != strings.Count(c.log, "\n") {
				t.Errorf("%d in the same words, %d in others: want %d and %d:\n%s", exact, semantic, c.exact, c.semantic, out)
			}
		})
	}
	year := strings.Replace(at(q, 0), `{"path"`, `{"time":"9000-01-01T00:00:00Z","path"`, 1)
	if out := estimateOf(t, at(q, 0)+year, "--bad", "skip"); !strings.Contains(out, "and 1 bad lines") {
		t.Errorf("a time that no cache could keep:\n%s", out)
	}
}

// TestEstimateCountsWhatIsServed: a server stores nothing when it answers, and so gives the same answer, right or wrong, each time.
func TestEstimateCountsWhatIsServed(t *testing.T) {
	var log strings.Builder
	log.WriteString(pastLine(past[2][0], past[2][1], 1700000000))
	for i := range 3 {
		log.WriteString(pastLine(past[2][2], "Please call the bank, we cannot do that for you.", 1700000001+i))
	}
	log.WriteString(strings.Replace(pastLine(past[2][2], "x", 1700000005), `{"path"`, `{"cache_status":"SEMANTIC HIT","path"`, 1))
	pairs := filepath.Join(t.TempDir(), "pairs.jsonl")
	out := estimateOf(t, log.String(), "--pairs", pairs)
	if exact, semantic, left := answered(t, out); exact != 0 || semantic != 3 || left != 1 {
		t.Errorf("%d, %d, %d", exact, semantic, left)
	}
	for _, want := range []string{"each question once: 0 agree", "The 1 riskiest", ", served 3 times\n", "beside 0 not for a cache or without a whole answer, 1 answered from a cache then, and 0 bad lines\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if text, err := os.ReadFile(pairs); err != nil || strings.Count(string(text), "\n") != 1 || !strings.Contains(string(text), `"times":3`) {
		t.Errorf("pairs: %v\n%s", err, text)
	}
	if strings.Contains(out, "save no money") {
		t.Errorf("nothing is checked:\n%s", out)
	}
	if out := estimateOf(t, log.String(), "--set", "cache.shadow_rate=1", "--mode", "shadow"); !strings.Contains(out, " of the answers in other words save no money") {
		t.Errorf("all are checked:\n%s", out)
	}
}

// TestEstimateWithoutRoom has answers that make each other leave, and one that no room is enough for.
func TestEstimateWithoutRoom(t *testing.T) {
	long := func(n int) string { return strings.Repeat("By the link below. ", n<<10/19) }
	log := pastLine(past[0][0], long(40), 1700000000) + pastLine(past[0][2], long(30), 1700000001) +
		pastLine(past[1][0], long(40), 1700000002) + pastLine(past[2][0], long(80), 1700000003) + pastLine(past[2][0], long(80), 1700000004)
	out := estimateOf(t, log, "--set", "cache.max_bytes=64KiB")
	if exact, semantic, left := answered(t, out); exact != 0 || semantic != 1 || left != 4 || strings.Contains(out, "bad lines") {
		t.Errorf("%d, %d, %d:\n%s", exact, semantic, left, out)
	}
}

// TestEstimateAsksNoOpinion: the serving configuration names a model that is asked about doubtful pairs, and paid for it.
func TestEstimateAsksNoOpinion(t *testing.T) {
	var calls atomic.Int64
	up := upstream(t, func() { calls.Add(1) })
	var log strings.Builder
	for i, q := range []string{
		"How do I reset my password?", "How do I change my password?", "Where can I see my password?", "Where can I download my invoices?",
		"Where can I see all my invoices?", "When do I get my invoice?", "Who gets my invoices?",
	} {
		log.WriteString(pastLine(q, "It says so in the handbook.", 1700000000+i))
	}
	estimateOf(t, log.String(), "--provider", "up="+up.URL+"/v1", "--set", "providers.up.api_key=sk-up", "--set", "opinion.provider=up", "--set", "opinion.model=m", "--set", "opinion.least=0.01")
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}
