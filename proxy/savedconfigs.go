package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/proxy/internal/route"
	"github.com/reprise-cache/reprise/proxy/internal/saved"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// SavedConfigs are request configs that requests name by their ids, as pc-x, or pc-x@3 for a version. They are files of a
// folder, pc-x@3.json each, which is read again when it has changed. Open it with OpenConfigs; it is safe for concurrent use.
type SavedConfigs struct{ store *saved.Store }

// ConfigVersion is one version of a saved config.
type ConfigVersion struct {
	ID       string    `json:"id"`
	Version  int       `json:"version"`
	Modified time.Time `json:"modified"`
	Text     []byte    `json:"-"` // JSON
}

// Errors of saved configs.
var (
	ErrNoConfigs      = errors.New("proxy: there is no folder of saved configs: set configs_dir")
	ErrConfigNotFound = errors.New("proxy: there is no such saved config")
	ErrConfigInUse    = errors.New("proxy: another saved config needs it as it is")
	ErrConfigInvalid  = errors.New("proxy: invalid config")
)

// OpenConfigs opens a folder of saved configs. The error holds a complaint about each file that cannot be used.
func OpenConfigs(dir string) (*SavedConfigs, error) {
	checks := formChecks()
	checks.NoKeys = true
	store, err := saved.Open(dir, func(text []byte) error {
		_, err := route.Parse(text, nil, checks)
		return oneLine(err)
	})
	if err != nil {
		return nil, err
	}
	return &SavedConfigs{store}, nil
}

// oneLine joins complaints for a line of text.
func oneLine(err error) error {
	if err == nil {
		return nil
	}
	var parts []string
	for _, e := range strict.All(err) {
		parts = append(parts, e.Error())
	}
	return errors.New(strings.Join(parts, "; "))
}

// List returns the newest version of each config, by id.
func (c *SavedConfigs) List() []ConfigVersion {
	out := []ConfigVersion{}
	view := c.store.View()
	for _, id := range view.IDs() {
		if v, err := view.Get(id, 0); err == nil {
			out = append(out, versionOf(id, v))
		}
	}
	return out
}

// Get returns a version of a config; 0 is the newest. The error is ErrConfigNotFound.
func (c *SavedConfigs) Get(id string, version int) (ConfigVersion, error) {
	v, err := c.store.View().Get(id, version)
	if err != nil {
		return ConfigVersion{}, fmt.Errorf("%w: %.80q", ErrConfigNotFound, nameOf(id, version))
	}
	return versionOf(id, v), nil
}

// History returns the versions of a config, newest first. The error is ErrConfigNotFound.
func (c *SavedConfigs) History(id string) ([]ConfigVersion, error) {
	versions := c.store.View().Versions(id)
	if len(versions) == 0 {
		return nil, fmt.Errorf("%w: %.80q", ErrConfigNotFound, id)
	}
	out := make([]ConfigVersion, len(versions))
	for i, v := range versions {
		out[len(versions)-1-i] = versionOf(id, v)
	}
	return out, nil
}

// Problems lists the files that could not be used when the folder was last read. What they held before still counts.
func (c *SavedConfigs) Problems() []string { return c.store.Problems() }

func versionOf(id string, v saved.Version) ConfigVersion {
	return ConfigVersion{ID: id, Version: v.N, Modified: v.Modified.UTC(), Text: v.Text}
}

func nameOf(id string, version int) string {
	if version == 0 {
		return id
	}
	return id + "@" + strconv.Itoa(version)
}

// find returns the saved config that a request or a target names.
func find(view *saved.View, name string) (route.Saved, error) {
	id, number, pinned := strings.Cut(name, "@")
	n := 0
	if pinned {
		var err error
		if n, err = strconv.Atoi(number); err != nil || n <= 0 || number[0] == '0' || number[0] == '+' {
			return route.Saved{}, &route.Error{Code: "unknown_config", Message: fmt.Sprintf("is %q: a version is a number, as pc-x@3", shown(name))}
		}
	}
	v, err := view.Get(id, n)
	if err != nil {
		return route.Saved{}, &route.Error{Code: "unknown_config", Message: fmt.Sprintf("there is no saved config %q", shown(name))}
	}
	return route.Saved{ID: nameOf(id, v.N), Text: v.Text}, nil
}

// view is what there is of saved configs; nil: nothing.
func (s *Server) view() *saved.View {
	if s.cfg.SavedConfigs == nil {
		return nil
	}
	return s.cfg.SavedConfigs.store.View()
}

