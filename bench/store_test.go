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
	if row.Idle.Hits != row.Idle.Lookups || row.Idle.Lookups == 0 || row.Again.Lookups == 0 {
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

// TestStoreStages fills a file in one run and goes on with it in others.
func TestStoreStages(t *testing.T) {
	dir := t.TempDir()
	o := StoreOptions{Sizes: []int{300}, Serve: 50 * time.Millisecond, Rate: 100, Dir: dir, Keep: true}
	with := func(stages ...string) StoreOptions {
		o := o
		o.Stages = stages
		return o
	}
	if _, err := Store(t.Context(), with("open")); err == nil {
		t.Error("a file that is not there was opened")
	}
	r, err := Store(t.Context(), with("put"))
	if err != nil || r.Rows[0].Put <= 0 || r.Rows[0].Snapshot != 0 {
		t.Fatalf("%v: %+v", err, r)
	}
	if _, err := Store(t.Context(), with("put")); err == nil {
		t.Error("a file that is there was filled again")
	}
	r, err = Store(t.Context(), with("open", "backup"))
	if err != nil || r.Rows[0].Snapshot <= 0 || r.Rows[0].BackupBytes <= 0 || r.Rows[0].Before != 0 {
		t.Fatalf("%v: %+v", err, r)
	}
	r, err = Store(t.Context(), with("compact"))
	if err != nil || r.Rows[0].After >= r.Rows[0].Before {
		t.Fatalf("%v: %+v", err, r)
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil || strings.Contains(out.String(), "open:") || !strings.Contains(out.String(), "compaction") {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, bad := range []StoreOptions{with("opening"), {Sizes: o.Sizes, Keep: true}, {Sizes: o.Sizes, Stages: []string{"open"}}} {
		if _, err := Store(t.Context(), bad); err == nil {
			t.Errorf("%+v was run", bad)
		}
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
