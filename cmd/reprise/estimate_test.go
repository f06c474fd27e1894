package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
		"beside 1 that no cache would answer and 1 bad lines\n", "negation 1", "The 2 riskiest", "line 6      " + past[2][2], "line 3      " + past[2][0],
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
		{2, "members", []string{pairs}},
		{2, "no such file", []string{filepath.Join(dir, "none")}},
	} {
		if code, out, errs := reprise(t, nil, append([]string{"estimate"}, c.args...)...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: %d, want %d and %q: %s%s", c.args, code, c.code, c.want, out, errs)
		}
	}
}