// checksIn are what a config is held to where these are the saved ones.
func (s *Server) checksIn(view *saved.View) route.Checks {
	return route.Checks{
		Provider: s.checkProvider, VirtualKey: s.checkVirtualKey, Host: s.checkHost, Cache: checkCache,
		Saved: func(name string) (route.Saved, error) {
			if view == nil {
				return route.Saved{}, &route.Error{Code: "unknown_config", Message: "this gateway has no saved configs (configs_dir)"}
			}
			return find(view, name)
		},
	}
}

// readSaved reads a saved config as a request that names it would.
func (s *Server) readSaved(view *saved.View, id string) error {
	v, err := view.Get(id, 0)
	if err != nil {
		return err
	}
	checks := s.checksIn(view)
	checks.Self, checks.NoKeys = nameOf(id, v.N), true
	_, err = route.Parse(v.Text, nil, checks)
	return err
}

// CheckConfigs reports which saved configs cannot be used as they are, a line each.
func (s *Server) CheckConfigs() error {
	view := s.view()
	if view == nil {
		return nil
	}
	var errs []error
	for _, id := range view.IDs() {
		for _, e := range strict.All(s.readSaved(view, id)) {
			errs = append(errs, fmt.Errorf("%s: %w", id, e))
		}
	}
	return errors.Join(errs...)
}

// PutConfig saves a text as the next version of a config, and returns that; where the newest has the same text, nothing is
// saved, and isNew is false. What is wrong with the text is told as ErrConfigInvalid with all complaints. A text that would
// make another saved config unusable, which names this one, is refused with ErrConfigInUse.
func (s *Server) PutConfig(id string, text []byte) (v ConfigVersion, isNew bool, err error) {
	return s.putConfig(id, text, anyVersion)
}

// What the newest version may be when putConfig saves another, beside a number.
const (
	anyVersion  = -1 // whichever, or none
	someVersion = -2 // whichever, but there is one
)

// errConfigMoved: somebody else has saved a version meanwhile.
var errConfigMoved = errors.New("proxy: the config was changed meanwhile")

// putConfig is PutConfig, where was is the newest version, or what it may be; 0: there is none.
func (s *Server) putConfig(id string, text []byte, was int) (v ConfigVersion, isNew bool, err error) {
	if s.cfg.SavedConfigs == nil {
		return v, false, ErrNoConfigs
	}
	if len(text) > saved.MaxBytes {
		return v, false, fmt.Errorf("%w: it has %d bytes, and %d are allowed", ErrConfigInvalid, len(text), saved.MaxBytes)
	}
	if string(bytes.TrimSpace(text)) == "null" { // which in the folder says that it was deleted
		return v, false, fmt.Errorf("%w: %w", ErrConfigInvalid, strict.Wrong("", "give a JSON object"))
	}
	got, isNew, err := s.cfg.SavedConfigs.store.Put(id, text, func(next *saved.View) error {
		switch newest, _ := s.view().Get(id, 0); { // of none the number is 0
		case was == anyVersion, was == someVersion && newest.N > 0, was == newest.N:
		case newest.N == 0:
			return fmt.Errorf("%w: there is none of that name", errConfigMoved)
		default:
			return fmt.Errorf("%w: its newest version is %d: read it, and try again", errConfigMoved, newest.N)
		}
		if err := s.readSaved(next, id); err != nil {
			return fmt.Errorf("%w: %w", ErrConfigInvalid, err)
		}
		return s.keepsOthers(next, id)
	})
	return versionOf(id, got), isNew, err
}

// RollbackConfig saves the text of an older version as the next one.
func (s *Server) RollbackConfig(id string, version int) (ConfigVersion, error) {
	if s.cfg.SavedConfigs == nil {
		return ConfigVersion{}, ErrNoConfigs
	}
	old, err := s.cfg.SavedConfigs.Get(id, version)
	if err != nil {
		return ConfigVersion{}, err
	}
	v, _, err := s.PutConfig(id, old.Text)
	return v, err
}

// DeleteConfig deletes a config with all its versions. The numbers of these are not used again.
func (s *Server) DeleteConfig(id string) error {
	if s.cfg.SavedConfigs == nil {
		return ErrNoConfigs
	}
	err := s.cfg.SavedConfigs.store.Delete(id, func(next *saved.View) error { return s.keepsOthers(next, id) })
	if errors.Is(err, saved.ErrNotFound) {
		return fmt.Errorf("%w: %.80q", ErrConfigNotFound, id)
	}
	return err
}

// keepsOthers reports whether the configs other than id can be used after a change if they can now.
func (s *Server) keepsOthers(next *saved.View, id string) error {
	now := s.view()
	for _, other := range next.IDs() {
		if other == id || s.readSaved(now, other) != nil {
			continue
		}
		if err := s.readSaved(next, other); err != nil {
			return fmt.Errorf("%w: %s would be refused: %w", ErrConfigInUse, other, oneLine(err))
		}
	}
	return nil
}
