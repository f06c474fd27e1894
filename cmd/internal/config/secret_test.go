package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestKeysAreSealedWithOneThing(t *testing.T) {
	const planted = "planted-0123456789"
	good := strings.Repeat("0f", 32)
	c := mustLoad(t, Sources{Env: []string{"REPRISE_KEYS_SEAL_KEY=" + good, "REPRISE_DB=/data/answers.db"}})
	var out strings.Builder
	if err := c.Print(&out); err != nil || strings.Contains(out.String(), good) || c.Keys.SealKey != good || c.Keys.Path != "/data/keys.db" {
		t.Errorf("%v, %s, %s", err, out.String(), c.Keys.Path)
	}
	for _, env := range [][]string{
		{"REPRISE_KEYS_SEAL_KEY=" + planted},
		{"REPRISE_KEYS_SEAL_KEY=" + good, "REPRISE_KEYS_PASSPHRASE=" + planted},
		{"REPRISE_KEYS_PASSPHRASE=planted-01"},
	} {
		if _, err := Load(Sources{Env: env}); !errors.Is(err, ErrInvalid) || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), good) {
			t.Errorf("%v", err)
		}
	}
}

func TestAdminToken(t *testing.T) {
	const token = "operator-token-0123456789"
	for name, src := range map[string]Sources{
		"variable": {Env: []string{"REPRISE_ADMIN_TOKEN=" + token}},
		"file":     {Flags: []Setting{{Key: "admin.token_file", Value: file(t, token+"\n"), Flag: "--set"}}},
		"YAML":     {File: file(t, "admin:\n  token: "+token+"\n")},
	} {
		c := mustLoad(t, src)
		if c.Admin.Token != token {
			t.Errorf("%s: the token is %q", name, c.Admin.Token)
		}
		var out strings.Builder
		if err := c.Print(&out); err != nil || strings.Contains(out.String(), token) || !strings.Contains(out.String(), "admin:") {
			t.Errorf("%s: printed as\n%s", name, out.String())
		}
	}
	for _, src := range []Sources{
		{Env: []string{"REPRISE_ADMIN_TOKEN=too-short"}},
		{Env: []string{"REPRISE_ADMIN_TOKEN=" + token, "REPRISE_ADMIN_TOKEN_FILE=" + file(t, token)}},
		{Env: []string{"REPRISE_ADMIN_TOKEN_FILE=" + file(t, "\n")}},
		{Env: []string{"REPRISE_ADMIN_TOKEN_FILE=" + file(t, strings.Repeat("x", maxSecretFile+1))}},
		{Env: []string{"REPRISE_ADMIN_TOKEN_FILE=/no/such/file"}},
	} {
		_, err := Load(src)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "admin.token") || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "too-short") {
			t.Errorf("%v", err)
		}
	}
}

// TestBlanksAroundSecrets holds that a secret is one and the same whichever way it comes: by a variable, by its own file or in the YAML.
func TestBlanksAroundSecrets(t *testing.T) {
	const secret = "planted-0123456789"
	read := map[string]func(*Config) string{
		"admin.token":     func(c *Config) string { return c.Admin.Token },
		"keys.passphrase": func(c *Config) string { return c.Keys.Passphrase },
	}
	ways := func(path, text string) map[string]Sources {
		k, _ := lookup(path)
		section, name, _ := strings.Cut(path, ".")
		return map[string]Sources{
			"variable": {Env: []string{k.Env() + "=" + text}},
			"file":     {Env: []string{k.Env() + "_FILE=" + file(t, text)}},
			"YAML":     {File: file(t, fmt.Sprintf("%s:\n  %s: %q\n", section, name, text))},
		}
	}
	for path, of := range read {
		for way, src := range ways(path, secret+"\r\n") {
			if got := of(mustLoad(t, src)); got != secret {
				t.Errorf("%s by %s: %q", path, way, got)
			}
		}
	}
	for way, src := range ways("admin.token", " "+secret+"\t \n") {
		if got := mustLoad(t, src).Admin.Token; got != secret {
			t.Errorf("the token by %s: %q", way, got)
		}
	}
	for _, text := range []string{secret + " ", "\t" + secret} { // would seal by one way, and not open by another
		for way, src := range ways("keys.passphrase", text) {
			_, err := Load(src)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "keys.passphrase: it begins or ends with blanks") || strings.Contains(err.Error(), secret) {
				t.Errorf("the passphrase %q by %s: %v", text, way, err)
			}
		}
	}
	c := mustLoad(t, Sources{Env: []string{"A_KEY=" + secret + " ", "REPRISE_PROVIDERS_OPENAI_API_KEY_ENV=A_KEY"}})
	if got := c.Providers["openai"].APIKey; got != secret {
		t.Errorf("by api_key_env: %q", got)
	}
}
