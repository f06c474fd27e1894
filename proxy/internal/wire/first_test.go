package wire

import (
	"errors"
	"testing"
)

func TestReadFirst(t *testing.T) {
	f, err := ReadFirst([]byte(`{"config":{"mode":"ab_test","options":[{"provider":"openai"}]},
		"params":{"messages":[{"role":"user","content":"hi"}],"temperature":0.50,"top_k":3,"stop_sequences":["x"],"organization":"o","timeout":1,"stream":true,"suffix":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(f.Config); got != `{"mode":"ab_test","options":[{"provider":"openai"}]}` {
		t.Errorf("got the config %s", got)
	}
	if got := string(f.Body); got != `{"messages":[{"role":"user","content":"hi"}],"temperature":0.50,"top_k":3,"stop":["x"],"stream":true}` {
		t.Errorf("got %s", got)
	}
}

func TestFirstRefused(t *testing.T) {
	for body, path := range map[string]string{
		`{"params":{}}`:                   "config",
		`{"config":{}}`:                   "params",
		`{"config":{},"params":[]}`:       "params",
		`{"config":7,"params":{}}`:        "config",
		`{"config":7,"params":[]}`:        "config", // the first of the two, each time
		`{"config":{},"params":{},"x":1}`: "x",
	} {
		_, err := ReadFirst([]byte(body))
		var fe *FieldError
		if !errors.As(err, &fe) || fe.Path != path {
			t.Errorf("%s: got %v, want one of %s", body, err, path)
		}
	}
	if _, err := ReadFirst([]byte(`{"config"`)); !errors.As(err, new(*SyntaxError)) {
		t.Errorf("got %v", err)
	}
}

func FuzzFirst(f *testing.F) {
	f.Add([]byte(`{"config":{"mode":"single"},"params":{"prompt":"x","stop":"y","stop_sequences":[],"timeout":null}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := ReadFirst(body)
		if err != nil {
			if !errors.As(err, new(*SyntaxError)) && !errors.As(err, new(*FieldError)) {
				t.Fatal(err)
			}
			return
		}
		if _, err := object(first.Body); err != nil {
			t.Fatalf("%v: %s", err, first.Body)
		}
	})
}
