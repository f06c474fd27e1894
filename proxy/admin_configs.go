package proxy

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
	"github.com/reprise-cache/reprise/proxy/internal/saved"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// savedConfig is a version with its text, which is shown whole: it holds no key.
type savedConfig struct {
	ConfigVersion
	Config jsontext.Value `json:"config"`
}

func adminConfigs(s *Server, c *adminCall) *apiError {
	q, err := c.query()
	if err != nil {
		return err
	}
	list := []ConfigVersion{}
	if s.cfg.SavedConfigs != nil {
		list = s.cfg.SavedConfigs.List()
	}
	items, next, err := configList.page(q, list)
	if err != nil {
		return err
	}
	return c.reply(fasthttp.StatusOK, listed("configs", items, next))
}

func adminConfig(s *Server, c *adminCall) *apiError {
	n := 0
	if v := c.ctx.QueryArgs().Peek("version"); len(v) > 0 {
		var err error
		if n, err = strconv.Atoi(string(v)); err != nil || n < 1 {
			return badRequest("invalid_value", "version", "version is %q: give a whole number, 1 or more", shownWord(v))
		}
	}
	if s.cfg.SavedConfigs == nil {
		return s.configAdminError(ErrNoConfigs)
	}
	v, err := s.cfg.SavedConfigs.Get(c.arg["id"], n)
	if err != nil {
		return s.configAdminError(err)
	}
	c.etag(v)
	return c.reply(fasthttp.StatusOK, savedConfig{v, bytes.TrimSpace(v.Text)})
}

// etag names the version, for the If-Match of a later PUT.
func (c *adminCall) etag(v ConfigVersion) {
	c.ctx.Response.Header.Set("ETag", strconv.Quote(strconv.Itoa(v.Version)))
}

// ifMatch reads which version has to be the newest one: by If-Match its number, as the ETag has it, or * for any that there is; by
// If-None-Match: * none at all (RFC 9110, section 13.1). anyVersion: it does not matter.
func (c *adminCall) ifMatch() (int, *apiError) {
	match, none := string(c.ctx.Request.Header.Peek("If-Match")), string(c.ctx.Request.Header.Peek("If-None-Match"))
	switch {
	case match == "" && none == "":
		return anyVersion, nil
	case match == "" && none == "*":
		return 0, nil
	case none == "" && match == "*":
		return someVersion, nil
	case none == "":
		if n, err := strconv.Atoi(strings.Trim(match, `"`)); err == nil && n >= 1 {
			return n, nil
		}
	}
	return 0, badRequest("invalid_header", "if-match", "give if-match with the etag of the version that is to be replaced, as \"3\", or * for any, or if-none-match: * where there is to be none")
}

func adminConfigHistory(s *Server, c *adminCall) *apiError {
	if s.cfg.SavedConfigs == nil {
		return s.configAdminError(ErrNoConfigs)
	}
	versions, err := s.cfg.SavedConfigs.History(c.arg["id"])
	if err != nil {
		return s.configAdminError(err)
	}
	return c.reply(fasthttp.StatusOK, map[string]any{"id": c.arg["id"], "versions": versions})
}

func adminPutConfig(s *Server, c *adminCall) *apiError {
	if !saved.ValidID(c.arg["id"]) {
		return badRequest("invalid_value", "id", "the id %q is not made of 1 to 64 letters, digits, \"-\", \"_\" and \".\", not beginning with a dot", shown(c.arg["id"]))
	}
	was, apiErr := c.ifMatch()
	if apiErr != nil {
		return apiErr
	}
	v, isNew, err := s.putConfig(c.arg["id"], c.ctx.PostBody(), was)
	if err != nil {
		return s.configAdminError(err)
	}
	status := fasthttp.StatusOK
	if isNew {
		status = fasthttp.StatusCreated
		c.x.change = []requestlog.Change{did("version", v.Version)}
	}
	c.etag(v)
	return c.reply(status, v)
}

func adminRollbackConfig(s *Server, c *adminCall) *apiError {
	var in struct {
		Version int `json:"version"`
	}
	if err := c.read(&in); err != nil {
		return err
	}
	if in.Version < 1 {
		return badRequest("invalid_value", "version", "version is %d: give the version to go back to, 1 or more", in.Version)
	}
	v, err := s.RollbackConfig(c.arg["id"], in.Version)
	if err != nil {
		return s.configAdminError(err)
	}
	c.x.change = []requestlog.Change{did("as_version", in.Version), did("version", v.Version)}
	return c.reply(fasthttp.StatusCreated, v)
}

func adminDeleteConfig(s *Server, c *adminCall) *apiError {
	if err := s.DeleteConfig(c.arg["id"]); err != nil {
		return s.configAdminError(err)
	}
	return c.reply(fasthttp.StatusNoContent, nil)
}

// configAdminError is what went wrong with a saved config. Of several complaints the first one gives the path, and the
// message has all.
func (s *Server) configAdminError(err error) *apiError {
	wrong := strict.Errors(err)
	message := strings.TrimPrefix(err.Error(), "proxy: ")
	switch {
	case errors.Is(err, errConfigMoved):
		return &apiError{fasthttp.StatusPreconditionFailed, "invalid_request_error", "version_mismatch", "if-match", message}
	case errors.Is(err, ErrConfigInUse):
		return &apiError{fasthttp.StatusConflict, "invalid_request_error", "config_in_use", "id", message}
	case len(wrong) > 0:
		out := configError(wrong[0])
		var all []string
		for _, e := range wrong {
			all = append(all, e.Error())
		}
		out.message = strings.Join(all, "; ")
		if out.status == fasthttp.StatusNotFound { // what the text names is not there, while the path leads somewhere
			out.status = fasthttp.StatusBadRequest
		}
		return out
	case errors.Is(err, ErrConfigInvalid):
		return &apiError{fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "config_too_large", "", message}
	case errors.Is(err, ErrConfigNotFound):
		return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_config", "id", message}
	case errors.Is(err, ErrNoConfigs), errors.Is(err, saved.ErrFull):
		return &apiError{fasthttp.StatusConflict, "invalid_request_error", "configs_unavailable", "", strings.TrimPrefix(message, "saved: ")}
	}
	s.cfg.Logger.Error("saved configs", "error", err)
	return internalError()
}

func adminRequestSchema(_ *Server, c *adminCall) *apiError {
	return c.reply(fasthttp.StatusOK, jsontext.Value(RequestConfigSchema()))
}

func adminConfigSchema(s *Server, c *adminCall) *apiError {
	if s.cfg.ConfigSchema == nil {
		return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_schema", "", "this gateway was not configured by a file"}
	}
	return c.reply(fasthttp.StatusOK, jsontext.Value(s.cfg.ConfigSchema))
}
