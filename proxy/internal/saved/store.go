package saved

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

const (
	// MaxBytes is the largest text of a config.
	MaxBytes = 64 << 10
	// maxFiles is how many a folder may have, and one more while a config is being deleted, which begins with a file that says so.
	// All of them are kept in memory.
	maxFiles = 4096
	// freshFor is how long what was read counts without another look.
	freshFor = time.Second
)

var (
	// ErrNotFound: there is no such config, or no such version of it.
	ErrNotFound = errors.New("saved: not found")
	// ErrFull: the folder has as many files as it may.
	ErrFull = fmt.Errorf("saved: the folder has %d configs and versions, which is the most: delete some", maxFiles)
)

// Version is one text that a config had.
type Version struct {
	N        int
	Modified time.Time
	Text     []byte
}

func (v *Version) deleted() bool { return string(bytes.TrimSpace(v.Text)) == "null" }

// View is what the folder had at one moment. It is not changed.
type View struct {
	configs map[string][]Version // by id, oldest first; deleted ones included
	Number  uint64               // another one for each view that differs
}

// alive returns the versions since the config was last deleted.
func (v *View) alive(id string) []Version {
	all := v.configs[id]
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].deleted() {
			return all[i+1:]
		}
	}
	return all
}

// Get returns a version of a config; 0 is the newest.
func (v *View) Get(id string, n int) (Version, error) {
	versions := v.alive(id)
	if n == 0 && len(versions) > 0 {
		return versions[len(versions)-1], nil
	}
	if i := slices.IndexFunc(versions, func(x Version) bool { return x.N == n }); i >= 0 {
		return versions[i], nil
	}
	if n == 0 {
		return Version{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return Version{}, fmt.Errorf("%w: %s@%d", ErrNotFound, id, n)
}

// Versions returns those of a config, oldest first.
func (v *View) Versions(id string) []Version { return slices.Clone(v.alive(id)) }

// IDs lists the configs, sorted.
func (v *View) IDs() []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(v.configs)) {
		if len(v.alive(id)) > 0 {
			out = append(out, id)
		}
	}
	return out
}

// with returns the view as it would be with another version of a config.
func (v *View) with(id string, next Version) *View {
	out := &View{configs: maps.Clone(v.configs), Number: v.Number}
	out.configs[id] = append(slices.Clone(v.configs[id]), next)
	return out
}

// next is the number of the version to come.
func (v *View) next(id string) int {
	if all := v.configs[id]; len(all) > 0 {
		return all[len(all)-1].N + 1
	}
	return 1
}

// Store is a folder of configs. Safe for concurrent use.
type Store struct {
	dir   string
	check func(text []byte) error // what a file has to pass

	view   atomic.Pointer[View]
	looked atomic.Int64 // when the folder was last read, in Unix nanoseconds

	mu       sync.Mutex // guards reading and writing the folder, and all below
	files    map[string]file
	problems []string
}

// file is what is known of one.
type file struct {
	id   string
	n    int
	size int64
	time time.Time
	text []byte // as it was when it last passed
}

