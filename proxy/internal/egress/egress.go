package egress

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

var (
	// ErrHost: the allow-list does not have the host.
	ErrHost = errors.New("egress: the host is not on the allow-list")
	// ErrAddress: the address is one that callers may not reach.
	ErrAddress = errors.New("egress: the address is private, loopback, link-local or otherwise not public")
)

// AllowList is the set of hosts that callers may name.
type AllowList struct{ entries []entry }

type entry struct {
	scheme, host, port string // port "": the scheme's own
	wild               bool   // and every name below host, but not host itself
}

// ParseAllowList reads entries such as api.example.com, *.example.com, api.example.com:8443 and http://api.example.com. Without a
// scheme only https is allowed: what is sent there holds a key.
func ParseAllowList(list []string) (*AllowList, error) {
	a := &AllowList{}
	for _, s := range list {
		text := strings.TrimSpace(s)
		if !strings.Contains(text, "://") {
			text = "https://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("egress: %.80q is not a host: write it as api.example.com, *.example.com or http://api.example.com:8080", s)
		}
		e := entry{scheme: u.Scheme, host: normal(u.Hostname()), port: port(u)}
		if rest, ok := strings.CutPrefix(e.host, "*."); ok {
			e.host, e.wild = rest, true
		}
		if strings.Contains(e.host, "*") || e.wild && !strings.Contains(e.host, ".") {
			return nil, fmt.Errorf("egress: %.80q has a star elsewhere than before a whole domain", s)
		}
		a.entries = append(a.entries, e)
	}
	return a, nil
}

// Check reports whether a base URL may be called: nil, an error that wraps ErrHost, or one that says what is wrong with
// the URL.
func (a *AllowList) Check(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("egress: give an absolute URL with http or https")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("egress: a base URL has no credentials, query or fragment")
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if part == "." || part == ".." {
			return errors.New("egress: a base URL has no dot segments")
		}
	}
	host, p := normal(u.Hostname()), port(u)
	if a != nil {
		for _, e := range a.entries {
			if e.scheme == u.Scheme && e.port == p && (e.host == host && !e.wild || e.wild && strings.HasSuffix(host, "."+e.host)) {
				return nil
			}
		}
	}
	return ErrHost
}

func normal(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// shut are the networks that are not public, beside those that netip knows itself: RFC 6890 and its registries.
var shut = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
)

// These hold an IPv4 address, which is what counts.
var (
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
	sixTo = netip.MustParsePrefix("2002::/16")
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// Public reports whether anyone on the internet can reach the address.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	b := a.As16()
	switch {
	case a.Is6() && nat64.Contains(a):
		return Public(netip.AddrFrom4([4]byte(b[12:16])))
	case a.Is6() && sixTo.Contains(a):
		return Public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range shut {
		if p.Contains(a) {
			return false
		}
	}
	// An IPv4 address in the lowest 32 bits, in the form that was given up, leads to that address on some systems.
	if a.Is6() && netip.MustParsePrefix("::/96").Contains(a) {
		return false
	}
	return true
}

// Dialer returns a dialer that connects to public addresses only. Its error wraps ErrAddress.
func Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second, Control: control}
}

// control is called with the very address that the socket is about to be connected to.
func control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !Public(ap.Addr()) {
		return ErrAddress
	}
	return nil
}
