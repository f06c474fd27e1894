package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
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
// within a second, or with --url through a server, whose folder may be another machine's.
type savedFlags struct {
	fileFlag
	urlFlag
	Dir *string `placeholder:"PATH" help:"The folder of saved configs (key configs_dir)."`
}

// ask has the server that --url names do it, and decodes what it answers; asked is false where --url names none.
func (f *savedFlags) ask(ctx context.Context, h *host, method, path string, body []byte, into any) (asked bool, status int, err error) {
	if f.URL == "" {
		return false, 0, nil
	}
	if f.Dir != nil {
		return true, 0, fmt.Errorf("%w: --dir is a folder of this machine's, and --url a server that has its own: leave one out", config.ErrInvalid)
	}
	cfg, err := settingFlags{fileFlag: f.fileFlag}.load(h)
	if err != nil {
		return true, 0, err
	}
	server, err := f.server(cfg)
	if err != nil {
		return true, 0, err
	}
	resp, err := server.do(ctx, method, "configs"+path, body)
	if err != nil {
		return true, 0, err
	}
	defer resp.Body.Close()
	if into == nil {
		return true, resp.StatusCode, nil
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return true, 0, fmt.Errorf("the answer is no JSON: %w", err)
	}
	return true, resp.StatusCode, nil
}

// under is the path of one config, below configs.
func under(id, rest string) string { return "/" + url.PathEscape(id) + rest }

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
	return newProxy(c)
}

type configPutCmd struct {
	savedFlags
	ID   string `arg:"" help:"What requests call it, as pc-x."`
	File string `arg:"" help:"The config (JSON); - is standard input."`
}

// Run is called by kong.
func (c *configPutCmd) Run(ctx context.Context, h *host) error {
	text, err := readFile(ctx, h, c.File)
	if err != nil {
		return err
	}
	var said proxy.ConfigVersion
	if asked, status, err := c.ask(ctx, h, http.MethodPut, under(c.ID, ""), text, &said); asked {
		if err != nil {
			return err
		}
		return printPut(h, said, status == http.StatusCreated)
	}
	s, err := c.editor(h)
	if err != nil {
		return err
	}
	v, isNew, err := s.PutConfig(c.ID, text)
	if err != nil {
		return savedError(err)
	}
	return printPut(h, v, isNew)
}

func printPut(h *host, v proxy.ConfigVersion, isNew bool) error {
	what := "unchanged,"
	if isNew {
		what = "saved as"
	}
	_, err := fmt.Fprintf(h.stdout, "%s: %s version %d\n", v.ID, what, v.Version)
	return err
}

type configGetCmd struct {
	savedFlags
	ID      string `arg:"" help:"What requests call it."`
	Version int    `help:"A version; the newest without it."`
}

// Run is called by kong.
func (c *configGetCmd) Run(ctx context.Context, h *host) error {
	path := under(c.ID, "")
	if c.Version != 0 {
		path += "?version=" + strconv.Itoa(c.Version)
	}
	var said struct{ Config json.RawMessage }
	if asked, _, err := c.ask(ctx, h, http.MethodGet, path, nil, &said); asked {
		if err == nil {
			_, err = fmt.Fprintf(h.stdout, "%s\n", said.Config)
		}
		return err
	}
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
func (c *configListCmd) Run(ctx context.Context, h *host) error {
	var said struct{ Configs []proxy.ConfigVersion }
	if asked, _, err := c.ask(ctx, h, http.MethodGet, "", nil, &said); asked {
		if err != nil {
			return err
		}
		return printVersions(h.stdout, said.Configs)
	}
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
func (c *configHistoryCmd) Run(ctx context.Context, h *host) error {
	var said struct{ Versions []proxy.ConfigVersion }
	if asked, _, err := c.ask(ctx, h, http.MethodGet, under(c.ID, "/versions"), nil, &said); asked {
		if err != nil {
			return err
		}
		return printVersions(h.stdout, said.Versions)
	}
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
func (c *configRollbackCmd) Run(ctx context.Context, h *host) error {
	var v proxy.ConfigVersion
	asked, _, err := c.ask(ctx, h, http.MethodPost, under(c.ID, "/rollback"), fmt.Appendf(nil, `{"version":%d}`, c.Version), &v)
	if !asked {
		s, openErr := c.editor(h)
		if openErr != nil {
			return openErr
		}
		v, err = s.RollbackConfig(c.ID, c.Version)
		err = savedError(err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(h.stdout, "%s: version %d is what version %d was\n", v.ID, v.Version, c.Version)
	return err
}

type configDeleteCmd struct {
	savedFlags
	ID string `arg:"" help:"What requests call it."`
}

// Run is called by kong.
func (c *configDeleteCmd) Run(ctx context.Context, h *host) error {
	asked, _, err := c.ask(ctx, h, http.MethodDelete, under(c.ID, ""), nil, nil)
	if !asked {
		s, openErr := c.editor(h)
		if openErr != nil {
			return openErr
		}
		err = savedError(s.DeleteConfig(c.ID))
	}
	if err != nil {
		return err
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
func readFile(ctx context.Context, h *host, path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(h.input(ctx), 1<<20))
	}
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", config.ErrInvalid, err)
	}
	return text, nil
}
