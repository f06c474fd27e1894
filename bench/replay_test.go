package bench

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReplay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "intents.jsonl.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	for i, text := range []string{"what is my balance", "What is my balance?", "block my card", "Block my card!", "sing me a song"} {
		intent := []string{"balance", "balance", "block_card", "block_card", "oos"}[i]
		fmt.Fprintf(z, `{"text":%q,"intent":%q}`+"\n", text, intent)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Replay(t.Context(), ReplayOptions{Intents: []string{path}, Requests: 80})
	if err != nil {
		t.Fatal(err)
	}
	if r.Texts != 4 || r.Intents != 2 || len(r.Rows) != int(numLearning) {
		t.Fatalf("%+v", r)
	}
	for _, row := range r.Rows {
		var requests, exact, right, wrong int
		for _, q := range row.Quarters {
			requests, exact, right, wrong = requests+q.Requests, exact+q.Exact, right+q.Right, wrong+q.Wrong
		}
		// Two texts of four are repeats of the others but for case and punctuation; two calls are all that it takes.
		if requests != 80 || exact+right != 78 || wrong != 0 || right == 0 {
			t.Errorf("%+v", row)
		}
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil || !strings.Contains(out.String(), "learning") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if _, err := Replay(t.Context(), ReplayOptions{Intents: []string{path + "x"}}); err == nil {
		t.Error("a file that is not there is no error")
	}
}
