package sse

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

type seen struct{ Name, Data string }

// decode feeds s in pieces of size n.
func decode(t testing.TB, s string, n int, flush bool) []seen {
	t.Helper()
	var out []seen
	var d Decoder
	emit := func(e Event) error { out = append(out, seen{e.Name, string(e.Data)}); return nil }
	for b := []byte(s); len(b) > 0; {
		k := min(n, len(b))
		if err := d.Feed(b[:k], emit); err != nil {
			t.Fatalf("feed %q: %v", b[:k], err)
		}
		b = b[k:]
	}
	if flush {
		if err := d.Flush(emit); err != nil {
			t.Fatalf("flush: %v", err)
		}
	}
	return out
}

func TestDecoder(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		flush    bool
		want     []seen
	}{
		{"lf", "data: a\n\ndata: b\n\n", false, []seen{{"", "a"}, {"", "b"}}},
		{"cr", "data: a\r\rdata: b\r\r", false, []seen{{"", "a"}, {"", "b"}}},
		{"crlf", "data: a\r\n\r\ndata: b\r\n\r\n", false, []seen{{"", "a"}, {"", "b"}}},
		{"mixed", "data: a\r\n\ndata: b\n\r\n", false, []seen{{"", "a"}, {"", "b"}}},
		{"byte order mark", "\xef\xbb\xbfdata: a\n\n", false, []seen{{"", "a"}}},
		{"mark only at the start", "data: a\n\n\xef\xbb\xbfdata: b\n\n", false, []seen{{"", "a"}}},
		{"comment", ": keep-alive\n\ndata: a\n: x\n\n", false, []seen{{"", "a"}}},
		{"many lines", "data: a\ndata:b\ndata:  c\n\n", false, []seen{{"", "a\nb\n c"}}},
		{"empty data", "data\n\ndata:\n\n", false, []seen{{"", ""}, {"", ""}}},
		{"name", "event: error\nid: 4\nretry: 3\ndata: a\n\ndata: b\n\n", false, []seen{{"error", "a"}, {"", "b"}}},
		{"name without data", "event: x\n\ndata: b\n\n", false, []seen{{"", "b"}}},
		{"unfinished is kept back", "data: a\n\ndata: b\n", false, []seen{{"", "a"}}},
		{"unfinished is flushed", "data: a\n\ndata: b", true, []seen{{"", "a"}, {"", "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n := 1; n <= len(tt.in); n++ {
				if got := decode(t, tt.in, n, tt.flush); !reflect.DeepEqual(got, tt.want) {
					t.Fatalf("in pieces of %d: got %q, want %q", n, got, tt.want)
				}
			}
		})
	}
}

func TestDecoderLimit(t *testing.T) {
	keep := func(Event) error { return nil }
	for _, in := range []string{strings.Repeat("x", 11), "data: " + strings.Repeat("y", 8) + "\n", "data: 123\ndata: 456\ndata: 789\n"} {
		d := Decoder{MaxBytes: 10}
		if err := d.Feed([]byte(in), keep); !errors.Is(err, ErrTooLong) {
			t.Errorf("%q: got %v, want ErrTooLong", in, err)
		}
	}
}

func TestDecoderStopsAtCallbackError(t *testing.T) {
	stop := errors.New("stop")
	n := 0
	var d Decoder
	err := d.Feed([]byte("data: a\n\ndata: b\n\n"), func(Event) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("got %v after %d events, want the callback's error after 1", err, n)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add("data: a\r\n\r\nevent: x\ndata: b\n\n", 3)
	f.Add("\xef\xbb\xbf: c\rdata\r\r", 1)
	f.Fuzz(func(t *testing.T, in string, n int) {
		if n < 1 {
			n = 1
		}
		if got, want := decode(t, in, n, true), decode(t, in, len(in)+1, true); !reflect.DeepEqual(got, want) {
			t.Fatalf("pieces of %d give %q, one piece %q", n, got, want)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("error", []byte("a\nb\r\nc\rd"))
	f.Add("", []byte(""))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if strings.ContainsAny(name, "\r\n") {
			return
		}
		want := bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
		got := decode(t, string(AppendEvent(nil, name, data)), 7, false)
		if len(got) != 1 || got[0].Name != name || got[0].Data != string(want) {
			t.Fatalf("got %q, want one event %q with %q", got, name, want)
		}
	})
}
