package cmd_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/reprise-cache/reprise"

// mayImport is the picture of who may import whom: a top-level folder and the folders whose exported packages it may use.
// Below its own folder everyone is free.
var mayImport = map[string][]string{
	"cmd":   {"proxy", "bench", "cache", "index", "embed"},
	"bench": {"proxy", "cache", "embed", "index"},
	"proxy": {"cache"},
	"cache": {"index"},
	"index": nil,
	"embed": nil,
}

// owners says who may import a module from elsewhere, by folder with all below it; modules not named here are free, since
// they decide no layering. Below proxy/internal are packages that keep a file of their own, beside the cache's; all of them
// have it verified by cache/boltfile, which therefore is not internal, and no bbolt type is in its API.
var owners = map[string][]string{
	"go.etcd.io/bbolt":                    {"cache", "proxy/internal"},
	"github.com/philippgille/chromem-go":  {"index", "bench"},
	"github.com/valyala/fasthttp":         {"proxy", "bench", "cmd"},
	"github.com/sashabaranov/go-openai":   {"embed", "proxy", "bench", "cmd"},
	"github.com/alecthomas/kong":          {"cmd"},
	"github.com/knadh/koanf":              {"cmd"},
	"github.com/go-viper/mapstructure/v2": {"cmd"},
	"go.yaml.in/yaml/v3":                  {"cmd"},
}

// libraries export an API; the rest is the binary.
var libraries = []string{"cache", "cache/boltfile", "index", "embed", "proxy", "bench"}

// pkg is what `go list -json` says of a package, as far as the rules need it.
type pkg struct {
	ImportPath, Dir, Export string
	Imports                 []string
	GoFiles, IgnoredGoFiles []string
	Standard                bool
}

// folder is the top-level folder of one of our packages, or "".
func folder(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	top, _, _ := strings.Cut(rest, "/")
	return top
}

func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// forbidden says why a package may not have an import, or "".
func forbidden(from, to string) string {
	src := folder(from)
	if _, ok := mayImport[src]; !ok {
		return fmt.Sprintf("%s is in no folder of the design", from)
	}
	if to == "C" {
		return from + " uses cgo"
	}
	if dst := folder(to); dst != "" && dst != src {
		if !slices.Contains(mayImport[src], dst) {
			return fmt.Sprintf("%s may not import %s: no arrow leads from %s to %s", from, to, src, dst)
		}
	}
	rel := strings.TrimPrefix(from, module+"/")
	for root, who := range owners {
		if within(to, root) && !slices.ContainsFunc(who, func(w string) bool { return within(rel, w) }) {
			return fmt.Sprintf("%s may not import %s: it belongs to %s", from, to, strings.Join(who, ", "))
		}
	}
	return ""
}

// goList runs go list in the module's root for one target architecture.
func goList(t *testing.T, goarch string, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOARCH="+goarch, "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImportsFollowTheDesign(t *testing.T) {
	// Two architectures, because a file for one of them is invisible to the other.
	for _, goarch := range []string{"amd64", "arm64"} {
		pkgs := goList(t, goarch, "./...")
		if len(pkgs) < len(mayImport) {
			t.Fatalf("go list found only %d packages", len(pkgs))
		}
		for _, p := range pkgs {
			for _, imp := range p.Imports {
				if why := forbidden(p.ImportPath, imp); why != "" {
					t.Errorf("%s: %s", goarch, why)
				}
			}
		}
	}
}

func TestImportRuleCanFail(t *testing.T) {
	for _, edge := range [][2]string{
		{"index", "cache"}, {"index", "embed"}, {"embed", "index"}, {"embed/internal/bert", "cache"}, {"cache", "embed"}, {"cache", "proxy"},
		{"cache/internal/store", "proxy"}, {"proxy", "index"}, {"proxy/internal/sse", "embed"}, {"proxy", "bench"}, {"bench", "cmd"}, {"util", "cache"},
	} {
		if forbidden(module+"/"+edge[0], module+"/"+edge[1]) == "" {
			t.Errorf("%s -> %s is allowed", edge[0], edge[1])
		}
	}
	for _, edge := range [][2]string{
		{"proxy", "go.etcd.io/bbolt"}, {"bench", "go.etcd.io/bbolt"}, {"cache", "github.com/valyala/fasthttp"}, {"cache", "github.com/philippgille/chromem-go"},
		{"index", "go.etcd.io/bbolt"}, {"cache", "github.com/sashabaranov/go-openai"}, {"proxy", "github.com/knadh/koanf/v2"}, {"embed", "C"},
	} {
		if forbidden(module+"/"+edge[0], edge[1]) == "" {
			t.Errorf("%s -> %s is allowed", edge[0], edge[1])
		}
	}
	for _, edge := range [][2]string{
		{"cmd/reprise", "proxy"}, {"bench", "embed"}, {"proxy", "cache"}, {"cache", "index"}, {"cache", "cache/internal/store"},
	} {
		if why := forbidden(module+"/"+edge[0], module+"/"+edge[1]); why != "" {
			t.Error(why)
		}
	}
	if why := forbidden(module+"/proxy/internal/keys", "go.etcd.io/bbolt"); why != "" {
		t.Error(why)
	}
}

func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := mayImport[e.Name()]; e.IsDir() && !ok && !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("folder %s is not in the design", e.Name())
		}
	}
}

