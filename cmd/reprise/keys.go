package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/proxy"
)

type keysCmd struct {
	Add    keysAddCmd    `cmd:"" help:"Make a gateway key, which is printed this once, or with --virtual keep a provider's keys under a name."`
	List   keysListCmd   `cmd:"" help:"List the keys, with what they used. No key is shown."`
	Rotate keysRotateCmd `cmd:"" help:"Put a new gateway key in the place of one, or with --virtual other keys of the provider."`
	Set    keysSetCmd    `cmd:"" help:"Change the label or the limits of a key, and of a gateway key its scopes, namespaces and expiry, without a new one."`
	Revoke keysRevokeCmd `cmd:"" help:"Make a gateway key useless, or with --virtual forget a provider's."`
	Reseal keysResealCmd `cmd:"" help:"Seal what the file has of providers' keys with another key or passphrase. Until it is done, the old one opens it."`
}

// keysFlags are those of every command about keys. It works on the file, or through the server that has it open.
type keysFlags struct {
	remoteFlags
	Virtual bool `help:"About virtual keys: names for providers' keys, which the gateway keeps sealed."`
}

// resource is what the admin API calls the kind of keys that the command is about.
func (f *keysFlags) resource() string {
	if f.Virtual {
		return "virtual-keys"
	}
	return "keys"
}

// secretFlags say where a provider's keys are read from. They are no arguments: those are seen by everybody who lists
// processes, and kept by shells.
type secretFlags struct {
	SecretEnv []string `name:"secret-env" placeholder:"VARIABLE" help:"Environment variable with a key of the provider's. Repeatable. Without it they are read from standard input, a line each."`
}

type keysAddCmd struct {
	keysFlags
	secretFlags
	Name       string   `arg:"" optional:"" help:"Of a virtual key: what requests call it."`
	For        string   `placeholder:"PROVIDER" help:"Of a virtual key: the provider that it is for."`
	Label      string   `help:"What the key is for, as people read it."`
	Scopes     []string `placeholder:"SCOPES" help:"Of a gateway key: some of call, feedback, read and admin, with commas between. By default call and feedback."`
	Namespace  []string `sep:"none" placeholder:"NAMESPACE" help:"Of a gateway key: a namespace that it may use, or the beginning of one and *. Repeatable. By default all."`
	Private    bool     `help:"Of a gateway key: it shares its answers with no other key."`
	Expires    string   `placeholder:"WHEN" help:"Of a gateway key: after a time, as 30d or 12h, or at one, as 2030-01-31T00:00:00Z."`
	RPM        int      `name:"rpm" help:"Most requests a minute."`
	TPM        int      `name:"tpm" help:"Most tokens a minute."`
	SpendDay   float64  `placeholder:"DOLLARS" help:"Most money a day (UTC)."`
	SpendMonth float64  `placeholder:"DOLLARS" help:"Most money a month (UTC)."`
}

// Run is called by kong. A new key is the one line on standard output.
func (c *keysAddCmd) Run(ctx context.Context, h *host) error {
	in := map[string]any{"limits": limitsOf(map[string]float64{
		"rpm": float64(c.RPM), "tpm": float64(c.TPM), "spend_day": c.SpendDay, "spend_month": c.SpendMonth,
	})}
	set := func(name string, v any, given bool) {
		if given {
			in[name] = v
		}
	}
	set("label", c.Label, c.Label != "")
	if c.Virtual {
		switch {
		case c.Name == "" || c.For == "":
			return fmt.Errorf("%w: a virtual key needs its name and --for, the provider", config.ErrInvalid)
		case len(c.Scopes) > 0 || len(c.Namespace) > 0 || c.Private || c.Expires != "":
			return fmt.Errorf("%w: --scopes, --namespace, --private and --expires are about gateway keys; leave them out, or --virtual", config.ErrInvalid)
		}
		secrets, err := c.secrets(ctx, h)
		if err != nil {
			return err
		}
		in["name"], in["provider"], in["secrets"] = c.Name, c.For, secrets
		if _, err := c.do(ctx, h, "POST", "virtual-keys", in); err != nil {
			return err
		}
		_, err = fmt.Fprintf(h.stdout, "%s: sealed %d of the keys of %s\n", c.Name, len(secrets), c.For)
		return err
	}
	if c.Name != "" || c.For != "" || len(c.SecretEnv) > 0 {
		return fmt.Errorf("%w: a name, --for and --secret-env are about virtual keys; add --virtual, or use --label", config.ErrInvalid)
	}
	set("scopes", c.Scopes, len(c.Scopes) > 0)
	set("namespaces", c.Namespace, len(c.Namespace) > 0)
	set("private", true, c.Private)
	if c.Expires != "" {
		at, err := expiry(c.Expires, time.Now())
		if err != nil {
			return err
		}
		in["expires"] = at.UTC().Format(time.RFC3339)
	}
	answer, err := c.do(ctx, h, "POST", "keys", in)
	if err != nil {
		return err
	}
	return printMade(h, answer)
}

type keysListCmd struct {
	keysFlags
	JSON bool `name:"json" help:"As JSON, with all that is known."`
}

// Run is called by kong.
func (c *keysListCmd) Run(ctx context.Context, h *host) error {
	answer, err := c.do(ctx, h, "GET", c.resource(), nil)
	switch {
	case err != nil:
		return err
	case c.JSON:
		_, err = fmt.Fprintf(h.stdout, "%s\n", strings.TrimSpace(string(answer)))
		return err
	}
	return printKeys(h.stdout, answer)
}

