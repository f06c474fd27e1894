package cache

import (
	"slices"
	"testing"
)

// guardCase: two questions, and the guard that must refuse the pair where no verifier judges; "" if none may. Every
// case is tried both ways.
type guardCase struct {
	a, b string
	want Reason
}

func runGuards(t *testing.T, cases []guardCase) {
	t.Helper()
	for _, c := range cases {
		for _, pair := range [2][2]string{{c.a, c.b}, {c.b, c.a}} {
			f, _ := refusal(inspect(analyse(pair[0]), analyse(pair[1]), nil), false)
			got, token := f.reason, f.token
			if got != c.want || (got != ReasonNone) != (token != "") {
				t.Errorf("%q\n%q\n  guard %q (token %q), want %q", pair[0], pair[1], got, token, c.want)
			}
		}
	}
}

func TestNumberGuard(t *testing.T) {
	runGuards(t, []guardCase{
		{"merge 2 tickets", "merge two tickets", ""},
		{"merge 2 tickets", "merge three tickets", ReasonNumber},
		{"lift 5k steps a day", "lift 5000 steps a day", ""},
		{"lift 5,000 steps", "lift 5000.0 steps", ""},
		{"a fee of £50", "a fee of 50 pounds", ""},
		{"a fee of £50", "a fee of 50 euros", ReasonNumber},
		{"a fee of $1.5m", "a fee of 1.5 million dollars", ""},
		{"10% of it", "ten percent of it", ""},
		{"10% of it", "ten per cent of it", ""},
		{"10% of it", "$10 of it", ReasonNumber},
		{"twenty-five years on", "25 years on", ""},
		{"two hundred and fifty thousand users", "250,000 users", ""},
		{"a hundred days", "100 days", ""},
		{"a dozen eggs", "12 eggs", ""},
		{"the 3rd floor", "the third floor", ""},
		{"the 3rd floor", "the 4th floor", ReasonNumber},
		{"python 3.11.2 on it", "python 3.11.4 on it", ReasonNumber},
		{"version v2 of it", "version 2 of it", ""},
		{"8GB of memory", "8 gb of memory", ""},
		{"8GB of memory", "8 MB of memory", ReasonNumber},
		{"at 8:30 am", "at 8:45 am", ReasonTime},
		{"half of them by 12/05/2024", "half of them by 13/05/2024", ReasonTime},
		{"colder than -5 here", "colder than 5 here", ReasonNumber},
		{"pages 5-10 of it", "pages 5-12 of it", ReasonNumber},
		{"are you open 24/7", "are you open all day", ""},
		{"is anyone there", "is one there", ""},
		{"set up two-factor login", "set up login", ""},
		{"the first gear sticks", "the second gear sticks", ReasonNumber},
		{"insure it for 3 days", "insure it", ReasonNumber},
		{"order 12345678901234567890 is late", "order 12345678901234567891 is late", ReasonNumber},
		{"one two", "1 2", ""},
	})
}

func TestNegationGuard(t *testing.T) {
	runGuards(t, []guardCase{
		{"how do I enable logging", "how do I disable logging", ReasonNegation},
		{"how do I enable logging", "how do I turn off logging", ReasonNegation},
		{"how do I enable logging", "how do I turn on logging", ""},
		{"turn on the light on the desk", "turn off the light on the desk", ReasonNegation},
		{"turn notifications on", "switch off notifications", ReasonNegation},
		{"turn it off and on again", "turn it on and off again", ""},
		{"installing the app", "uninstalling the app", ReasonNegation},
		{"is it legal to park here", "is it illegal to park here", ReasonNegation},
		{"is it reversible by me", "is it irreversible by me", ReasonNegation},
		{"before the exam", "after the exam", ReasonNegation},
		{"import my contacts", "export my contacts", ReasonNegation},
		{"foods with sugar", "foods without sugar", ReasonNegation},
		{"it does work", "it doesn’t work", ReasonNegation},
		{"why can't I log in", "why can I not log in", ""},
		{"why not try it", "try it", ""},
		{"reset it if you don't mind", "reset it", ""},
		{"w/o nails", "without nails", ""},
		{"is it covered", "discover it", ""},
		{"maximum speed", "minimum speed", ReasonNegation},
		{"cheaper plans", "cheapest plans", ""},
		{"arguments for it", "arguments against it", ReasonNegation},
		{"log in to the site", "log out of the site", ReasonNegation},
	})
}

