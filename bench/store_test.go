package bench

import (
	"strings"
	"testing"
	"time"
)

func TestStore(t *testing.T) {
	r, err := Store(t.Context(), StoreOptions{Sizes: []int{700}, Serve: 200 * time.Millisecond, Rate: 100, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	row := r.Rows[0]
	if row.Idle.Hits != row.Idle.Lookups || row.Idle.Lookups == 0 {
		t.Errorf("%d of %d look-ups found their question", row.Idle.Hits, row.Idle.Lookups)
	}
	if row.StoredBytes >= row.BodyBytes || row.After >= row.Before || row.Put <= 0 || row.Busy.Written <= 0 {
		t.Errorf("%+v", row)
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil || !strings.Contains(out.String(), "by the snapshot") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if _, err := Store(t.Context(), StoreOptions{Sizes: []int{5}}); err == nil {
		t.Error("a file of 5 entries was measured")
	}
}

func TestSoak(t *testing.T) {
	r, err := Soak(t.Context(), SoakOptions{Length: 2 * time.Second, Entries: 200, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil || len(r.Rows) == 0 || !r.Check.OK() {
		t.Errorf("%v %+v\n%s", err, r.Check, out.String())
	}
	if last := r.Rows[len(r.Rows)-1]; last.Lookups == 0 || last.Writes == 0 {
		t.Errorf("nothing happened: %+v", last)
	}
}
