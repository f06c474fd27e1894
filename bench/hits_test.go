package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hitsPairs are a store of a few questions: r is a training set, s one for calibration, domain a02 is held out.
const hitsPairs = `{"a":"How can I cancel my subscription?","b":"Where do I find my invoices?","same":false,"domain":"r00"}
{"a":"How long do hens live?","b":"Do hens need a rooster?","same":false,"domain":"s00"}
{"a":"How do I reset my password?","b":"how do i reset my password","same":true,"domain":"a02"}
{"a":"How do I boil an egg?","b":"how do i boil an egg","same":false,"domain":"a02"}
{"a":"Why is the sky blue?","b":"how can i cancel my subscription","same":false,"domain":"a02"}
{"a":"What is the capital of Peru?","b":"how do I reset my PASSWORD?","same":false,"domain":"a02"}
{"a":"Why is the sky blue?","b":"Who wrote the Odyssey?","same":false,"domain":"a02"}
`

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHits(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "authored_pairs_a.jsonl"), hitsPairs)
	unjudged := filepath.Join(dir, "unjudged.jsonl")
	measure := func() (*HitsReport, HitsRow) {
		t.Helper()
		r, err := Hits(t.Context(), HitsOptions{Pairs: dir, Unjudged: unjudged})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := r.WriteText(&out); err != nil || !strings.Contains(out.String(), "unjudged") {
			t.Errorf("%v\n%s", err, out.String())
		}
		t.Logf("\n%s", out.String())
		for _, row := range r.Rows {
			if row.Budget == 0.01 {
				return r, row
			}
		}
		t.Fatalf("no row at 1 %%: %+v", r.Rows)
		return nil, HitsRow{}
	}
	// What is labelled the same is right; the egg, which is labelled not to be, is wrong; the subscription's pair is another one.
	r, row := measure()
	if row.Right != 1 || row.Wrong != 1 || row.Unjudged != 1 {
		t.Errorf("%+v, want one of each", row)
	}
	// Two of the training domain, four distinct ones of the held-out; the one that differs in case only is not asked.
	if r.Stored != 6 || r.Asked != 4 || r.Skipped != 1 || r.Findable != 1 || r.Judgements != 0 {
		t.Errorf("%+v", r)
	}
	left, err := os.ReadFile(unjudged)
	want := `{"a":"How can I cancel my subscription?","b":"how can i cancel my subscription"}` + "\n"
	if err != nil || string(left) != want {
		t.Errorf("unjudged: %v\n%s", err, left)
	}

	// A judgement decides what no pair does. It does not overrule a pair, and one of a question that is not stored finds nothing.
	judgements := strings.Replace(want, "}", `,"same":true}`, 1) +
		`{"a":"How do I boil an egg?","b":"how do i boil an egg","same":true}` + "\n" +
		`{"a":"Whose work is the Odyssey?","b":"Who wrote the Odyssey?","same":true}` + "\n"
	writeFile(t, filepath.Join(dir, judgementsName), judgements)
	r, row = measure()
	if row.Right != 2 || row.Wrong != 1 || row.Unjudged != 0 || r.UnjudgedPairs != 0 {
		t.Errorf("judged: %+v", row)
	}
	if r.Findable != 2 || r.Judgements != 3 {
		t.Errorf("judged: %+v", r)
	}
	if left, err := os.ReadFile(unjudged); err != nil || len(left) != 0 {
		t.Errorf("unjudged: %v\n%s", err, left)
	}
}

func TestHitsRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pairs := writeFile(t, filepath.Join(dir, "authored_pairs_a.jsonl"), hitsPairs)
	training := writeFile(t, filepath.Join(dir, "training.jsonl"), strings.SplitAfter(hitsPairs, "\n")[0])
	bothWays := writeFile(t, filepath.Join(dir, "both.jsonl"), `{"a":"x","b":"y","same":true}`+"\n"+`{"a":"y","b":"x","same":false}`)
	unlabelled := writeFile(t, filepath.Join(dir, "unlabelled.jsonl"), `{"a":"x","b":"y"}`)
	for want, o := range map[string]HitsOptions{
		"negative":              {Pairs: pairs, Stored: -1},
		"no held-out pairs":     {Pairs: training},
		"both ways":             {Pairs: pairs, Judgements: bothWays},
		"line 1: a, b and same": {Pairs: pairs, Judgements: unlabelled},
		"judgements: open ":     {Pairs: pairs, Judgements: filepath.Join(dir, "absent")},
		"no *pairs*.jsonl in":   {Pairs: t.TempDir()},
	} {
		if _, err := Hits(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want an error with %q", o, err, want)
		}
	}
}

func TestTrainingPartIsApart(t *testing.T) {
	t.Parallel()
	pairs, err := ReadPairs(filepath.Join("..", "embed", "train", "data"))
	if err != nil {
		t.Fatal(err)
	}
	heldOut := map[string]bool{}
	for _, p := range pairs {
		if p.HeldOut() {
			heldOut[strings.ToLower(p.A)], heldOut[strings.ToLower(p.B)] = true, true
		}
	}
	training := trainingPart(pairs)
	for _, p := range training {
		if p.Calibration() || heldOut[strings.ToLower(p.A)] || heldOut[strings.ToLower(p.B)] {
			t.Errorf("%+v", p)
		}
	}
	if len(training) < len(pairs)/2 {
		t.Errorf("%d of %d pairs", len(training), len(pairs))
	}
}

func TestHitsStoresAndAsksAsManyAsAreWanted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pairs := writeFile(t, filepath.Join(dir, "pairs.jsonl"), hitsPairs)
	q, err := readHitsQuestions(&HitsOptions{Pairs: pairs, Stored: 1, Queries: 2})
	if err != nil || len(q.stored) != 5 || len(q.asked) != 2 {
		t.Errorf("%v: %+v", err, q)
	}
}
