package store

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.etcd.io/bbolt"
)

// event is one thing that reaches the disk, or the moment from which a file or a folder is on it. One of its fields is set.
type event struct {
	file    int // that the event is of
	write   *written
	sync    bool // what was written to the file so far is on disk
	ack     bool // a change was acknowledged, and so is sync
	create  bool // the file got a compaction's temporary name
	rename  bool // and then the cache's own
	syncDir bool // names are on disk
}

// journal is what happened, in order.
type journal struct {
	mu     sync.Mutex
	events []event
	images [][]byte // of each file as it was when recording began
	file   int      // that has the cache's name
}

func (j *journal) note(e event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

// disk is the real one, with notes taken.
func (j *journal) disk(t *testing.T, path string) disk {
	made := 0 // the last file that was
	name := map[int]string{}
	return disk{
		open: func(temp string) (*bbolt.DB, error) {
			db, err := realDisk.open(temp)
			if err != nil {
				return nil, err
			}
			image, err := os.ReadFile(temp) // bbolt syncs a file that it has begun
			if err != nil {
				t.Fatal(err)
			}
			made++
			n := made
			j.images, name[n] = append(j.images, image), temp
			j.note(event{file: n, create: true})
			record(db, func() string { return name[n] }, func(w written) { j.note(event{file: n, write: &w}) })
			return db, nil
		},
		sync: func(db *bbolt.DB) error {
			err := realDisk.sync(db)
			j.note(event{file: made, sync: true})
			return err
		},
		rename: func(from, to string) error {
			err := realDisk.rename(from, to)
			j.note(event{file: made, rename: true})
			j.file, name[made] = made, to
			return err
		},
		syncDir: func(dir string) error {
			err := realDisk.syncDir(dir)
			j.note(event{syncDir: true})
			return err
		},
	}
}

// after puts into dir what a power cut behind the first events leaves, and says how many changes were acknowledged, and counts
// what became of a rename that was not on disk for sure.
func (j *journal) after(t *testing.T, r *rand.Rand, cut int, dir string, counts map[string]int) (acked int) {
	t.Helper()
	writes, explicit := make([][]written, len(j.images)), make([]int, len(j.images))
	file, temp := 0, -1 // by name
	var pending []event // changes of names
	apply := func(events []event) {
		for _, e := range events {
			if e.create {
				temp = e.file
			} else {
				file, temp = e.file, -1
			}
		}
	}
	for _, e := range j.events[:cut] {
		switch {
		case e.write != nil:
			writes[e.file] = append(writes[e.file], *e.write)
		case e.sync:
			explicit[e.file] = len(writes[e.file])
			if e.ack {
				acked++
			}
		case e.create, e.rename:
			pending = append(pending, e)
		case e.syncDir:
			apply(pending)
			pending = nil
		}
	}
	n := r.IntN(len(pending) + 1)
	apply(pending[:n])
	for i, e := range pending {
		if e.rename && i < n {
			counts["renamed, and not on disk for sure"]++
		} else if e.rename {
			counts["rename lost"]++
		}
	}
	path := filepath.Join(dir, "cut.db")
	for name, of := range map[string]int{path: file, compactPath(path): temp} {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if of < 0 {
			continue
		}
		content, lost := replayFrom(r, j.images[of], writes[of], max(explicit[of], synced(writes[of])))
		if lost > 0 {
			counts["writes lost or torn"]++
		}
		if of == temp {
			counts["half a file beside it"]++
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return acked
}

// TestPowerCutInCompaction cuts the power amid compactions, with changes before, between and after their steps: what was not
// synced is lost, torn or there, and a new name that the folder was not synced for is there or not. The file must be sound, hold
// exactly what was acknowledged, or the one commit that was under way as well, and have nothing beside it once it is opened.
func TestPowerCutInCompaction(t *testing.T) {
	if !cutsFit(t) {
		return
	}
	r, path, s, image := beforeCuts(t)
	j := &journal{images: [][]byte{image}}
	record(s.db.Load().DB, func() string { return path }, func(w written) { j.note(event{write: &w}) })
	s.disk = j.disk(t, path)

	states := []map[int]string{{}}
	b := &busy{t: t, r: r, s: s, ids: map[int]uint64{}, state: map[int]string{}}
	change := func() {
		b.change()
		j.note(event{file: j.file, sync: true, ack: true})
		states = append(states, b.state)
	}
	var turns []int // renames; where the new file came out no smaller, there is none
	for range 40 {
		for range 15 {
			change()
		}
		from := len(j.events)
		if err := s.Compact(bg, func(int64, int64) { change() }); err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(j.events[from:], func(e event) bool { return e.rename }); i >= 0 {
			turns = append(turns, from+i)
		}
		if len(turns) == 4 {
			break
		}
	}
	change()
	if len(turns) != 4 {
		t.Fatalf("%d renames were seen", len(turns))
	}

	counts := map[string]int{}
	dir := t.TempDir()
	for i := range *cuts {
		cut := r.IntN(len(j.events) + 1)
		if i%2 == 0 { // about a rename
			cut = min(len(j.events), turns[r.IntN(len(turns))]-1+r.IntN(4))
		}
		acked := j.after(t, r, cut, dir, counts)
		bad := filepath.Join(dir, "cut.db")
		report, err := CheckFile(bg, bad, testTimeout)
		if err != nil || len(report.Problems) > 0 {
			t.Fatalf("cut after event %d of %d: %v %+v", cut, len(j.events), err, report)
		}
		got := answers(t, bad)
		if !maps.Equal(got, states[acked]) && (acked+1 == len(states) || !maps.Equal(got, states[acked+1])) {
			t.Fatalf("cut after event %d of %d: %d answers are not those of commit %d", cut, len(j.events), len(got), acked)
		}
		if names := namesIn(t, dir); !slices.Equal(names, []string{"cut.db"}) {
			t.Fatalf("cut after event %d of %d: %q is left", cut, len(j.events), names)
		}
	}
	t.Logf("%d events, renames at %d; %v", len(j.events), turns, counts)
	for _, what := range []string{"rename lost", "renamed, and not on disk for sure", "writes lost or torn", "half a file beside it"} {
		if counts[what] == 0 {
			t.Errorf("%s: never; the simulation simulates nothing", what)
		}
	}
}
