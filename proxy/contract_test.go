package proxy

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

var (
	quoted   = regexp.MustCompile("`([^`]+)`")
	goTest   = regexp.MustCompile(`^(?:([a-z]+)\.)?(Test[A-Z]\w*)$`)
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
)

// TestContractPage holds CONTRACT.md to the code: what a row says that it is held by is there, and every endpoint and header is in
// a row.
func TestContractPage(t *testing.T) {
	page, err := os.ReadFile("CONTRACT.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{} // by the folder below internal, and the name
	for _, pattern := range []string{"*_test.go", "internal/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			folder := ""
			if dir := filepath.Dir(file); dir != "." {
				folder = filepath.Base(dir) + "."
			}
			for _, m := range testFunc.FindAllSubmatch(source, -1) {
				tests[folder+string(m[1])] = true
			}
		}
	}
	drivers := map[string]string{}
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| ---") || strings.Contains(line, "| Held by |") {
			continue
		}
		rows++
		held := quoted.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(held) == 0 {
			t.Errorf("nothing holds the row %s", line)
		}
		for _, m := range held {
			name := m[1]
			if goTest.MatchString(name) {
				if !tests[name] {
					t.Errorf("there is no test %s, which is to hold %s", name, cells[0])
				}
				continue
			}
			file, text, ok := strings.Cut(name, ": ")
			if !ok {
				t.Errorf("%q is neither a test nor a driver's case", name)
				continue
			}
			if drivers[file] == "" {
				source, err := os.ReadFile(filepath.Join("testdata", "clients", file))
				if err != nil {
					t.Errorf("%q: %v", name, err)
					continue
				}
				drivers[file] = string(source)
			}
			if !strings.Contains(drivers[file], text) {
				t.Errorf("%s has no case %q, which is to hold %s", file, text, cells[0])
			}
		}
	}
	if rows < 50 {
		t.Errorf("only %d rows were read", rows)
	}

	var wanted []string
	for _, d := range wire.Dialects {
		wanted = append(wanted, "POST "+d.Path)
	}
	for path := range maps.Keys(firstPaths) {
		wanted = append(wanted, "POST "+path)
	}
	wanted = append(wanted, "POST "+wire.Embeddings.Path, feedbackPath, cachesPath, adminPath, "/healthz", "/readyz", "/metrics")
	for _, row := range adminRoutes {
		wanted = append(wanted, "`"+row.method+" "+row.pattern+"`")
	}
	for _, word := range ownWords {
		wanted = append(wanted, "`"+strings.ToLower(portkeyPrefix+word)+"`")
	}
	for _, name := range [][]byte{hCacheStatus, hTraceID, hRetries, hOption, hProvider, hConfig, hXCache, hAge, hEntry, hSimilarity, hConfidence, hReason,
		hWouldServe, hExplain, hTurns, hWarning, hUsage, hTiming} {
		wanted = append(wanted, "`"+strings.ToLower(string(name))+"`")
	}
	for _, w := range slices.Compact(slices.Sorted(slices.Values(wanted))) {
		if !strings.Contains(string(page), w) {
			t.Errorf("CONTRACT.md does not have %s", w)
		}
	}
}