type keysRotateCmd struct {
	keysFlags
	secretFlags
	Name  string        `arg:"" help:"The id of a gateway key, or the name of a virtual one."`
	Grace time.Duration `help:"For how long the old gateway key goes on to be good, as 24h; older ones keep what is left of theirs. Without it all old ones end at once."`
}

// Run is called by kong.
func (c *keysRotateCmd) Run(ctx context.Context, h *host) error {
	if c.Virtual {
		if c.Grace != 0 {
			return fmt.Errorf("%w: --grace is about gateway keys", config.ErrInvalid)
		}
		secrets, err := c.secrets(ctx, h)
		if err == nil {
			_, err = c.do(ctx, h, "POST", "virtual-keys/"+url.PathEscape(c.Name)+"/rotate", map[string]any{"secrets": secrets})
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(h.stdout, "%s: sealed %d keys in place of those before\n", c.Name, len(secrets))
		return err
	}
	if len(c.SecretEnv) > 0 {
		return fmt.Errorf("%w: --secret-env is about virtual keys, and a new gateway key is drawn, not given: leave it out, or add --virtual", config.ErrInvalid)
	}
	answer, err := c.do(ctx, h, "POST", "keys/"+url.PathEscape(c.Name)+"/rotate", map[string]any{"grace_seconds": c.Grace.Seconds()})
	if err != nil {
		return err
	}
	return printMade(h, answer)
}

type keysRevokeCmd struct {
	keysFlags
	Name string `arg:"" help:"The id of a gateway key, or the name of a virtual one."`
}

// Run is called by kong.
func (c *keysRevokeCmd) Run(ctx context.Context, h *host) error {
	if _, err := c.do(ctx, h, "DELETE", c.resource()+"/"+url.PathEscape(c.Name), nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(h.stdout, "%s: revoked\n", c.Name)
	return err
}

// limitsOf leaves out what is not limited.
func limitsOf(all map[string]float64) map[string]float64 {
	maps.DeleteFunc(all, func(_ string, v float64) bool { return v == 0 })
	return all
}

// expiry reads a time, or how long until it.
func expiry(s string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, nil
	}
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		if n, err = strconv.Atoi(days); n < 0 || n > 100*365 {
			n = 0 // which is refused
		}
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d <= 0 || d > 100*365*24*time.Hour {
		return now, fmt.Errorf("%w: --expires %q: write how long the key is good, as 30d or 12h, or until when, as 2030-01-31T00:00:00Z", config.ErrInvalid, s)
	}
	return now.Add(d), nil
}

// do has the admin API do something: that of the server that --url names, or else the same on the file.
func (f *keysFlags) do(ctx context.Context, h *host, method, path string, in any) ([]byte, error) {
	cfg, err := f.load(h)
	if err != nil {
		return nil, err
	}
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	server, err := f.server(cfg)
	if err != nil {
		return nil, err
	}
	if server != nil {
		resp, err := server.do(ctx, method, path, body)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	}
	if adds := method == "POST" && (path == "keys" || path == "virtual-keys"); !adds { // the others would make an empty one
		if _, err := os.Stat(cfg.Keys.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: there are no keys in %s, which does not exist: name the file by --set keys.path=FILE, or by --config what the server reads; `reprise keys add` makes one",
				config.ErrInvalid, cfg.Keys.Path)
		}
	}
	k, err := openKeys(cfg, nil)
	if errors.Is(err, proxy.ErrKeysLocked) {
		return nil, fmt.Errorf("%w: a server is running on it: go through that by --url http://%s, or stop it", err, cfg.Listen)
	} else if err != nil {
		return nil, err
	}
	status, answer := k.Admin(method, path, body)
	if err := k.Close(); err != nil {
		return nil, err
	}
	if status/100 == 2 {
		return answer, nil
	}
	var said struct {
		Error struct{ Message string }
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return nil, err
	}
	if status < 500 {
		return nil, fmt.Errorf("%w: %s", config.ErrInvalid, said.Error.Message)
	}
	return nil, errors.New(said.Error.Message)
}

// openKeys opens the configured file of keys.
func openKeys(c *config.Config, onSave func(error)) (*proxy.Keys, error) {
	k, err := proxy.OpenKeys(c.Keys.Path, proxy.KeysOptions{
		SealKey: c.Keys.SealKey, Passphrase: c.Keys.Passphrase, Providers: slices.Collect(maps.Keys(c.Providers)), OnSave: onSave,
	})
	switch {
	case errors.Is(err, proxy.ErrSealKey):
		return nil, fmt.Errorf("%w (REPRISE_KEYS_SEAL_KEY, REPRISE_KEYS_PASSPHRASE, or the files that keys.seal_key_file and keys.passphrase_file name)", err)
	case errors.Is(err, proxy.ErrKeysDamaged), errors.Is(err, proxy.ErrKeysVersion):
		return nil, fmt.Errorf("%w (restore a copy of it, or name another file by keys.path)", err)
	}
	return k, err
}

// serveKeys opens it for a server.
func serveKeys(c *config.Config, log *slog.Logger) (*proxy.Keys, error) {
	k, err := openKeys(c, func(err error) {
		if err != nil {
			log.Error("what keys spent could not be written", "error", err)
		}
	})
	switch {
	case errors.Is(err, proxy.ErrKeysLocked):
		return nil, fmt.Errorf("%w: each server needs a file of its own: name another by keys.path", err)
	case err != nil:
		return nil, err
	case k.Sealed():
		return nil, errors.Join(fmt.Errorf("%w: %s holds virtual keys, and there is nothing to open them with: set keys.seal_key or keys.passphrase, by a variable or a file",
			config.ErrInvalid, c.Keys.Path), k.Close())
	}
	log.Info("keys", "path", c.Keys.Path, "required", c.Keys.Required || k.Required())
	return k, nil
}
