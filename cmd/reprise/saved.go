package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/proxy"
)

// openConfigs opens the folder of saved configs; nil if the configuration names none.
func openConfigs(c *config.Config) (*proxy.SavedConfigs, error) {
	if c.ConfigsDir == "" {
		return nil, nil
	}
	opened, err := proxy.OpenConfigs(c.ConfigsDir)
	if err != nil {
		return nil, complaints("configs_dir", err)
	}
	return opened, nil
}

// savedFlags are those of the commands about saved configs. They work on the folder, which a running server reads again
// within a second.
type savedFlags struct {
	fileFlag
	Dir *string `placeholder:"PATH" help:"The folder of saved configs (key configs_dir)."`
}

func (f savedFlags) open(h *host) (*config.Config, *proxy.SavedConfigs, error) {
	flags := settingFlags{fileFlag: f.fileFlag}
	if f.Dir != nil {
		flags.Set = []string{"configs_dir=" + *f.Dir}
	}
	cfg, err := flags.load(h)
	if err != nil {
		return nil, nil, err
	}
	if cfg.ConfigsDir == "" {
		return nil, nil, fmt.Errorf("%w: no folder of saved configs: name it by --dir, or by configs_dir in the configuration", config.ErrInvalid)
	}
	opened, err := openConfigs(cfg)
	return cfg, opened, err
}

// editor is a server that never listens: it holds a config to what it would be held to when a request names it. Of
// virtual keys it takes any, because the running server has their file.
func (f savedFlags) editor(h *host) (*proxy.Server, error) {
	cfg, opened, err := f.open(h)
	if err != nil {
		return nil, err
	}
	c := routing(cfg)
	c.SavedConfigs, c.VirtualKeys = opened, anyKeys{}
	return proxy.New(c)
}

type configPutCmd struct {
	savedFlags
	ID   string `arg:"" help:"What requests call it, as pc-x."`
	File string `arg:"" help:"The config (JSON); - is standard input."`
}

// Run is called by kong.
func (c *configPutCmd) Run(h *host) error {
	text, err := readFile(h, c.File)
	if err != nil {
		return err
	}
	s, err := c.editor(h)
	if err != nil {
		return err
	}
	v, isNew, err := s.PutConfig(c.ID, text)
	if err != nil {
		return savedError(err)
	}
	if !isNew {
		_, err = fmt.Fprintf(h.stdout, "%s: unchanged, version %d\n", v.ID, v.Version)
		return err
	}
	_, err = fmt.Fprintf(h.stdout, "%s: saved as version %d\n", v.ID, v.Version)
	return err
}

type configGetCmd struct {
	savedFlags
	ID      string `arg:"" help:"What requests call it."`
	Version int    `help:"A version; the newest without it."`
}

// Run is called by kong.
func (c *configGetCmd) Run(h *host) error {
	_, opened, err := c.open(h)
	if err != nil {
		return err
	}
	v, err := opened.Get(c.ID, c.Version)
	if err != nil {
		return savedError(err)
	}
	_, err = h.stdout.Write(v.Text)
	return err
}

type configListCmd struct{ savedFlags }

// Run is called by kong.
func (c *configListCmd) Run(h *host) error {
	_, opened, err := c.open(h)
	if err != nil {
		return err
	}
	return printVersions(h.stdout, opened.List())
}

type configHistoryCmd struct {
	savedFlags
	ID string `arg:"" help:"What requests call it."`
}

// Run is called by kong.
func (c *configHistoryCmd) Run(h *host) error {
	_, opened, err := c.open(h)
	if err != nil {
		return err
	}
	versions, err := opened.History(c.ID)
	if err != nil {
		return savedError(err)
	}
	return printVersions(h.stdout, versions)
}

func printVersions(w io.Writer, versions []proxy.ConfigVersion) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tVERSION\tMODIFIED")
	for _, v := range versions {
		fmt.Fprintf(tw, "%s\t%d\t%s\n", v.ID, v.Version, v.Modified.Format(time.RFC3339))
	}
	return tw.Flush()
}

type configRollbackCmd struct {
	savedFlags
	ID      string `arg:"" help:"What requests call it."`
	Version int    `arg:"" help:"The version whose text is to count again."`
}

// Run is called by kong.
func (c *configRollbackCmd) Run(h *host) error {
	s, err := c.editor(h)
	if err != nil {
		return err
	}
	v, err := s.RollbackConfig(c.ID, c.Version)
	if err != nil {
		return savedError(err)
	}
	_, err = fmt.Fprintf(h.stdout, "%s: version %d is what version %d was\n", v.ID, v.Version, c.Version)
	return err
}

type configDeleteCmd struct {
	savedFlags
	ID string `arg:"" help:"What requests call it."`
}

// Run is called by kong.
func (c *configDeleteCmd) Run(h *host) error {
	s, err := c.editor(h)
	if err != nil {
		return err
	}
	if err := s.DeleteConfig(c.ID); err != nil {
		return savedError(err)
	}
	_, err = fmt.Fprintf(h.stdout, "%s: deleted\n", c.ID)
	return err
}

// savedError tells input that has to change from failures.
func savedError(err error) error {
	if errors.Is(err, proxy.ErrConfigInvalid) || errors.Is(err, proxy.ErrConfigInUse) || errors.Is(err, proxy.ErrConfigNotFound) {
		return fmt.Errorf("%w: %s", config.ErrInvalid, strings.ReplaceAll(strings.TrimPrefix(err.Error(), "proxy: "), "\n", "; "))
	}
	return err
}

// readFile reads what an argument names.
func readFile(h *host, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(h.stdin, 1<<20))
	}
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", config.ErrInvalid, err)
	}
	return text, nil
}
