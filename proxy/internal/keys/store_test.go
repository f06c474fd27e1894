package keys

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"
)

const planted = "sk-planted-provider-secret"

var testSeal = SealKey{key: bytes.Repeat([]byte{7}, sealKeyLen)}

func open(t testing.TB, path string, k SealKey) *Store {
	t.Helper()
	s, err := Open(path, Options{Seal: k})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func tempStore(t testing.TB) *Store { return open(t, filepath.Join(t.TempDir(), "keys.db"), testSeal) }

func reopen(t testing.TB, s *Store, k SealKey) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, s.path, k)
}

func addVirtual(t testing.TB, s *Store, name string, l Limits, secrets ...string) {
	t.Helper()
	if _, err := s.AddVirtual(VirtualSpec{Name: name, Provider: "openai", Secrets: secrets, Limits: l}); err != nil {
		t.Fatal(err)
	}
}

func TestGatewayKeyLivesInTheFileAsDigestOnly(t *testing.T) {
	s := tempStore(t)
	info, token, err := s.AddGateway(GatewaySpec{Label: "team", Limits: Limits{RPM: 5}, Namespaces: []string{"a", "b*"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(token) != tokenLen || !strings.HasPrefix(token, Prefix+info.ID+"_") {
		t.Errorf("the token is %d long", len(token))
	}
	s = reopen(t, s, testSeal)
	g, err := s.Authenticate([]byte(token))
	if err != nil || g.ID() != info.ID || g.Scopes() != Call|Feedback {
		t.Fatalf("%v, %v", g, err)
	}
	for _, bad := range []string{"", token[:len(token)-1], token + "a", token[:len(token)-1] + "!", strings.ToUpper(token), Prefix, "sk-other",
		Prefix + strings.Repeat("a", idLen) + "_" + strings.Repeat("a", secretLen)} {
		if _, err := s.Authenticate([]byte(bad)); !errors.Is(err, ErrUnknown) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if raw, err := os.ReadFile(s.path); err != nil || bytes.Contains(raw, []byte(token)) || bytes.Contains(raw, []byte(token[len(Prefix)+idLen+1:])) {
		t.Errorf("the file has the token, or %v", err)
	}
	if fi, err := os.Stat(s.path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	for ns, want := range map[string]bool{"a": true, "b": true, "bob": true, "": false, "ab": false, "c": false} {
		if g.Allowed(ns) != want {
			t.Errorf("namespace %q: %v", ns, g.Allowed(ns))
		}
	}
}

// TestRotationsOverlap: a second rotation does not take back the time that the first one gave, unless it gives none itself.
func TestRotationsOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tempStore(t)
		info, first, _ := s.AddGateway(GatewaySpec{})
		tokens := []string{first}
		rotate := func(grace time.Duration) {
			_, next, err := s.RotateGateway(info.ID, grace)
			if err != nil {
				t.Fatal(err)
			}
			tokens = append(tokens, next)
		}
		want := func(what string, good ...bool) {
			t.Helper()
			for i, token := range tokens {
				if _, err := s.Authenticate([]byte(token)); (err == nil) != good[i] {
					t.Errorf("%s: key %d: %v", what, i, err)
				}
			}
		}
		rotate(3 * time.Hour)
		time.Sleep(time.Hour)
		rotate(time.Hour)
		want("both graces run", true, true, true)
		time.Sleep(time.Hour)
		want("the second is over", true, false, true)
		rotate(time.Hour)
		want("a third", true, false, true, true)
		time.Sleep(time.Hour)
		want("all are over", false, false, false, true)
		rotate(time.Hour)
		rotate(time.Hour)
		want("two more", false, false, false, true, true, true)
		rotate(0)
		want("without a grace", false, false, false, false, false, false, true)
		rotate(time.Hour)
		rotate(time.Hour)
		if err := s.RevokeGateway(info.ID); err != nil {
			t.Fatal(err)
		}
		want("revoked", make([]bool, len(tokens))...)

		info, first, _ = s.AddGateway(GatewaySpec{})
		tokens = []string{first}
		for range maxOlder + 1 {
			rotate(time.Hour)
		}
		want("as many as there may be", slices.Repeat([]bool{true}, len(tokens))...)
		rotate(time.Hour)
		want("one more", append([]bool{false}, slices.Repeat([]bool{true}, len(tokens)-1)...)...)
	})
}

func TestRotationAndRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tempStore(t)
		info, first, _ := s.AddGateway(GatewaySpec{Expires: time.Now().Add(48 * time.Hour)})
		_, second, err := s.RotateGateway(info.ID, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		good := func(token string) bool { _, err := s.Authenticate([]byte(token)); return err == nil }
		if !good(first) || !good(second) {
			t.Error("within the grace both are good")
		}
		time.Sleep(time.Hour)
		if good(first) || !good(second) {
			t.Error("after the grace only the second is good")
		}
		_, third, err := s.RotateGateway(info.ID, 0)
		if err != nil || good(second) || !good(third) {
			t.Error("without a grace the old one ends at once")
		}
		time.Sleep(47 * time.Hour)
		if _, err := s.Authenticate([]byte(third)); !errors.Is(err, ErrExpired) {
			t.Errorf("expired: %v", err)
		}
		other, token, _ := s.AddGateway(GatewaySpec{})
		if err := s.RevokeGateway(other.ID); err != nil || good(token) || !s.HasGateways() {
			t.Errorf("revoked: %v", err)
		}
		if err := s.RevokeGateway(other.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("revoked twice: %v", err)
		}
		if _, _, err := s.RotateGateway(other.ID, 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("rotated after all: %v", err)
		}
		s = reopen(t, s, testSeal)
		if good(token) || len(s.Gateways()) != 2 {
			t.Error("the revocation was forgotten")
		}
	})
}

