package keys

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// refused is the limit that refuses a request, and for how long; "" if none does.
func refused(t *testing.T, err error) (string, time.Duration) {
	t.Helper()
	if err == nil {
		return "", 0
	}
	var le *LimitError
	if !errors.As(err, &le) {
		t.Fatal(err)
	}
	return le.Limit, le.After
}

func TestRequestsAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tempStore(t)
		_, token, _ := s.AddGateway(GatewaySpec{Limits: Limits{RPM: 6}})
		g, err := s.Authenticate([]byte(token))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			if l, _ := refused(t, g.Admit()); l != "" {
				t.Fatalf("request %d: %s", i, l)
			}
		}
		for range 3 { // asking again does not put it off
			if l, after := refused(t, g.Admit()); l != "rpm" || after != 10*time.Second {
				t.Fatalf("%q, after %v", l, after)
			}
		}
		time.Sleep(10 * time.Second)
		if l, _ := refused(t, g.Admit()); l != "" {
			t.Error("it did not come back")
		}
		if l, _ := refused(t, g.Admit()); l != "rpm" {
			t.Error("more than one came back")
		}
		if n := g.Info().Spent.Requests; n != 7 {
			t.Errorf("%d requests counted", n)
		}
	})
}

func TestTokensAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeter(Limits{TPM: 600}, Spent{})
		m.use(time.Now(), 1500, 0) // an answer that was larger than the limit
		l, after := refused(t, m.admit(time.Now()))
		if l != "tpm" || after < 90*time.Second || after > 91*time.Second {
			t.Errorf("%q, after %v", l, after)
		}
		time.Sleep(after)
		if l, _ := refused(t, m.admit(time.Now())); l != "" {
			t.Errorf("%s after the wait", l)
		}
		m.use(time.Now(), 1<<40, 0)
		if _, after := refused(t, m.admit(time.Now())); after > 61*time.Minute {
			t.Errorf("a provider that says too much locks the key up for %v", after)
		}
	})
}

func TestMoneyADayAndAMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins on 2000-01-01, 00:00 UTC
		s := tempStore(t)
		_, token, _ := s.AddGateway(GatewaySpec{Limits: Limits{SpendDay: 1, SpendMonth: 2.5}})
		g, _ := s.Authenticate([]byte(token))
		g.Use(10, 0.75)
		if l, _ := refused(t, g.Admit()); l != "" {
			t.Error(l)
		}
		g.Use(10, 0.5)
		if l, after := refused(t, g.Admit()); l != "spend_day" || after != 24*time.Hour {
			t.Errorf("%q, after %v", l, after)
		}
		time.Sleep(2 * saveDelay) // what was spent outlives the process
		s = reopen(t, s, testSeal)
		g, _ = s.Authenticate([]byte(token))
		if l, _ := refused(t, g.Admit()); l != "spend_day" {
			t.Errorf("%q after a restart", l)
		}
		time.Sleep(24 * time.Hour)
		if l, _ := refused(t, g.Admit()); l != "" {
			t.Errorf("%q on the next day", l)
		}
		g.Use(10, 1.25)
		time.Sleep(24 * time.Hour)
		l, after := refused(t, g.Admit())
		if want := time.Until(time.Date(2000, 2, 1, 0, 0, 0, 0, time.UTC)); l != "spend_month" || after != want {
			t.Errorf("%q, after %v, want %v", l, after, want)
		}
		if sp := g.Info().Spent; sp.TotalSum != 2.5 || sp.Tokens != 30 || sp.DaySum != 0 {
			t.Errorf("%+v", sp)
		}
	})
}

func TestSecretsThatAreRefusedRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tempStore(t)
		addVirtual(t, s, "v", Limits{}, "a", "b", "c")
		use := func() string {
			t.Helper()
			v, err := s.Secret("v")
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if use() != "a" || !s.Answered("v", "a", 429, 20*time.Second) {
			t.Error("b and c are ready")
		}
		s.Answered("v", use(), 200, 0)
		if use() != "c" || !s.Answered("v", "c", 401, 0) {
			t.Error("b is ready")
		}
		for range 3 {
			if v := use(); v != "b" {
				t.Errorf("%s is used though it rests", v)
			}
		}
		if s.Answered("v", "b", 429, 10*time.Second) {
			t.Error("none is ready")
		}
		if v := use(); v != "b" {
			t.Errorf("%s, though b is ready soonest", v)
		}
		time.Sleep(20 * time.Second)
		if v, w := use(), use(); v+w != "ab" && v+w != "ba" {
			t.Errorf("%s, %s", v, w)
		}
		if i := s.Virtuals()[0].Secrets[2]; i.Status != 401 || i.Resting.IsZero() {
			t.Errorf("%+v", i)
		}
		time.Sleep(refusedRest)
		if v, w, x := use(), use(), use(); v == w || w == x || v == x {
			t.Errorf("%s, %s, %s", v, w, x)
		}
	})
}

func TestVirtualLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tempStore(t)
		addVirtual(t, s, "v", Limits{RPM: 1, SpendMonth: 1}, "a")
		if _, err := s.Secret("v"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Secret("v")
		if l, _ := refused(t, err); l != "rpm" {
			t.Error(l)
		}
		s.Use("v", 5, 1)
		s = reopen(t, s, testSeal)
		_, err = s.Secret("v")
		if l, _ := refused(t, err); l != "spend_month" {
			t.Error(l)
		}
	})
}
