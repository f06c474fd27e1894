package demo

import (
	"strings"
	"testing"
)

func mustData(t *testing.T) *dataset {
	t.Helper()
	d, err := loadData()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestData holds what the run relies on: unique entries, labels that lead somewhere, one label a text, and an order in
// which a question that should hit or trap comes after what it should hit or be trapped by.
func TestData(t *testing.T) {
	d := mustData(t)
	faq, answers, questions := map[string]faqEntry{}, map[string]string{}, map[string]string{}
	for _, f := range d.faq {
		if f.ID == "" || f.Topic == "" || f.Question == "" || !strings.HasPrefix(f.Answer, answerPrefix) {
			t.Errorf("incomplete entry %+v", f)
		}
		if _, ok := faq[f.ID]; ok {
			t.Errorf("entry %s twice", f.ID)
		}
		// The run judges an answer by its text, so no two entries may share one.
		if other, ok := answers[f.Answer]; ok {
			t.Errorf("%s and %s have one answer", f.ID, other)
		}
		if other, ok := questions[f.Question]; ok {
			t.Errorf("%s and %s have one question", f.ID, other)
		}
		faq[f.ID], answers[f.Answer], questions[f.Question] = f, f.ID, f.ID
	}
	kinds, labels, asked := map[string]int{}, map[string]string{}, map[string]bool{}
	texts := map[string]bool{}
	for i, a := range d.asks {
		kinds[a.Kind]++
		if _, ok := faq[a.FAQ]; a.FAQ != "" && !ok {
			t.Errorf("ask %d: no entry %q", i+1, a.FAQ)
		}
		if label, ok := labels[a.Text]; ok && label != a.FAQ {
			t.Errorf("%q is labelled %q and %q", a.Text, label, a.FAQ)
		}
		if id, ok := questions[a.Text]; ok && id != a.FAQ {
			t.Errorf("%q is the question of %s but labelled %q", a.Text, id, a.FAQ)
		}
		switch a.Kind {
		case "first":
			if asked[a.FAQ] {
				t.Errorf("ask %d: %s was asked before", i+1, a.FAQ)
			}
		case "repeat":
			if !texts[a.Text] {
				t.Errorf("ask %d repeats nothing: %q", i+1, a.Text)
			}
		case "near", "paraphrase":
			if !asked[a.FAQ] {
				t.Errorf("ask %d: %s was not asked before", i+1, a.FAQ)
			}
		case kindTrap:
			if a.TrapOf == a.FAQ || !asked[a.TrapOf] {
				t.Errorf("ask %d: bad trap of %q (its entry: %q)", i+1, a.TrapOf, a.FAQ)
			}
		default:
			t.Errorf("ask %d: kind %q", i+1, a.Kind)
		}
		if (a.TrapOf != "") != (a.Kind == kindTrap) {
			t.Errorf("ask %d: kind %s with trap_of %q", i+1, a.Kind, a.TrapOf)
		}
		labels[a.Text], asked[a.FAQ], texts[a.Text] = a.FAQ, true, true
	}
	if len(d.faq) < 150 || len(d.asks) < 350 || kinds[kindTrap] < 80 {
		t.Errorf("%d entries, %d asks, %d traps: too few for the demo", len(d.faq), len(d.asks), kinds[kindTrap])
	}
	if p := d.price; p.Model == "" || p.InputPerMillion <= 0 || p.OutputPerMillion <= 0 || p.Date == "" || p.Source == "" {
		t.Errorf("price %+v lacks something", p)
	}
}

func TestDataIsDecodedStrictly(t *testing.T) {
	for _, bad := range []string{`{"id":"a","colour":"red"}`, `{"id":`, `{"id":1}`, `{} x`} {
		if _, err := decodeAll[faqEntry]("faq.jsonl", []byte(bad)); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
}
