package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/cmd/internal/config"
)

type keysSetCmd struct {
	keysFlags
	Name       string   `arg:"" help:"The id of a gateway key, or the name of a virtual one."`
	Label      *string  `help:"What the key is for, as people read it."`
	Scopes     []string `placeholder:"SCOPES" help:"Of a gateway key: some of call, feedback, read and admin, with commas between, in place of those that it has."`
	Namespace  []string `sep:"none" placeholder:"NAMESPACE" help:"Of a gateway key: a namespace that it may use, or the beginning of one and *, in place of those that it has. Repeatable; * is all."`
	Private    *bool    `negatable:"" help:"Of a gateway key: it shares its answers with no other key."`
	Expires    string   `placeholder:"WHEN" help:"Of a gateway key: after a time, as 30d or 12h, at one, as 2030-01-31T00:00:00Z, or never."`
	RPM        *int     `name:"rpm" help:"Most requests a minute; 0 for no limit."`
	TPM        *int     `name:"tpm" help:"Most tokens a minute; 0 for no limit."`
	SpendDay   *float64 `placeholder:"DOLLARS" help:"Most money a day (UTC); 0 for no limit."`
	SpendMonth *float64 `placeholder:"DOLLARS" help:"Most money a month (UTC); 0 for no limit."`
}

// Run is called by kong. What no flag names stays as it is.
func (c *keysSetCmd) Run(ctx context.Context, h *host) error {
	in, limits := map[string]any{}, map[string]any{}
	if c.Label != nil {
		in["label"] = *c.Label
	}
	setLimit(limits, "rpm", c.RPM)
	setLimit(limits, "tpm", c.TPM)
	setLimit(limits, "spend_day", c.SpendDay)
	setLimit(limits, "spend_month", c.SpendMonth)
	if len(limits) > 0 {
		in["limits"] = limits
	}
	if c.Virtual && (len(c.Scopes) > 0 || len(c.Namespace) > 0 || c.Private != nil || c.Expires != "") {
		return fmt.Errorf("%w: --scopes, --namespace, --private and --expires are about gateway keys; leave them out, or --virtual", config.ErrInvalid)
	}
	if len(c.Scopes) > 0 {
		in["scopes"] = c.Scopes
	}
	if len(c.Namespace) > 0 {
		in["namespaces"] = c.Namespace
	}
	if c.Private != nil {
		in["private"] = *c.Private
	}
	switch c.Expires {
	case "":
	case "never":
		in["expires"] = nil
	default:
		at, err := expiry(c.Expires, time.Now())
		if err != nil {
			return err
		}
		in["expires"] = at.UTC().Format(time.RFC3339)
	}
	if len(in) == 0 {
		return fmt.Errorf("%w: there is nothing to change: give a limit, --label, --scopes, --namespace, --private or --expires", config.ErrInvalid)
	}
	answer, err := c.do(ctx, h, "PATCH", c.resource()+"/"+url.PathEscape(c.Name), in)
	if err != nil {
		return err
	}
	var now listedKey
	if err := json.Unmarshal(answer, &now); err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	_, err = fmt.Fprintf(h.stdout, "%s: %s, label %s, limits %s\n", c.Name, now.state(time.Now()), dash(now.Label), now.Limits)
	return err
}

// setLimit names a limit that a flag names. None is null, as the merge patch has it.
func setLimit[T int | float64](in map[string]any, name string, v *T) {
	switch {
	case v == nil:
	case *v == 0:
		in[name] = nil
	default:
		in[name] = *v
	}
}

type keysResealCmd struct {
	remoteFlags
	Passphrase bool   `help:"Seal with a passphrase, and not with a key of 32 bytes."`
	SecretEnv  string `name:"secret-env" placeholder:"VARIABLE" help:"Environment variable with the new key or passphrase. Without it, it is read from standard input."`
}

// Run is called by kong. The old key is the configured one; nothing is changed but the file.
func (c *keysResealCmd) Run(ctx context.Context, h *host) error {
	what, member := "key to seal with", "seal_key"
	if c.Passphrase {
		what, member = "passphrase", "passphrase"
	}
	secret, err := c.secret(ctx, h, what)
	if err != nil {
		return err
	}
	f := keysFlags{remoteFlags: c.remoteFlags}
	answer, err := f.do(ctx, h, "POST", "keys/reseal", map[string]string{member: secret})
	if err != nil {
		return err
	}
	var said struct{ Resealed int }
	if err := json.Unmarshal(answer, &said); err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	_, err = fmt.Fprintf(h.stdout, "%d virtual keys are sealed anew: put the new %s where the gateway has read the old one (as keys.%s, and the other of keys.seal_key and keys.passphrase unset) before it starts again\n",
		said.Resealed, what, member)
	return err
}

// secret reads the new one as the configuration will: to the last byte, but for line ends.
func (c *keysResealCmd) secret(ctx context.Context, h *host, what string) (string, error) {
	text, err := c.given(ctx, h, what)
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(text, "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%w: give the new %s alone, on one line of standard input, or name a variable by --secret-env", config.ErrInvalid, what)
	}
	return secret, nil
}

// given is what the variable holds, or what standard input brings.
func (c *keysResealCmd) given(ctx context.Context, h *host, what string) (string, error) {
	if c.SecretEnv != "" {
		value, ok := h.variable(c.SecretEnv)
		if !ok {
			return "", fmt.Errorf("%w: --secret-env names %s, which is not set", config.ErrInvalid, c.SecretEnv)
		}
		return value, nil
	}
	text, err := readSecretInput(ctx, h, "The new "+what)
	if err == nil && isTerminal(h.stdin) { // nobody has seen what was typed
		var again []byte
		if again, err = readSecretInput(ctx, h, "Once more"); err == nil && !bytes.Equal(again, text) {
			err = fmt.Errorf("%w: the two are not the same: nothing was changed", config.ErrInvalid)
		}
	}
	return string(text), err
}
