package proxy

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
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
