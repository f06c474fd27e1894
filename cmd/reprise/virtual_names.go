package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"sync"

	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/proxy"
)

// virtualNames are virtual keys by name, for a server that makes no calls: the provider that one is for decides, with the name, whose
// answers are looked for. They are asked for when the first request names one: the file is a running server's, and most need it not.
type virtualNames struct {
	anyKeys
	where string                                         // they are kept
	find  func(name string) (provider string, err error) // "": there is none of the name
	done  func()                                         // nil: nothing is open

	mu    sync.Mutex // guards all below
	known map[string]string
	err   error
}

// Provider returns the provider that a virtual key is for.
func (v *virtualNames) Provider(name string) (string, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	provider, ok := v.known[name]
	if !ok && v.err == nil {
		if provider, v.err = v.find(name); v.err == nil {
			v.known[name] = provider
		}
	}
	return provider, provider != ""
}

// failed is why virtual keys could not be asked for; nil: they could, or none was.
func (v *virtualNames) failed() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

func (v *virtualNames) close() {
	if v.done != nil {
		v.done()
	}
}

// check refuses headers that name a virtual key which is not there, before each line is bad for it.
func (v *virtualNames) check(header http.Header) error {
	for _, of := range []string{"X-Portkey-Virtual-Key", "X-Reprise-Virtual-Key"} {
		for _, name := range header[of] {
			if _, ok := v.Provider(name); ok {
				continue
			}
			if err := v.failed(); err != nil {
				return err
			}
			return fmt.Errorf("%w: --header %s=%.64s: there is no such virtual key in %s: `reprise keys list --virtual` has those that there are", config.ErrInvalid, of, name, v.where)
		}
	}
	return nil
}

// fileNames are those of the configured file, which need no key to be opened with.
func fileNames(c *config.Config) *virtualNames {
	sealed := *c
	sealed.Keys.SealKey, sealed.Keys.Passphrase = "", ""
	v := &virtualNames{where: c.Keys.Path, known: map[string]string{}}
	var opened *proxy.Keys
	v.find = func(name string) (string, error) {
		if opened == nil {
			if _, err := os.Stat(v.where); errors.Is(err, fs.ErrNotExist) { // or one would be made
				return "", nil
			}
			k, err := openKeys(&sealed, nil)
			if errors.Is(err, proxy.ErrKeysLocked) {
				return "", fmt.Errorf("%w, and it says which provider a virtual key is for: stop the server that is running on it, or name a copy by --set keys.path=FILE", err)
			} else if err != nil {
				return "", err
			}
			opened, v.done = k, func() { _ = k.Close() } // nothing was changed
		}
		provider, _ := opened.Provider(name)
		return provider, nil
	}
	return v
}

// names are those of the server.
func (r *remote) names(ctx context.Context) *virtualNames {
	v := &virtualNames{where: r.base, known: map[string]string{}}
	v.find = func(name string) (string, error) {
		path := "virtual-keys/" + url.PathEscape(name)
		if !staysPut(path) {
			return "", nil // no key is called so
		}
		resp, err := r.do(ctx, http.MethodGet, path, nil)
		if refused := (*refusal)(nil); errors.As(err, &refused) && refused.status == http.StatusNotFound {
			return "", nil
		} else if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		var said struct{ Provider string }
		if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
			return "", fmt.Errorf("%s%s: the answer is no JSON: %w", r.base, path, err)
		}
		return said.Provider, nil
	}
	return v
}
