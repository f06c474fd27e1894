package keys

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAKeyIsChangedWithoutANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tempStore(t)
		info, token, _ := s.AddGateway(GatewaySpec{Label: "team", Limits: Limits{RPM: 4, SpendDay: 1}, Namespaces: []string{"a", "b"}, Expires: time.Now().Add(time.Hour)})
		g, err := s.Authenticate([]byte(token))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := g.Admit(); err != nil {
				t.Fatal(err)
			}
		}
		g.Use(10, 0.5)
		was, now, err := s.ChangeGateway(info.ID, func(spec *GatewaySpec) error {
			spec.Label, spec.Limits.RPM, spec.Scopes, spec.Expires = "team two", 8, []string{"feedback", "call"}, time.Now().Add(3*time.Hour)
			spec.Namespaces[0] = "c" // the closure's own: requests read the one before
			return nil
		})
		if err != nil || was.Label != "team" || was.Limits.RPM != 4 || now.Label != "team two" || now.Limits != (Limits{RPM: 8, SpendDay: 1}) {
			t.Fatalf("%+v to %+v: %v", was, now, err)
		}
		if !g.Allowed("a") || !slices.Equal(was.Namespaces, []string{"a", "b"}) || !slices.Equal(now.Scopes, []string{"call", "feedback"}) {
			t.Errorf("what was let in before: %v, before %v, scopes %v", g.Allowed("a"), was.Namespaces, now.Scopes)
		}
		if now.Spent.Requests != 2 || now.Spent.DaySum != 0.5 {
			t.Errorf("what was used: %+v", now.Spent)
		}
		time.Sleep(2 * time.Hour) // past the old expiry
		s = reopen(t, s, testSeal)
		if g, err = s.Authenticate([]byte(token)); err != nil || !g.Allowed("c") || g.Allowed("a") {
			t.Fatalf("after a restart: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := s.Authenticate([]byte(token)); !errors.Is(err, ErrExpired) {
			t.Fatalf("it expires when it says: %v", err)
		}
		// One that has expired may be changed otherwise, and made good again.
		if _, _, err := s.ChangeGateway(info.ID, func(spec *GatewaySpec) error { spec.Label = "old"; return nil }); err != nil {
			t.Errorf("a label of an expired key: %v", err)
		}
		if _, _, err := s.ChangeGateway(info.ID, func(spec *GatewaySpec) error { spec.Expires = time.Time{}; return nil }); err != nil {
			t.Errorf("no expiry: %v", err)
		}
		if _, err := s.Authenticate([]byte(token)); err != nil {
			t.Errorf("without an expiry: %v", err)
		}
	})
}

