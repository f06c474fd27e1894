package keys

import (
	"errors"
	"strings"
	"testing"
)

func FuzzAuthenticate(f *testing.F) {
	s := tempStore(f)
	_, token, err := s.AddGateway(GatewaySpec{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(token[:len(token)-1]))
	f.Add([]byte(Prefix))
	f.Add([]byte(strings.Repeat("_", tokenLen)))
	f.Fuzz(func(t *testing.T, given []byte) {
		if _, err := s.Authenticate(given); err == nil && string(given) != token {
			t.Errorf("%q is let in", given)
		}
	})
}

func FuzzRecord(f *testing.F) {
	rec, err := encode(&virtualRecord{Name: "v", Provider: "p", Count: 1, Box: []byte{boxVersion, 1, 2}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rec)
	f.Add([]byte{recordVersion})
	seal, _, err := newSeal(testSeal)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v virtualRecord
		if err := decode(b, &v); err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Error(err)
			}
			return
		}
		if err := (&virtual{rec: v}).unseal(seal); err == nil {
			t.Error("a box opens that nobody sealed")
		}
		var g gatewayRecord
		_ = decode(b, &g)
		var r sealRecord
		if decode(b, &r) == nil && r.Kind == kindKey {
			if _, err := testSeal.open(r); err == nil {
				t.Error("a seal is proved by another's box")
			}
		}
	})
}

func FuzzScopes(f *testing.F) {
	f.Add("call,admin")
	f.Add("call,,")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScopes(strings.Split(text, ","))
		if err != nil {
			return
		}
		if again, err := ParseScopes(s.Names()); err != nil || again != s {
			t.Errorf("%q: %v, then %v (%v)", text, s, again, err)
		}
	})
}

func FuzzSealKey(f *testing.F) {
	f.Add(strings.Repeat("0f", 32))
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseSealKey(text)
		switch {
		case err == nil && len(k.key) != sealKeyLen:
			t.Error("a key of another length")
		case err != nil && len(text) > 3 && strings.Contains(err.Error(), text) && !strings.Contains("seal_key: it is not 32 bytes as 64 hex digits or in base64: `openssl rand -hex 32` prints one", text):
			t.Error("the error repeats the text")
		}
	})
}
