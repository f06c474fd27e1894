package cache

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// crashEnv tells the test binary that it is the child, and which file to write.
const crashEnv = "REPRISE_TEST_CRASH_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		crashChild(path)
		return
	}
	if path := os.Getenv(fullEnv); path != "" {
		fullChild(path)
		return
	}
	os.Exit(m.Run())
}

// crashChild opens the cache and writes from several goroutines until it is killed, or nobody reads. Every
// acknowledgement is printed after the call returned: "put n id" or "del n id"; "try n id" comes before a deletion.
func crashChild(path string) {
	c, err := Open(path, Options{Embedder: newBag()})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var out sync.Mutex
	say := func(what string, n int, id ID) bool {
		out.Lock()
		defer out.Unlock()
		_, err := fmt.Println(what, n, id)
		return err == nil
	}
	first := int(time.Now().UnixMilli()) * 1000 // no number is used by two children
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := first + w; ; n += 4 {
				q, body := crashEntry(n)
				id, err := c.Put(bg, q, Value{Body: body})
				if err != nil {
					fmt.Println("error", err)
					return
				}
				if !say("put", n, id) {
					return
				}
				if n%5 == 0 {
					if !say("try", n, id) { // killed in the deletion, the entry may be there or not
						return
					}
					if err := c.Delete(bg, id); err != nil {
						fmt.Println("error", err)
						return
					}
					if !say("del", n, id) {
						return
					}
				}
			}
		})
	}
	// Beside them the file is compacted, the index's layout written, and what expires swept.
	wg.Go(func() {
		for {
			if _, _, err := c.Compact(bg, nil); err != nil {
				fmt.Println("error", err)
				return
			}
			if err := c.Snapshot(bg); err != nil {
				fmt.Println("error", err)
				return
			}
			soon := ask("soon gone")
			soon.TTL = time.Nanosecond
			if _, err := c.Put(bg, soon, Value{Body: []byte("x")}); err != nil {
				fmt.Println("error", err)
				return
			}
			_ = c.sweep(c.life)
		}
	})
	wg.Wait()
}

// crashEntry makes the n-th entry; its body says which it is, and is long enough to spread over pages.
func crashEntry(n int) (Query, []byte) {
	return ask(fmt.Sprint("what is number ", n)), []byte(strings.Repeat(fmt.Sprintf("<%d>", n), 1+n%400))
}

var kills = flag.Int("kills", 50, "how often TestKill kills a process")

// TestKill kills a process that puts, deletes, sweeps, compacts and snapshots, at random moments. After each, the file must be sound, every
// acknowledged entry there with the right body, and every acknowledged deletion done.
func TestKill(t *testing.T) {
	if raceEnabled {
		// The child would be built with the detector, too, and spend its time there; the plain run has it all.
		killRounds(t, 5)
		return
	}
	killRounds(t, *kills)
}

func killRounds(t *testing.T, rounds int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "crash.db")
	there, gone := map[int]ID{}, map[int]ID{}
	damaged, lost, writes := 0, 0, 0
	for round := range rounds {
		if round%10 == 0 { // a new file now and then: its making is killed, too, and the check stays short
			path = filepath.Join(t.TempDir(), fmt.Sprint(round, ".db"))
			clear(there)
			clear(gone)
		}
		writes += killOnce(t, path, r, there, gone)
		if _, err := os.Stat(path); os.IsNotExist(err) {
			continue // killed before the file was there
		}
		report, err := CheckFile(bg, path)
		if err != nil {
			t.Fatal(err)
		}
		if !report.OK() {
			damaged++
			t.Errorf("round %d: %v", round, report.Problems)
		}
		c, err := Open(path, Options{Embedder: newBag()})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for n, id := range there {
			q, body := crashEntry(n)
			if l := c.Lookup(bg, q); l.Status != HitExact || l.Entry.ID != id || string(l.Entry.Value.Body) != string(body) {
				lost++
				t.Errorf("round %d: acknowledged entry %d: %v %v", round, n, l.Status, l.Err)
			}
		}
		for n, id := range gone {
			if _, err := c.Get(bg, id); err == nil {
				t.Errorf("round %d: deleted entry %d is back", round, n)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("kills %d, acknowledged writes %d, files damaged %d, entries lost %d", rounds, writes, damaged, lost)
	if writes == 0 {
		t.Error("no child ever wrote")
	}
}

// killOnce runs a child, kills it after a random number of acknowledgements, and notes all that it had printed.
func killOnce(t *testing.T, path string, r *rand.Rand, there, gone map[int]ID) int {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+path)
	child.Stderr = os.Stderr
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	// What was printed before the kill is still in the pipe afterwards and counts, whole lines only.
	in := bufio.NewReader(stdout)
	killAt, acks := 1+r.IntN(120), 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break
		}
		var what, hex string
		var n int
		if strings.HasPrefix(line, "error") {
			t.Fatalf("child: %s", line)
		}
		if _, err := fmt.Sscan(line, &what, &n, &hex); err != nil {
			t.Fatalf("child: %s", line)
		}
		id, err := ParseID(hex)
		if err != nil {
			t.Fatalf("child: %s", line)
		}
		acks++
		switch what {
		case "put":
			there[n] = id
		case "try":
			delete(there, n)
		case "del":
			gone[n] = id
		}
		if acks == killAt {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _ = io.Copy(io.Discard, in)
	_ = child.Wait() // killed: always an error
	return acks
}
