package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// maxSecretInput is the most that is read of standard input.
const maxSecretInput = 256 << 10

// secrets reads a provider's keys.
func (f *secretFlags) secrets(ctx context.Context, h *host) ([]string, error) {
	var out []string
	for _, name := range f.SecretEnv {
		value, ok := h.variable(name)
		if !ok {
			return nil, fmt.Errorf("%w: --secret-env names %s, which is not set", config.ErrInvalid, name)
		}
		out = append(out, value)
	}
	if len(out) > 0 {
		return out, nil
	}
	text, err := readSecretInput(ctx, h, "The provider's key")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: there is no key on standard input: write the provider's, a line each, or name a variable by --secret-env", config.ErrInvalid)
	}
	return out, nil
}

// readSecretInput reads standard input, from a terminal one line that is not shown.
func readSecretInput(ctx context.Context, h *host, prompt string) ([]byte, error) {
	if isTerminal(h.stdin) {
		fmt.Fprintf(h.stderr, "%s (it is not shown): ", prompt)
		defer fmt.Fprintln(h.stderr)
		return readHidden(ctx, int(h.stdin.(*os.File).Fd()))
	}
	text, err := io.ReadAll(io.LimitReader(h.input(ctx), maxSecretInput+1))
	if err == nil && len(text) > maxSecretInput { // a part of it would be another secret
		return nil, fmt.Errorf("%w: standard input is longer than %d bytes, which no key, list of keys or passphrase is", config.ErrInvalid, maxSecretInput)
	}
	return text, err
}

// readHidden reads a line of a terminal, which shows what is typed again also if the wait for it is given up.
func readHidden(ctx context.Context, terminal int) ([]byte, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return nil, err
	}
	var text []byte
	read := make(chan struct{})
	go func() {
		text, err = term.ReadPassword(terminal)
		close(read)
	}()
	select {
	case <-read:
		return text, err
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(terminal, before))
	}
}

// printMade prints a new gateway key alone, so that a script can take it, and says the rest beside it.
func printMade(h *host, answer []byte) error {
	var made struct{ ID, Key string }
	if err := json.Unmarshal(answer, &made); err != nil || made.Key == "" {
		return fmt.Errorf("the answer has no key in it")
	}
	fmt.Fprintf(h.stderr, "key %s; it is shown this once:\n", made.ID)
	_, err := fmt.Fprintln(h.stdout, made.Key)
	return err
}

// keyLimits, keySpent and listedKey are what the lists have of a key.
type keyLimits struct {
	RPM        int     `json:"rpm"`
	TPM        int     `json:"tpm"`
	SpendDay   float64 `json:"spend_day"`
	SpendMonth float64 `json:"spend_month"`
}

type keySpent struct {
	Requests uint64  `json:"requests"`
	Tokens   uint64  `json:"tokens"`
	Day      float64 `json:"day_sum"`
	Month    float64 `json:"month_sum"`
}

type listedKey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Provider   string     `json:"provider"`
	Label      string     `json:"label"`
	Scopes     []string   `json:"scopes"`
	Namespaces []string   `json:"namespaces"`
	Private    bool       `json:"private"`
	Expires    time.Time  `json:"expires"`
	Revoked    time.Time  `json:"revoked"`
	Limits     keyLimits  `json:"limits"`
	Spent      keySpent   `json:"spent"`
	Secrets    []struct{} `json:"secrets"`
}

// printKeys prints either list as a table.
func printKeys(w io.Writer, answer []byte) error {
	var list struct {
		Keys    []listedKey `json:"keys"`
		Virtual []listedKey `json:"virtual_keys"`
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		return fmt.Errorf("the list is no JSON: %w", err)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if list.Virtual != nil {
		fmt.Fprintln(tw, "NAME\tPROVIDER\tSECRETS\tLABEL\tLIMITS\tREQUESTS\tTOKENS\tDAY\tMONTH")
		for _, k := range list.Virtual {
			fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%s\t%d\t%d\t%.4f\t%.4f\n", k.Name, k.Provider, len(k.Secrets), dash(k.Label), k.Limits,
				k.Spent.Requests, k.Spent.Tokens, k.Spent.Day, k.Spent.Month)
		}
		return tw.Flush()
	}
	fmt.Fprintln(tw, "ID\tLABEL\tSCOPES\tNAMESPACES\tSTATE\tLIMITS\tREQUESTS\tTOKENS\tDAY\tMONTH")
	for _, k := range list.Keys {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%.4f\t%.4f\n", k.ID, dash(k.Label), strings.Join(k.Scopes, ","), dash(strings.Join(k.Namespaces, ",")),
			k.state(time.Now()), k.Limits, k.Spent.Requests, k.Spent.Tokens, k.Spent.Day, k.Spent.Month)
	}
	return tw.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (k *listedKey) state(now time.Time) string {
	s := "good"
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired"
	case !k.Expires.IsZero():
		s = "until " + k.Expires.Format(time.DateOnly)
	}
	if k.Private {
		s += ", private"
	}
	return s
}

// String is as short as a column.
func (l keyLimits) String() string {
	var out []string
	add := func(set bool, format string, v any) {
		if set {
			out = append(out, fmt.Sprintf(format, v))
		}
	}
	add(l.RPM > 0, "%d rpm", l.RPM)
	add(l.TPM > 0, "%d tpm", l.TPM)
	add(l.SpendDay > 0, "$%v/day", l.SpendDay)
	add(l.SpendMonth > 0, "$%v/month", l.SpendMonth)
	return dash(strings.Join(out, " "))
}
