package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// turns are virtual keys of which each has two secrets, both of them ready again at once.
type turns struct{ n atomic.Int64 }

func (*turns) Provider(string) (string, bool) { return "main", true }

func (t *turns) Secret(context.Context, string) (string, error) {
	return "secret-" + strconv.FormatInt(t.n.Add(1)%2, 10), nil
}

func (*turns) Answered(string, string, int, time.Duration) bool { return true }

func (*turns) Used(string, int, float64) {}

// TestRefusedSecretsAreTriedOnce holds that a provider which refuses every secret, and says that it will not for long, is not called
// over and over.
func TestRefusedSecretsAreTriedOnce(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(429)
		io.WriteString(w, `{"error":{"message":"slow down"}}`)
	}, func(c *Config) { c.VirtualKeys, c.UpstreamTimeout = &turns{}, time.Second })
	if a := r.ask("x", "", "x-portkey-virtual-key", "team"); a.StatusCode != 429 || !strings.Contains(a.body, "slow down") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if n := r.calls.Load(); n < 2 || n > 3 {
		t.Errorf("two secrets were tried %d times", n)
	}
}

// user is virtual keys that count what they are used for.
type user struct {
	turns
	used atomic.Int64
}

func (*user) Answered(string, string, int, time.Duration) bool { return false }

func (u *user) Used(string, int, float64) { u.used.Add(1) }

// TestVirtualKeyPaysForItsOwnCalls holds that a virtual key is not charged for a call that was made with the caller's own key.
func TestVirtualKeyPaysForItsOwnCalls(t *testing.T) {
	var u user
	var got seen
	r := newRig(t, got.provider(answerWith("x")), func(c *Config) { c.VirtualKeys = &u })
	for _, tt := range []struct {
		header []string
		sent   string // but for its last character
		used   int64
	}{
		{[]string{"x-portkey-virtual-key", "team"}, "Bearer secret-", 1},
		{[]string{"x-portkey-virtual-key", "team", "x-portkey-config", `{"api_key":"sk-callers"}`}, "Bearer sk-caller", 1},
		{[]string{"x-portkey-config", `{"virtual_key":"team","api_key":"sk-callers"}`}, "Bearer sk-caller", 1},
		{[]string{"x-portkey-config", `{"virtual_key":"team"}`}, "Bearer secret-", 2},
	} {
		a := r.ask("x", "", append(tt.header, "cache-control", "no-store")...)
		if sent := got.take(); a.StatusCode != 200 || len(sent) == 0 || sent[:len(sent)-1] != tt.sent || u.used.Load() != tt.used {
			t.Errorf("%v: %d, %q was sent, and the virtual key used %d times, want %d", tt.header, a.StatusCode, sent, u.used.Load(), tt.used)
		}
	}
}

// TestVirtualKeyAtACustomHost holds that a virtual key goes to no host of the caller's choice, and keeps nobody from sending a key of his
// own there.
func TestVirtualKeyAtACustomHost(t *testing.T) {
	var got seen
	r := newRig(t, got.provider(answerWith("x")), func(c *Config) { c.VirtualKeys = &turns{} })
	for config, want := range map[string]struct {
		status int
		sent   string
	}{
		`{"virtual_key":"team","custom_host":"` + r.upstream.URL + `/v1"}`:                        {400, ""},
		`{"virtual_key":"team","custom_host":"` + r.upstream.URL + `/v1","api_key":"sk-callers"}`: {200, "Bearer sk-callers"},
	} {
		a := r.ask("x", "", "x-portkey-config", config, "cache-control", "no-store")
		if sent := got.take(); a.StatusCode != want.status || sent != want.sent {
			t.Errorf("%s: %d %s, %q was sent", config, a.StatusCode, a.body, sent)
		}
	}
}

// TestIdleIsTheProviders holds that the time between two pieces of an answer runs while the provider is waited for, and not while a
// client takes its time over what came.
func TestIdleIsTheProviders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		u := upstream{idle: time.Minute, transport: poolOf(roundTripper(func(req *http.Request) (*http.Response, error) {
			context.AfterFunc(req.Context(), func() { r.CloseWithError(req.Context().Err()) })
			return &http.Response{StatusCode: 200, Body: r, ContentLength: -1}, nil
		}))}
		a, err := u.do(t.Context(), &request{method: "GET", url: "http://provider.test", header: http.Header{}})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		go func() {
			io.WriteString(w, "ab")
			time.Sleep(30 * time.Second)
			io.WriteString(w, "c")
		}()
		one := make([]byte, 1)
		for _, want := range "abc" {
			if _, err := a.Read(one); err != nil || one[0] != byte(want) {
				t.Fatalf("read %q, %v, want %q", one, err, want)
			}
			time.Sleep(10 * time.Minute) // the client
		}
		if _, err := a.Read(one); !errors.Is(err, errIdle) {
			t.Errorf("of a provider that says no more: %v, want %v", err, errIdle)
		}
	})
}