func TestChangesThatAreRefusedChangeNothing(t *testing.T) {
	s := tempStore(t)
	info, _, _ := s.AddGateway(GatewaySpec{Label: "team", Limits: Limits{RPM: 4}, Namespaces: []string{"a"}})
	addVirtual(t, s, "v", Limits{RPM: 4}, planted)
	before, _ := s.GatewayByID(info.ID)
	for field, change := range map[string]func(*GatewaySpec){
		"scopes":     func(g *GatewaySpec) { g.Scopes = []string{"all"} },
		"namespaces": func(g *GatewaySpec) { g.Scopes = []string{"admin"} }, // which sees all of them
		"limits.rpm": func(g *GatewaySpec) { g.Limits.RPM = -1 },
		"label":      func(g *GatewaySpec) { g.Label = "a\x00b" },
		"expires":    func(g *GatewaySpec) { g.Expires = time.Now().Add(-time.Hour) },
	} {
		_, _, err := s.ChangeGateway(info.ID, func(g *GatewaySpec) error { change(g); return nil })
		var fe *FieldError
		if !errors.As(err, &fe) || fe.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	own := errors.New("the caller's own")
	if _, _, err := s.ChangeGateway(info.ID, func(g *GatewaySpec) error { g.Label = "other"; return own }); !errors.Is(err, own) {
		t.Errorf("%v", err)
	}
	if _, _, err := s.ChangeVirtual("v", func(v *VirtualChange) error { v.Limits.TPM = -1; return nil }); err == nil || !strings.Contains(err.Error(), "limits.tpm") {
		t.Errorf("%v", err)
	}
	if now, _ := s.GatewayByID(info.ID); now.Label != before.Label || now.Limits != before.Limits || !slices.Equal(now.Scopes, before.Scopes) || !now.Expires.IsZero() {
		t.Errorf("%+v, was %+v", now, before)
	}
	if err := s.RevokeGateway(info.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{info.ID, "nobody", ""} {
		if _, _, err := s.ChangeGateway(id, func(*GatewaySpec) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if _, _, err := s.ChangeVirtual(id, func(*VirtualChange) error { return nil }); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestAVirtualKeyIsChangedWithoutItsSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tempStore(t)
		addVirtual(t, s, "v", Limits{}, "a", "b", "c")
		if v, err := s.Secret("v"); v != "a" || err != nil {
			t.Fatal(v, err)
		}
		s.Answered("v", "b", 429, time.Minute)
		s = reopen(t, s, SealKey{}) // no key: a change opens nothing
		if _, _, err := s.ChangeVirtual("v", func(v *VirtualChange) error { v.Label = "team"; return nil }); err != nil {
			t.Fatal(err)
		}
		s = reopen(t, s, testSeal)
		if v, err := s.Secret("v"); v != "a" || err != nil {
			t.Fatal(v, err)
		}
		s.Answered("v", "b", 429, time.Minute)
		was, now, err := s.ChangeVirtual("v", func(v *VirtualChange) error { v.Limits.RPM = 2; return nil })
		if err != nil || was != (VirtualChange{Label: "team"}) || now.Limits.RPM != 2 || now.Secrets[0].Uses != 1 || now.Secrets[1].Status != 429 {
			t.Fatalf("%+v to %+v: %v", was, now, err)
		}
		for _, want := range []string{"c", "a"} { // whose turn it is, and who rests, is kept
			if v, err := s.Secret("v"); v != want || err != nil {
				t.Errorf("%q, %v, want %s", v, err, want)
			}
		}
		_, err = s.Secret("v")
		if l, _ := refused(t, err); l != "rpm" {
			t.Errorf("the new limit: %q", l)
		}
	})
}

// TestLimitsChangeMidMinute: what was used of a minute is kept as a share of it.
func TestLimitsChangeMidMinute(t *testing.T) {
	left := func(m *meter) (n int) {
		for m.admit(time.Now()) == nil {
			n++
		}
		return n
	}
	for name, c := range map[string]struct{ was, used, is, left int }{
		"doubled":    {10, 4, 20, 12},
		"halved":     {10, 4, 5, 3},
		"used up":    {10, 10, 50, 0},
		"the same":   {10, 4, 10, 6},
		"a new one":  {0, 4, 5, 5},
		"untouched":  {10, 0, 3, 3},
		"far lowere": {1000, 1, 1, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMeter(Limits{RPM: c.was}, Spent{})
			for range c.used {
				if err := m.admit(time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			m.limit(Limits{RPM: c.is}, time.Now())
			if n := left(m); n != c.left {
				t.Errorf("%s: %d left, want %d", name, n, c.left)
			}
			time.Sleep(time.Minute)
			if n := left(m); n != c.is {
				t.Errorf("%s: %d after a minute, want %d", name, n, c.is)
			}
			m.limit(Limits{}, time.Now())
			for range 3 {
				if err := m.admit(time.Now()); err != nil {
					t.Errorf("%s: no limit any more, and %v", name, err)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // a debt of tokens is at most an hour's, also where the limit is lowered
		m := newMeter(Limits{TPM: 1e6}, Spent{})
		m.use(time.Now(), 1<<40, 0)
		m.limit(Limits{TPM: 10}, time.Now())
		if l, after := refused(t, m.admit(time.Now())); l != "tpm" || after > 61*time.Minute || after < 58*time.Minute {
			t.Errorf("%q, after %v", l, after)
		}
	})
}
