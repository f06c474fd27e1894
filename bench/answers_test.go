package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadAnswers(t *testing.T) {
	fitted, heldOut, err := readAnswers(filepath.Join("..", "embed", "train", "data"))
	if err != nil || len(fitted) < 100 || len(heldOut) < 50 {
		t.Fatalf("%d fitted, %d held out: %v", len(fitted), len(heldOut), err)
	}
	topics := map[string]bool{}
	for _, p := range fitted {
		topics[p.Group] = true
	}
	for _, p := range heldOut {
		if topics[p.Group] {
			t.Errorf("topic %s is fitted and held out", p.Group)
		}
	}
	dir := t.TempDir()
	for line, want := range map[string]string{
		`{"a":"x","b":"y","topic":"1"}`:              "same",
		`{"a":"x","b":"y","same":true,"topic":"x"}`:  "number of the topic",
		`{"a":"","b":"y","same":true,"topic":"1"}`:   "a, b",
		`{"a":"x","b":"y","same":true,"topic":"1"`:   "line 1",
		`{"a":"x","b":"y","same":"no","topic":"12"}`: "line 1",
	} {
		if err := os.WriteFile(filepath.Join(dir, "authored_answers.jsonl"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readAnswers(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, _, err := readAnswers(t.TempDir()); err == nil {
		t.Error("a folder without answers is no error")
	}
}
