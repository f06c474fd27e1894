package wire

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestLangBodies(t *testing.T) {
	s, err := ReadLangSearch([]byte(`{"prompt":"p","similarityThreshold":0.9,"searchStrategies":["exact","semantic"],"attributes":{"a":"b"},"maxResults":3,"context":["q"]}`), true)
	if err != nil || s.Prompt != "p" || s.Threshold != 0.9 || !s.Exact || !s.Semantic || s.SemanticFirst || s.Attributes["a"] != "b" || s.MaxResults != 3 || s.Context[0] != "q" {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err := ReadLangSearch([]byte(`{"prompt":"p"}`), false); err != nil || s.Exact || !s.Semantic || s.MaxResults != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
	e, err := ReadLangEntry([]byte(`{"prompt":"p","response":"","attributes":{"b":"2","a":"1"},"ttlMillis":1500}`))
	if err != nil || e.TTL != 1500*time.Millisecond {
		t.Fatalf("got %+v, %v", e, err)
	}
	if got := string(e.Body()); got != `{"prompt":"p","response":"","attributes":{"a":"1","b":"2"}}` {
		t.Errorf("got %s", got)
	}
	if !e.Matches(nil) || !e.Matches(map[string]string{"a": "1"}) || e.Matches(map[string]string{"a": "2"}) || e.Matches(map[string]string{"c": "1"}) {
		t.Error("an entry matches what is among its attributes, and nothing else")
	}
	if e.Variant() == (&LangEntry{Attributes: map[string]string{"a": "1"}}).Variant() || (&LangEntry{}).Variant() != [32]byte{} {
		t.Error("the variant does not follow the attributes")
	}
	for body, path := range map[string]string{
		`{}`:                                          "prompt",
		`{"prompt":""}`:                               "prompt",
		`{"prompt":7}`:                                "prompt",
		`{"prompt":"p","promptt":1}`:                  "promptt",
		`{"prompt":"p","context":["q"]}`:              "context",
		`{"prompt":"p","maxResults":0}`:               "maxResults",
		`{"prompt":"p","maxResults":101}`:             "maxResults",
		`{"prompt":"p","attributes":{"a":1}}`:         "attributes.a",
		`{"prompt":"p","similarityThreshold":1.5}`:    "similarityThreshold",
		`{"prompt":"p","searchStrategies":[]}`:        "searchStrategies",
		`{"prompt":"p","searchStrategies":["fuzzy"]}`: "searchStrategies[0]",
	} {
		var fe *FieldError
		if _, err := ReadLangSearch([]byte(body), false); !errors.As(err, &fe) || fe.Path != path {
			t.Errorf("%s: got %v, want %s", body, err, path)
		}
	}
	for body, path := range map[string]string{
		`{"prompt":"p"}`:   "response",
		`{"response":"r"}`: "prompt",
		`{"prompt":"p","response":"r","ttlMillis":0}`:   "ttlMillis",
		`{"prompt":"p","response":"r","ttlMillis":"1"}`: "ttlMillis",
	} {
		var fe *FieldError
		if _, err := ReadLangEntry([]byte(body)); !errors.As(err, &fe) || fe.Path != path {
			t.Errorf("%s: got %v, want %s", body, err, path)
		}
	}
	if _, err := ReadLangAttributes([]byte(`{"attributes":{}}`)); err == nil {
		t.Error("an empty set of attributes would delete everything")
	}
}

func FuzzLangEntry(f *testing.F) {
	f.Add([]byte(`{"prompt":"p","response":"r","attributes":{"a":"\u0000"},"ttlMillis":1e300}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, conversation := range []bool{false, true} {
			if _, err := ReadLangSearch(body, conversation); err != nil && !errors.As(err, new(*SyntaxError)) && !errors.As(err, new(*FieldError)) {
				t.Fatal(err)
			}
		}
		_, _ = ReadLangAttributes(body)
		e, err := ReadLangEntry(body)
		if err != nil {
			return
		}
		if e.TTL < 0 {
			t.Fatalf("TTL %v", e.TTL)
		}
		again, err := ReadLangEntry(e.Body())
		if err != nil {
			t.Fatalf("%v: %s", err, e.Body())
		}
		e.TTL = 0
		if len(e.Attributes) == 0 {
			e.Attributes, again.Attributes = nil, nil
		}
		if !reflect.DeepEqual(e, again) {
			t.Fatalf("got %+v, want %+v", again, e)
		}
	})
}
