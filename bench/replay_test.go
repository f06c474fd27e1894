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
		// Two texts of four are repeats of the others but for case and punctuation; two calls are all that it takes. At most
		// four texts are served, so that however often they are asked, the interval is that of four at most.
		_, high := Wilson(0, 4)
		if q := row.All; q.Requests != 80 || q.Exact+q.Right != 78 || q.Wrong != 0 || q.Right == 0 || q.Low != 0 || q.High < high {
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