func TestSpecsAreChecked(t *testing.T) {
	s := tempStore(t)
	for field, spec := range map[string]GatewaySpec{
		"scopes":            {Scopes: []string{"everything"}},
		"label":             {Label: strings.Repeat("x", maxLabel+1)},
		"limits.rpm":        {Limits: Limits{RPM: -1}},
		"limits.tpm":        {Limits: Limits{TPM: 2 * maxRate}},
		"limits.spend_day":  {Limits: Limits{SpendDay: -0.5}},
		"namespaces":        {Namespaces: []string{"a*b"}},
		"expires":           {Expires: time.Now().Add(-time.Second)},
		"limits.spend_mont": {},
	} {
		_, _, err := s.AddGateway(spec)
		var fe *FieldError
		if field == "limits.spend_mont" {
			if err != nil {
				t.Errorf("a plain one: %v", err)
			}
		} else if !errors.As(err, &fe) || fe.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for range 20 { // of several faults it is always the same one that is told of
		for field, limits := range map[string]Limits{"limits.rpm": {RPM: -1, TPM: -1, SpendDay: -1, SpendMonth: -1}, "limits.spend_day": {SpendDay: -1, SpendMonth: -1}} {
			var fe *FieldError
			if err := limits.complaint(); !errors.As(err, &fe) || fe.Field != field {
				t.Fatalf("%s: %v", field, err)
			}
		}
	}
	for field, spec := range map[string]VirtualSpec{
		"name":       {Name: "a b", Provider: "openai", Secrets: []string{planted}},
		"provider":   {Name: "a", Secrets: []string{planted}},
		"secrets":    {Name: "a", Provider: "openai"},
		"secrets[0]": {Name: "a", Provider: "openai", Secrets: []string{planted + "\n"}},
		"secrets[1]": {Name: "a", Provider: "openai", Secrets: []string{planted, planted}},
	} {
		_, err := s.AddVirtual(spec)
		var fe *FieldError
		if !errors.As(err, &fe) || fe.Field != field || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: %v", field, err)
		}
	}
	addVirtual(t, s, "a", Limits{}, planted)
	if _, err := s.AddVirtual(VirtualSpec{Name: "a", Provider: "openai", Secrets: []string{"other"}}); !errors.Is(err, ErrExists) {
		t.Errorf("twice: %v", err)
	}
	if _, err := s.AddVirtual(VirtualSpec{Name: "b", Provider: "openai", Secrets: []string{Prefix + "x"}}); err == nil {
		t.Error("a gateway key as a provider's")
	}
}