// Open reads a folder. check says whether a text can be used at all. The error holds every complaint.
func Open(dir string, check func(text []byte) error) (*Store, error) {
	s := &Store{dir: dir, check: check, files: map[string]file{}}
	s.view.Store(&View{configs: map[string][]Version{}})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.read(); err != nil {
		return nil, err
	}
	if len(s.problems) > 0 {
		var errs []error
		for _, p := range s.problems {
			errs = append(errs, errors.New(p))
		}
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// View returns what the folder has.
func (s *Store) View() *View {
	if time.Since(time.Unix(0, s.looked.Load())) >= freshFor && s.mu.TryLock() {
		s.again()
		s.mu.Unlock()
	}
	return s.view.Load()
}

// Problems lists what could not be used when the folder was last read.
func (s *Store) Problems() []string {
	s.View()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.problems)
}

// again reads the folder. If it cannot be read, what is known stays. The caller holds mu.
func (s *Store) again() {
	if err := s.read(); err != nil {
		s.problems = []string{err.Error()}
	}
}

// name is how a version's file is called; its number is left out of the first one that somebody wrote by hand.
var name = regexp.MustCompile(`^([A-Za-z0-9_-][A-Za-z0-9_.-]{0,63})@([1-9][0-9]{0,8})\.json$|^([A-Za-z0-9_-][A-Za-z0-9_.-]{0,63})\.json$`)

// ValidID reports whether a config may be called so.
func ValidID(id string) bool {
	m := name.FindStringSubmatch(id + ".json")
	return m != nil && m[3] == id
}

// parseName takes a file's name apart.
func parseName(base string) (id string, n int, ok bool) {
	m := name.FindStringSubmatch(base)
	if m == nil {
		return "", 0, false
	}
	if m[3] != "" {
		return m[3], 1, true
	}
	n, err := strconv.Atoi(m[2])
	return m[1], n, err == nil
}

// read brings what is known up to what the folder has. The caller holds mu.
func (s *Store) read() error {
	s.looked.Store(time.Now().UnixNano())
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	files, taken, problems, changed := map[string]file{}, map[string]string{}, []string{}, false
	bad := func(base, format string, args ...any) {
		problems = append(problems, filepath.Join(s.dir, base)+": "+fmt.Sprintf(format, args...))
	}
	for _, e := range entries {
		base := e.Name()
		if base[0] == '.' || filepath.Ext(base) != ".json" {
			continue // hidden ones are those that are being written, and a mounted volume's own
		}
		id, n, ok := parseName(base)
		if !ok {
			bad(base, "is not the name of a config: write ID.json or ID@N.json, the id 1 to 64 letters, digits, \"-\", \"_\" and \".\"")
			continue
		}
		key := id + "@" + strconv.Itoa(n)
		if other := taken[key]; other != "" {
			bad(base, "is version %d of %s, and so is %s: rename one", n, id, other)
			continue
		}
		if len(files) > maxFiles {
			bad(base, "is one too many: %d are read", maxFiles)
			break
		}
		taken[key] = base
		old, known := s.files[base]
		f, again, err := s.readFile(base, old, known)
		if err != nil {
			bad(base, "%v", err)
			if !known {
				continue
			}
		}
		f.id, f.n = id, n
		files[base] = f
		changed = changed || again
	}
	changed = changed || len(files) != len(s.files)
	s.files, s.problems = files, problems
	if changed {
		s.publish()
	}
	return nil
}

// readFile returns a file as it is now, or as it was if it cannot be used, and whether its text is another.
func (s *Store) readFile(base string, old file, known bool) (f file, changed bool, err error) {
	path := filepath.Join(s.dir, base)
	info, err := os.Stat(path)
	if err != nil {
		return old, false, err
	}
	if known && info.Size() == old.size && info.ModTime().Equal(old.time) {
		return old, false, nil
	}
	if !info.Mode().IsRegular() || info.Size() > MaxBytes {
		return old, false, fmt.Errorf("is no file of at most %d bytes", MaxBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return old, false, err
	}
	v := Version{Text: text}
	if !v.deleted() {
		if err := s.check(text); err != nil {
			return old, false, err
		}
	}
	return file{size: info.Size(), time: info.ModTime(), text: text}, !known || !bytes.Equal(text, old.text), nil
}

// publish makes a view of the files. The caller holds mu.
func (s *Store) publish() {
	v := &View{configs: map[string][]Version{}, Number: s.view.Load().Number + 1}
	for _, f := range s.files {
		v.configs[f.id] = append(v.configs[f.id], Version{f.n, f.time, f.text})
	}
	for _, versions := range v.configs {
		sort.Slice(versions, func(i, j int) bool { return versions[i].N < versions[j].N })
	}
	s.view.Store(v)
}

// Put saves a text as the next version of a config, or returns the newest if that has the same text. It is durable when it
// returns. allow is asked about the view that there would be; it runs under the store's lock, so that nothing changes
// between its answer and the write.
func (s *Store) Put(id string, text []byte, allow func(*View) error) (v Version, isNew bool, err error) {
	text = append(bytes.TrimSpace(text), '\n')
	return s.add(id, text, allow)
}

// Delete deletes a config with all its versions.
func (s *Store) Delete(id string, allow func(*View) error) error {
	s.mu.Lock()
	s.again()
	s.mu.Unlock()
	if _, err := s.View().Get(id, 0); err != nil {
		return err
	}
	gone, _, err := s.add(id, []byte("null\n"), allow)
	if err != nil {
		return err
	}
	// The text that says so is there, so that from here on a failure or a crash loses nothing but tidiness.
	s.mu.Lock()
	defer s.mu.Unlock()
	for base, f := range s.files {
		if f.id == id && f.n < gone.N {
			err = errors.Join(err, os.Remove(filepath.Join(s.dir, base)))
		}
	}
	s.again()
	return err
}

func (s *Store) add(id string, text []byte, allow func(*View) error) (Version, bool, error) {
	if !ValidID(id) {
		return Version{}, false, fmt.Errorf("saved: the id %.80q is not made of 1 to 64 letters, digits, \"-\", \"_\" and \".\", not beginning with a dot", id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for range 100 { // another process may be faster, but hardly as often
		s.again()
		view := s.view.Load()
		if newest, err := view.Get(id, 0); err == nil && bytes.Equal(bytes.TrimSpace(newest.Text), bytes.TrimSpace(text)) {
			return newest, false, nil
		}
		next := Version{N: view.next(id), Modified: time.Now(), Text: text}
		if len(s.files) >= maxFiles && !next.deleted() {
			return Version{}, false, ErrFull
		}
		if allow != nil {
			if err := allow(view.with(id, next)); err != nil {
				return Version{}, false, err
			}
		}
		err := s.write(id+"@"+strconv.Itoa(next.N)+".json", text)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return Version{}, false, err
		}
		s.again()
		return next, true, nil
	}
	return Version{}, false, fmt.Errorf("saved: others keep saving %s: try again", id)
}

// write makes a new file, whole or not at all.
func (s *Store) write(base string, text []byte) (err error) {
	tmp, err := os.CreateTemp(s.dir, ".saving-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	// A link, unlike a renaming, never takes another's name away.
	if err := os.Link(tmp.Name(), filepath.Join(s.dir, base)); err != nil {
		return err
	}
	return boltfile.SyncDir(s.dir)
}
