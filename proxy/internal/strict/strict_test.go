package strict

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// thing is what the tests read.
type thing struct {
	name  string
	share float64
	sizes []int
}

var things = Table[*thing]{
	In("name", "What it is called.", Filled(8), func(t *thing, _, s string) error { t.name = s; return nil }),
	In("share", "How much of it.", Number(Range{Min: new(float64), Max: bound(1)}, "a share, 0 to 1"), func(t *thing, _ string, f float64) error { t.share = f; return nil }),
	In("sizes", "How large.", List(Whole(1, 9), 1, 3), func(t *thing, _ string, n []int) error { t.sizes = n; return nil }),
	Older(In("title", "The old name.", Text, func(t *thing, path, s string) error {
		if s == "taken" {
			return Wrong(path, "is taken")
		}
		t.name = s
		return nil
	})),
}

func bound(f float64) *float64 { return &f }

func TestRead(t *testing.T) {
	var got thing
	if err := things.Read(&got, "a", jsontext.Value(`{"name":"x","share":0.5,"sizes":[1,2],"title":null}`)); err != nil || got.name != "x" || got.share != 0.5 || len(got.sizes) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	for text, paths := range map[string]string{
		`{"name":"","share":2,"sizes":[0,10,"x"]}`: "a.name a.share a.sizes[0] a.sizes[1] a.sizes[2]",
		`{"sizes":[]}`:                     "a.sizes",
		`{"sizes":[1,2,3,4]}`:              "a.sizes[3]",
		`{"nam":"x","title":"taken"}`:      "a.nam a.title",
		`{"name":"much too long"}`:         "a.name",
		`{"name":"x","name":"y"}`:          "a",
		`{"name":"x"} 1`:                   "a",
		`{"name":`:                         "a",
		`[]`:                               "a",
		`{"share":1e999}`:                  "a.share",
		`{"title":"a\u0000b","share":"1"}`: "a.title a.share",
	} {
		err := things.Read(&thing{}, "a", jsontext.Value(text))
		var at []string
		for _, e := range Errors(err) {
			at = append(at, e.Path)
		}
		if strings.Join(at, " ") != paths {
			t.Errorf("%s: complaints at %q, want %q", text, at, paths)
		}
	}
}

// TestComplaintsHaveAnEnd: what somebody sends does not decide how long the answer is.
func TestComplaintsHaveAnEnd(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"sizes":[` + strings.Repeat(`0,`, 1000) + `0]`)
	for i := range 1000 {
		text.WriteString(`,"` + strings.Repeat("z", i+1) + `":1`)
	}
	text.WriteByte('}')
	err := things.Read(&thing{}, "", jsontext.Value(text.String()))
	if n := len(Errors(err)); n != maxErrors {
		t.Errorf("%d complaints, want %d", n, maxErrors)
	}
	if n := len(err.Error()); n > maxErrors*600 {
		t.Errorf("the complaints have %d bytes", n)
	}
}

func TestErrorsKeepWhatMayBeSecret(t *testing.T) {
	const secret = "sk-planted-0123456789-0123456789"
	for _, text := range []string{`{"name":"` + secret + `"}`, `{"share":"` + secret + `"}`, `{"sizes":"` + secret + `"}`, `{"sizes":["` + secret + `"]}`, `{"sizes":{"` + secret + `":1}}`, `{"title":["` + secret + `"]}`, `"` + secret + `"`} {
		if err := things.Read(&thing{}, "", jsontext.Value(text)); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := OneOf("a", "b").Read("x", jsontext.Value(`"`+secret+`"`)); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a word: %v", err)
	}
}

func TestErrors(t *testing.T) {
	one, two := Wrong("a", "x"), Wrong("b", "y")
	if got := Errors(errors.Join(errors.New("other"), errors.Join(one, two))); len(got) != 2 || got[0].Path != "a" || got[1].Path != "b" {
		t.Errorf("got %v", got)
	}
	if Errors(nil) != nil || All(nil) != nil || len(All(one)) != 1 {
		t.Error("no error has complaints")
	}
	known := At("p", func(string) error { return &Error{Code: "unknown_provider", Message: "m"} }, "v")
	if e := Errors(known)[0]; e.Path != "p" || e.Code != "unknown_provider" {
		t.Errorf("got %+v", e)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{`{"name":"x","sizes":[1]}`, `{"share":0.1,"title":null}`, `{"a":{"b":[1,{}]}}`, "{\"name\":\"\\ud800\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got thing
		err := things.Read(&got, "p", jsontext.Value(text))
		if err != nil && len(Errors(err)) == 0 {
			t.Fatalf("an error that is none of ours: %v", err)
		}
		if err == nil && (len(got.name) > 8 && !strings.Contains(string(text), "title") || got.share < 0 || got.share > 1 || len(got.sizes) > 3) {
			t.Fatalf("%s was read as %+v", text, got)
		}
	})
}
