package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

func TestAllowList(t *testing.T) {
	a, err := ParseAllowList([]string{"api.example.com", "*.models.example.org", "alt.example.com:8443", "http://plain.example.com", "10.1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	for base, want := range map[string]bool{
		"https://api.example.com/v1":        true,
		"https://API.Example.Com./v1":       true,
		"https://api.example.com:443":       true,
		"http://api.example.com":            false, // the key would travel in the clear
		"https://api.example.com:8443":      false,
		"https://alt.example.com:8443/x":    true,
		"https://alt.example.com":           false,
		"http://plain.example.com/v1":       true,
		"https://a.models.example.org":      true,
		"https://b.a.models.example.org":    true,
		"https://models.example.org":        false,
		"https://evilmodels.example.org":    false,
		"https://api.example.com.evil.org":  false,
		"https://evil.org/api.example.com":  false,
		"https://api.example.com@evil.org":  false,
		"https://evil.org#api.example.com":  false,
		"https://api.example.com/v1?x":      false,
		"https://api.example.com/a/../../b": false,
		"https:api.example.com":             false,
		"ftp://api.example.com":             false,
		"//api.example.com":                 false,
		"https://127.0.0.1":                 false,
		"":                                  false,
	} {
		if got := a.Check(base) == nil; got != want {
			t.Errorf("%s: allowed %v, want %v", base, got, want)
		}
	}
	if err := (*AllowList)(nil).Check("https://api.example.com"); !errors.Is(err, ErrHost) {
		t.Errorf("without a list: %v", err)
	}
	for _, bad := range []string{"", "*", "*.com", "a.*.com", "https://u:p@h", "https://h/path", "h?q", "ftp://h"} {
		if _, err := ParseAllowList([]string{bad}); err == nil {
			t.Errorf("the entry %q was accepted", bad)
		}
	}
}

func TestPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "2606:4700::1111": true, "64:ff9b::808:808": true, "2002:808:808::1": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "127.9.9.9": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "240.0.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false,
		"2002:7f00:1::1": false, "2002:a00:1::": false, "2001:db8::1": false, "2001::1": false, "fd00:ec2::254": false,
	} {
		if got := Public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: public %v, want %v", addr, got, want)
		}
	}
}

func TestDialerRefusesBeforeConnecting(t *testing.T) {
	var reached atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := Dialer(time.Second).DialContext(ctx, "tcp", srv.Listener.Addr().String())
	if !errors.Is(err, ErrAddress) || reached.Load() != 0 {
		t.Errorf("got %v", err)
	}
}

// TestRebinding has a name that is public when it is first looked up, and the loopback when it is looked up to connect.
func TestRebinding(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	done := make(chan struct{})
	go func() { defer close(done); serveDNS(pc, &asked) }()
	defer func() { pc.Close(); <-done }()

	d := Dialer(2 * time.Second)
	d.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	// What a check before the connection would have seen.
	ips, err := d.Resolver.LookupNetIP(ctx, "ip4", "rebind.test.")
	if err != nil || len(ips) != 1 || !Public(ips[0]) {
		t.Fatalf("first answer %v, %v", ips, err)
	}
	if _, err := d.DialContext(ctx, "tcp4", "rebind.test.:80"); !errors.Is(err, ErrAddress) {
		t.Errorf("got %v, want ErrAddress", err)
	}
	if asked.Load() < 2 {
		t.Errorf("the name was looked up %d times: the test shows nothing", asked.Load())
	}
}

// serveDNS answers the first question for an A record with 8.8.8.8, and every later one with 127.0.0.1 (RFC 1035).
func serveDNS(pc net.PacketConn, asked *atomic.Int64) {
	buf := make([]byte, 512)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		end := 12
		for end < n && buf[end] != 0 {
			end += int(buf[end]) + 1
		}
		end += 5 // the root label, type and class
		if n < 12 || end > n {
			continue
		}
		answer := append([]byte(nil), buf[:end]...)
		binary.BigEndian.PutUint16(answer[2:], 0x8180)
		clear(answer[6:12])
		if binary.BigEndian.Uint16(answer[end-4:]) == 1 {
			ip := []byte{8, 8, 8, 8}
			if asked.Add(1) > 1 {
				ip = []byte{127, 0, 0, 1}
			}
			binary.BigEndian.PutUint16(answer[6:], 1)
			answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			answer = append(answer, ip...)
		}
		if _, err := pc.WriteTo(answer, from); err != nil {
			return
		}
	}
}

func FuzzAllowList(f *testing.F) {
	f.Add("https://api.example.com/v1")
	f.Add("https://api.example.com@evil.org/")
	a, err := ParseAllowList([]string{"api.example.com", "*.example.org"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, base string) {
		if a.Check(base) != nil {
			return
		}
		req, err := http.NewRequest("GET", base, nil)
		if err != nil {
			return
		}
		host := normal(req.URL.Hostname())
		if req.URL.Scheme != "https" || host != "api.example.com" && !(len(host) > len(".example.org") && host[len(host)-len(".example.org"):] == ".example.org") {
			t.Fatalf("%q leads to %s", base, host)
		}
	})
}