func TestIdentifierGuard(t *testing.T) {
	runGuards(t, []guardCase{
		{"how do i convert punds to euros", "how do i convert euros to pounds", ReasonDirection},
		{"how do i convert punds to euros", "how do i convert pounds to euros", ""},
		{"fees at Chase bank", "fees at chase bank", ""},
		{"fees at Chase bank", "fees at Wells bank", ReasonIdentifier},
		{"fees at Chase bank", "fees at the bank", ReasonIdentifier},
		{"set up SSO for us", "set up single sign-on for us", ""},
		{"drivers for the RTX card", "drivers for the GTX card", ReasonIdentifier},
		{"manual of the XJ-200", "manual of the XJ200", ""},
		{"manual of the XJ-200", "manual of the XK-200", ReasonIdentifier},
		{"where is Timbuctoo", "where is Timbuctu", ReasonIdentifier},
		{"where is Tableau", "where is Tablau", ""},
		{"mail me at a.b@example.com", "mail me at a.c@example.com", ReasonIdentifier},
		{"open https://example.com/a now", "open https://example.com/b now", ReasonIdentifier},
		{"what is in /etc/hosts", "what is in /etc/passwd", ReasonIdentifier},
		{"what is in /etc/hosts?", "what is in /etc/hosts", ""},
		{`what is in C:\temp`, `what is in C:\tmp`, ReasonIdentifier},
		{"find 550e8400-e29b-41d4-a716-446655440000", "find 550e8400-e29b-41d4-a716-446655440001", ReasonIdentifier},
		{"commit deadbeef1 broke it", "commit deadbeef2 broke it", ReasonIdentifier},
		{"explain `x := 1`", "explain `x = 1`", ReasonIdentifier},
		{"explain ```\na\n```", "explain ```\nb\n```", ReasonIdentifier},
		{"translate \"good night\"", "translate \"good day\"", ReasonIdentifier},
		{"translate \"good night\"", "translate good night", ""},
		{"flights from Oslo to Rome", "flights from Rome to Oslo", ReasonDirection},
		{"flights from Oslo to Rome", "flights to Rome from Oslo", ""},
		{"convert miles to metres", "convert metres to miles", ReasonDirection},
		{"does cork float better than wood", "does wood float better than cork", ReasonDirection},
		{"can a tenant sue a landlord", "can a landlord sue a tenant", ReasonDirection},
		{"the difference of cats and dogs", "the difference of dogs and cats", ""},
		{"How To Reset My Password Now", "how to reset my password now", ""},
		{"I'd like to know", "like to know", ""},
		{"what is 2FA", "what is two-factor login", ""},
	})
}

func TestVetoOrDoubt(t *testing.T) {
	for _, c := range []struct {
		a, b string
		veto bool
	}{
		{"insure it for 3 days", "insure it for 4 days", true},
		{"insure it for 3 days", "insure it", false},
		{"open https://example.com/a now", "open https://example.com/b now", true},
		{"open https://example.com/a now", "open it now", false},
		{"fees at Chase bank", "fees at the bank", false},
		{"how do I enable logging", "how do I disable logging", true},
		{"it does work", "it does not work", true},
		{"does the oven work in a power cut", "my oven is not working, is it the element", false},
		{"flights from Oslo to Rome", "flights from Rome to Oslo", true},
	} {
		found := inspect(analyse(c.a), analyse(c.b), nil)
		if _, refused := refusal(found, true); len(found) == 0 || refused != c.veto {
			t.Errorf("%q\n%q\n  %+v, want veto %v", c.a, c.b, found, c.veto)
		}
		if _, refused := refusal(found, false); !refused {
			t.Errorf("%q\n%q\n  not refused where nobody judges", c.a, c.b)
		}
	}
}

func TestLexicon(t *testing.T) {
	phrases := 0
	for stem, l := range vocabulary {
		for _, o := range l.opposites {
			phrases++
			for _, q := range l.opposites {
				if o.opposition == q.opposition && o.side != q.side && slices.Equal(o.rest, q.rest) {
					t.Errorf("%s %v is its own opposite", stem, o.rest)
				}
			}
		}
	}
	if phrases < 500 || groups < 1 {
		t.Errorf("%d phrases, %d groups", phrases, groups)
	}
	t.Logf("%d oppositions, %d phrases; %d groups of equivalents", len(oppositions), phrases, groups)
}