// envReads finds reads of the environment in a file, with the variable where it is a literal.
func envReads(fset *token.FileSet, f *ast.File) []string {
	var found []string
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok || x.Name != "os" || !slices.Contains([]string{"Getenv", "LookupEnv", "Environ", "ExpandEnv"}, sel.Sel.Name) {
			return true
		}
		name := "?"
		if len(call.Args) == 1 {
			switch a := call.Args[0].(type) {
			case *ast.BasicLit:
				name, _ = strconv.Unquote(a.Value)
			case *ast.Ident:
				if spec, ok := declOf(a); ok {
					name, _ = strconv.Unquote(spec)
				}
			}
		}
		found = append(found, fmt.Sprintf("%s reads %s", fset.Position(call.Pos()), name))
		return true
	})
	return found
}

// declOf is the literal that an identifier of the same file is declared as.
func declOf(id *ast.Ident) (string, bool) {
	if id.Obj == nil {
		return "", false
	}
	spec, ok := id.Obj.Decl.(*ast.ValueSpec)
	if !ok || len(spec.Values) != 1 {
		return "", false
	}
	lit, ok := spec.Values[0].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	return lit.Value, true
}

// TestOnlyCmdReadsTheEnvironment holds for every file that ships, whatever its build tags. The one exception is the
// variable that forces one of embed's or index's kernels, which must work in a program that is not ours.
func TestOnlyCmdReadsTheEnvironment(t *testing.T) {
	for _, p := range goList(t, "amd64", "./...") {
		if folder(p.ImportPath) == "cmd" {
			continue
		}
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, read := range envReads(fset, f) {
				if f := folder(p.ImportPath); (f == "embed" || f == "index") && strings.HasSuffix(read, " reads REPRISE_KERNEL") {
					continue
				}
				t.Error(read)
			}
		}
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", "package x\nimport \"os\"\nvar a, b, c = os.Getenv(\"HOME\"), os.Environ(), len(os.Args)\n", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := envReads(fset, f); len(got) != 2 || !strings.HasSuffix(got[0], "reads HOME") {
		t.Errorf("the rule finds %q", got)
	}
}

// foreign lists the exported things of a package whose type names one from elsewhere than the standard library and us.
func foreign(p *types.Package, standard map[string]bool) []string {
	var found []string
	seen := map[types.Type]bool{}
	var visit func(where string, t types.Type)
	visit = func(where string, t types.Type) {
		if t == nil || seen[t] {
			return
		}
		seen[t] = true
		switch t := t.(type) {
		case *types.Alias:
			visit(where, types.Unalias(t))
		case *types.Named:
			if pkg := t.Obj().Pkg(); pkg != nil && !standard[pkg.Path()] && !within(pkg.Path(), module) {
				found = append(found, where+" names "+t.String())
			}
			for arg := range t.TypeArgs().Types() {
				visit(where, arg)
			}
		case *types.Pointer:
			visit(where, t.Elem())
		case *types.Slice:
			visit(where, t.Elem())
		case *types.Array:
			visit(where, t.Elem())
		case *types.Chan:
			visit(where, t.Elem())
		case *types.Map:
			visit(where, t.Key())
			visit(where, t.Elem())
		case *types.Signature:
			for v := range t.Params().Variables() {
				visit(where, v.Type())
			}
			for v := range t.Results().Variables() {
				visit(where, v.Type())
			}
		case *types.Struct:
			for f := range t.Fields() {
				if f.Exported() {
					visit(where+"."+f.Name(), f.Type())
				}
			}
		case *types.Interface:
			for m := range t.Methods() {
				if m.Exported() {
					visit(where+"."+m.Name(), m.Type())
				}
			}
		}
	}
	for _, name := range p.Scope().Names() {
		obj := p.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		where := p.Path() + "." + name
		visit(where, obj.Type())
		named, ok := obj.Type().(*types.Named)
		if _, isType := obj.(*types.TypeName); !ok || !isType {
			continue
		}
		visit(where, named.Underlying())
		for m := range named.Methods() {
			if m.Exported() {
				visit(where+"."+m.Name(), m.Type())
			}
		}
	}
	return found
}

// TestExportedAPINamesOnlyOurTypes keeps the libraries below replaceable: nobody who imports us depends on them.
func TestExportedAPINamesOnlyOurTypes(t *testing.T) {
	args := []string{"-export", "-deps"}
	for _, lib := range libraries {
		args = append(args, "./"+lib)
	}
	// The rule must bite somewhere: every type in the API of this package is foreign.
	const canary = "github.com/philippgille/chromem-go"
	exports, standard := map[string]string{}, map[string]bool{}
	for _, p := range goList(t, "amd64", args...) {
		exports[p.ImportPath], standard[p.ImportPath] = p.Export, p.Standard
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	load := func(path string) *types.Package {
		t.Helper()
		p, err := imp.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, lib := range libraries {
		for _, f := range foreign(load(module+"/"+lib), standard) {
			t.Error(f)
		}
	}
	if len(foreign(load(canary), standard)) == 0 {
		t.Errorf("the rule finds nothing foreign in %s", canary)
	}
}