func TestOneProcessAtATime(t *testing.T) {
	s := tempStore(t)
	if _, err := Open(s.path, Options{LockTimeout: 10 * time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("%v", err)
	}
}

// edit changes the file's bytes below the store.
func edit(t *testing.T, path string, f func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	full := tempStore(t)
	addVirtual(t, full, "v", Limits{}, planted)
	full.AddGateway(GatewaySpec{})
	full.Close()
	raw, err := os.ReadFile(full.path)
	if err != nil {
		t.Fatal(err)
	}
	move := func(bucket []byte, from, to string) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			b := tx.Bucket(bucket)
			v := bytes.Clone(b.Get([]byte(from)))
			return errors.Join(b.Delete([]byte(from)), b.Put([]byte(to), v))
		}
	}
	rewrite := func(f func(r *virtualRecord)) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			var r virtualRecord
			if err := decode(tx.Bucket(bucketVirtual).Get([]byte("v")), &r); err != nil {
				return err
			}
			tx.Bucket(bucketVirtual).Delete([]byte("v"))
			f(&r)
			b, _ := encode(&r)
			return tx.Bucket(bucketVirtual).Put([]byte(r.Name), b)
		}
	}
	for name, c := range map[string]struct {
		change func(tx *bbolt.Tx) error
		want   error
	}{
		"newer format": {func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put([]byte(metaFormat), []byte("2")) }, ErrVersion},
		"no format":    {func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete([]byte(metaFormat)) }, ErrDamaged},
		"no bucket":    {func(tx *bbolt.Tx) error { return tx.DeleteBucket(bucketGateway) }, ErrDamaged},
		"no seal":      {func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete([]byte(metaSeal)) }, ErrDamaged},
		"newer record": {func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketVirtual).Put([]byte("v"), []byte{2, 0, 0, 0, 0, '{', '}'})
		}, ErrVersion},
		"cut record": {func(tx *bbolt.Tx) error { return tx.Bucket(bucketVirtual).Put([]byte("v"), []byte{1}) }, ErrDamaged},
		"changed record": {func(tx *bbolt.Tx) error {
			b := bytes.Clone(tx.Bucket(bucketVirtual).Get([]byte("v")))
			b[20] ^= 1
			return tx.Bucket(bucketVirtual).Put([]byte("v"), b)
		}, ErrDamaged},
		"moved record":      {move(bucketVirtual, "v", "w"), ErrDamaged},
		"box of another":    {rewrite(func(r *virtualRecord) { r.Name = "w" }), ErrDamaged},
		"another provider":  {rewrite(func(r *virtualRecord) { r.Provider = "groq" }), ErrDamaged},
		"tampered box":      {rewrite(func(r *virtualRecord) { r.Box[len(r.Box)-1] ^= 1 }), ErrDamaged},
		"newer box":         {rewrite(func(r *virtualRecord) { r.Box[0] = 2 }), ErrVersion},
		"another's count":   {rewrite(func(r *virtualRecord) { r.Count = 2 }), ErrDamaged},
		"another's program": {func(tx *bbolt.Tx) error { tx.DeleteBucket(bucketMeta); return nil }, ErrDamaged},
	} {
		path := filepath.Join(t.TempDir(), "keys.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		edit(t, path, c.change)
		s, err := Open(path, Options{Seal: testSeal})
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), planted) {
			t.Errorf("%s: %v", name, err)
		}
		if s != nil {
			s.Close()
		}
	}
	for name, b := range map[string][]byte{"empty": {}, "text": []byte(strings.Repeat("no database ", 2000)), "cut": raw[:len(raw)/2]} {
		path := filepath.Join(t.TempDir(), "keys.db")
		os.WriteFile(path, b, 0o600)
		s, err := Open(path, Options{Seal: testSeal, LockTimeout: time.Second})
		if err == nil {
			s.Close()
		}
		if (err == nil) != (name == "empty") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamageIsNeverAPanic flips bits of a good file.
func TestDamageIsNeverAPanic(t *testing.T) {
	full := tempStore(t)
	for _, name := range []string{"a", "b", "c"} {
		addVirtual(t, full, name, Limits{RPM: 5}, planted)
		full.AddGateway(GatewaySpec{Label: name})
	}
	full.Close()
	raw, err := os.ReadFile(full.path)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	path := filepath.Join(t.TempDir(), "keys.db")
	for range 300 {
		b := bytes.Clone(raw)
		for range 1 + r.IntN(4) {
			at := r.IntN(len(b))
			if r.IntN(4) > 0 { // where pages and small buckets have their headers
				at = at&^4095 + r.IntN(256)
			}
			b[at] ^= 1 << r.IntN(8)
		}
		os.WriteFile(path, b, 0o600)
		s, err := Open(path, Options{Seal: testSeal})
		if err != nil {
			if strings.Contains(err.Error(), planted) {
				t.Fatalf("%v", err)
			}
			continue
		}
		s.Virtuals()
		s.Close()
	}
}

func TestSealing(t *testing.T) {
	s := tempStore(t)
	addVirtual(t, s, "v", Limits{}, planted, planted+"-2")
	raw, _ := os.ReadFile(s.path)
	if bytes.Contains(raw, []byte(planted)) {
		t.Error("the file has the secret")
	}
	s.Close()
	for name, k := range map[string]SealKey{"another key": {key: bytes.Repeat([]byte{8}, sealKeyLen)}, "a passphrase": {passphrase: []byte("correct horse battery")}} {
		if _, err := Open(s.path, Options{Seal: k}); !errors.Is(err, ErrSealKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	without := open(t, s.path, SealKey{})
	if _, err := without.Secret("v"); !errors.Is(err, ErrNoSealKey) || !without.Sealed() || !without.Virtuals()[0].Sealed {
		t.Errorf("without a key: %v", err)
	}
	if _, err := without.AddVirtual(VirtualSpec{Name: "w", Provider: "openai", Secrets: []string{planted}}); !errors.Is(err, ErrNoSealKey) {
		t.Errorf("without a key: %v", err)
	}
	s = reopen(t, without, testSeal)
	var got []string
	for range 4 {
		v, err := s.Secret("v")
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	if want := []string{planted, planted + "-2", planted, planted + "-2"}; !slices.Equal(got, want) {
		t.Errorf("not in turn: %q", got)
	}
	if _, err := s.RotateVirtual("v", []string{"sk-new"}); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, s, testSeal)
	if v, err := s.Secret("v"); v != "sk-new" || err != nil {
		t.Errorf("after the rotation: %v", err)
	}
	if err := s.RevokeVirtual("v"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Secret("v"); !errors.Is(err, ErrNotFound) {
		t.Errorf("revoked: %v", err)
	}
}

func TestPassphrase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.db")
	k, err := Passphrase("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, path, k)
	addVirtual(t, s, "v", Limits{}, planted)
	s.Close()
	wrong, _ := Passphrase("correct horse batteries")
	for _, other := range []SealKey{wrong, testSeal} {
		if _, err := Open(path, Options{Seal: other}); !errors.Is(err, ErrSealKey) {
			t.Errorf("%v: %v", other, err)
		}
	}
	if v, err := open(t, path, k).Secret("v"); v != planted || err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"short", "correct horse battery ", "\tcorrect horse battery", "correct horse battery\n"} {
		if _, err := Passphrase(bad); err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	// Parameters that would take all memory are not obeyed.
	if _, err := k.sealer(sealRecord{Kind: kindArgon2id, Salt: make([]byte, 16), Time: 3, Memory: 1 << 31, Threads: 1}); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v", err)
	}
}

func TestParseSealKey(t *testing.T) {
	for _, good := range []string{strings.Repeat("0f", 32), strings.Repeat("Aa+/", 10) + "Aa8=", strings.Repeat("Aa-_", 10) + "Aa8"} {
		if k, err := ParseSealKey(good); err != nil || len(k.key) != sealKeyLen {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "planted-but-wrong", strings.Repeat("0f", 31)} {
		if _, err := ParseSealKey(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
