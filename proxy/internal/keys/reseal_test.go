package keys

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var otherSeal = SealKey{key: bytes.Repeat([]byte{9}, sealKeyLen)}

// TestResealOnWindows touches nothing where the last step could not be done.
func TestResealOnWindows(t *testing.T) {
	s := tempStore(t)
	addVirtual(t, s, "one", Limits{}, planted)
	before, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.system = "windows"
	if _, err := s.Reseal(otherSeal); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "copy of the file") {
		t.Error(err)
	}
	if after, err := os.ReadFile(s.path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the file was changed, %v", err)
	}
	if _, err := os.Stat(s.path + resealSuffix); !os.IsNotExist(err) {
		t.Errorf("something was made beside the file: %v", err)
	}
	if v, err := s.Secret("one"); v != planted || err != nil {
		t.Errorf("%q, %v", v, err)
	}
}

func TestReseal(t *testing.T) {
	phrase, err := Passphrase("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	s := tempStore(t)
	info, token, _ := s.AddGateway(GatewaySpec{Label: "team"})
	addVirtual(t, s, "one", Limits{RPM: 5}, planted+"-1", planted+"-2")
	addVirtual(t, s, "two", Limits{}, planted+"-3")
	g, err := s.Authenticate([]byte(token))
	if err != nil {
		t.Fatal(err)
	}
	g.Use(7, 0.25)
	if v, err := s.Secret("one"); v != planted+"-1" || err != nil {
		t.Fatal(v, err)
	}
	was := testSeal
	for i, is := range []SealKey{otherSeal, phrase, testSeal} {
		var boxes [][]byte
		for _, v := range s.virtuals() {
			boxes = append(boxes, []byte(base64.StdEncoding.EncodeToString(v.rec.Box)))
		}
		if n, err := s.Reseal(is); n != 2 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		raw, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range boxes {
			if bytes.Contains(raw, b) {
				t.Error("the file has a box that the old key opens")
			}
		}
		if fi, err := os.Stat(s.path); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", fi.Mode(), err)
		}
		// It goes on to be used as it is open.
		if v, err := s.Secret("one"); v != planted+"-2" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		addVirtual(t, s, fmt.Sprint("later", i), Limits{}, planted)
		if err := s.RevokeVirtual(fmt.Sprint("later", i)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(s.path, Options{Seal: was}); !errors.Is(err, ErrSealKey) {
			t.Errorf("by the old key: %v", err)
		}
		s = open(t, s.path, is)
		if v, err := s.Secret("two"); v != planted+"-3" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
		if v, err := s.Secret("one"); v != planted+"-1" || err != nil { // turns begin anew with the process
			t.Errorf("%q, %v", v, err)
		}
		if got, _ := s.GatewayByID(info.ID); got.Spent.Tokens != 7 || got.Spent.TotalSum != 0.25 {
			t.Errorf("%+v", got.Spent)
		}
		if _, err := s.Authenticate([]byte(token)); err != nil {
			t.Error(err)
		}
		was = is
	}
}

func TestResealIsRefused(t *testing.T) {
	s := tempStore(t)
	addVirtual(t, s, "v", Limits{}, planted)
	if _, err := s.Reseal(SealKey{}); err == nil {
		t.Error("with nothing")
	}
	// Where it cannot be done, all is as it was.
	block := s.path + resealSuffix
	if err := os.MkdirAll(filepath.Join(block, "not-empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reseal(otherSeal); err == nil {
		t.Error("over a folder that is in the way")
	}
	addVirtual(t, s, "w", Limits{}, planted)
	if err := os.RemoveAll(block); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, SealKey{})
	if _, err := s.Reseal(otherSeal); !errors.Is(err, ErrNoSealKey) {
		t.Errorf("without the present key: %v", err)
	}
	s = reopen(t, s, testSeal)
	if err := errors.Join(s.RevokeVirtual("v"), s.RevokeVirtual("w")); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, SealKey{})
	if _, err := s.Reseal(otherSeal); !errors.Is(err, ErrNoSealKey) { // or anybody could give the file a key of his own
		t.Errorf("sealed, empty, and without the key: %v", err)
	}
	fresh, err := Open(filepath.Join(t.TempDir(), "keys.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fresh.Close() })
	if n, err := fresh.Reseal(otherSeal); n != 0 || err != nil {
		t.Errorf("never sealed: %d, %v", n, err)
	}
	addVirtual(t, fresh, "v", Limits{}, planted)
	reopen(t, fresh, otherSeal)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reseal(testSeal); err == nil {
		t.Error("after Close")
	}
}

// TestResealThroughALink: what a link leads to is replaced, and not the link.
func TestResealThroughALink(t *testing.T) {
	dir := t.TempDir()
	link, real := filepath.Join(dir, "link.db"), filepath.Join(dir, "elsewhere", "keys.db")
	if err := errors.Join(os.Mkdir(filepath.Dir(real), 0o700), os.Symlink(real, link)); err != nil {
		t.Fatal(err)
	}
	s := open(t, link, testSeal)
	addVirtual(t, s, "v", Limits{}, planted)
	if _, err := s.Reseal(otherSeal); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err := open(t, real, otherSeal).Secret("v"); v != planted || err != nil {
		t.Error(v, err)
	}
}

// TestWaitingForAResealedFile: who waited for the file's lock must not get the one that lost its name.
func TestWaitingForAResealedFile(t *testing.T) {
	s := tempStore(t)
	addVirtual(t, s, "v", Limits{}, planted)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			other, err := Open(s.path, Options{Seal: otherSeal, LockTimeout: time.Minute})
			if err != nil {
				t.Errorf("by the new key: %v", err)
				return
			}
			if v, err := other.Secret("v"); v != planted || err != nil {
				t.Error(v, err)
			}
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := s.Reseal(otherSeal); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}

const resealChild = "REPRISE_TEST_RESEAL"

// TestKillWhileResealing kills a process that seals back and forth. What is left opens by one key or the other, whole.
func TestKillWhileResealing(t *testing.T) {
	if path := os.Getenv(resealChild); path != "" {
		resealForever(path)
		return
	}
	path := filepath.Join(t.TempDir(), "keys.db")
	s := open(t, path, testSeal)
	_, token, err := s.AddGateway(GatewaySpec{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		addVirtual(t, s, fmt.Sprint("v", i), Limits{}, fmt.Sprint(planted, i))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	leftovers := 0
	for range 6 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKillWhileResealing$")
		cmd.Env = append(os.Environ(), resealChild+"="+path)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 1 + rng.IntN(4); n > 0 && lines.Scan(); n-- {
		}
		for range rng.IntN(1 << 16) { // somewhere in the next one
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		if _, err := os.Stat(path + resealSuffix); err == nil {
			leftovers++
		}
		s, err := Open(path, Options{Seal: testSeal})
		if errors.Is(err, ErrSealKey) {
			s, err = Open(path, Options{Seal: otherSeal})
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if v, err := s.Secret(fmt.Sprint("v", i)); v != fmt.Sprint(planted, i) || err != nil {
				t.Errorf("v%d: %v", i, err)
			}
		}
		if _, err := s.Authenticate([]byte(token)); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path + resealSuffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("what the killed one left is still there: %v", err)
		}
	}
	t.Logf("%d of 6 were killed with a file half made", leftovers)
}

func resealForever(path string) {
	is, next := testSeal, otherSeal
	s, err := Open(path, Options{Seal: is})
	if errors.Is(err, ErrSealKey) {
		is, next = next, is
		s, err = Open(path, Options{Seal: is})
	}
	for err == nil {
		_, err = s.Reseal(next)
		is, next = next, is
		fmt.Println("sealed")
	}
	fmt.Fprintln(os.Stderr, strings.TrimSpace(err.Error()))
	os.Exit(3)
}
