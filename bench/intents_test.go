package bench

import (
	"bytes"
	"compress/gzip"
	"reflect"
	"strings"
	"testing"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestIntentsByContent: the same requests in every form that is read.
func TestIntentsByContent(t *testing.T) {
	want := []replayAsk{{"block my card", "block_card"}, {"what, then, is \"it\"", "balance"}}
	lines := `{"text":"block my card","intent":"block_card"}` + "\n\n" + `{"intent":"oos","text":"sing"}` + "\n" + `{"text":"what, then, is \"it\"","intent":"balance"}` + "\n"
	columns := "text,intent\nblock my card,block_card\nsing,oos\n\"what, then, is \"\"it\"\"\",balance\n"
	others := "id,Category,text\r\n1,block_card,block my card\r\n2,balance,\"what, then, is \"\"it\"\"\"\r\n"
	for _, text := range []string{lines, columns, others, "\xef\xbb\xbf" + columns, "\xef\xbb\xbf" + lines, "\n" + lines} {
		for _, form := range []string{text, gzipped(t, text)} {
			if got, err := intentsFrom(strings.NewReader(form)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%.40q: %q, %v", form, got, err)
			}
		}
	}
	if got, err := intentsFrom(strings.NewReader("")); err != nil || len(got) > 0 {
		t.Errorf("an empty file: %q, %v", got, err)
	}
	for text, remedy := range map[string]string{
		"question,intent\nx,y\n":                    "text, and intent or category, must be among them",
		"text,intent\nx,y\nx,\n":                    "line 3: text and intent must be there",
		"text,intent\nx\n":                          "wrong number of fields",
		`{"text":"x","intent":"y"}` + "\n" + `{"a"`: "line 2",
		`{"text":"x"}`:                              "line 1: text and intent must be there",
		gzipped(t, lines)[:20]:                      "EOF",
	} {
		if _, err := intentsFrom(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), remedy) {
			t.Errorf("%.40q: %v, want %q", text, err, remedy)
		}
	}
}

func FuzzIntents(f *testing.F) {
	f.Add("text,intent\na,b\n")
	f.Add(`{"text":"a","intent":"b"}`)
	f.Add("\x1f\x8b")
	f.Fuzz(func(t *testing.T, text string) {
		asks, err := intentsFrom(strings.NewReader(text))
		for _, a := range asks {
			if err == nil && (a.Text == "" || a.Intent == "" || a.Intent == outOfScope) {
				t.Errorf("%q", a)
			}
		}
	})
}
