package proxy

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
)

// keyCall is a request to the admin API that is about keys.
type keyCall struct {
	arg    map[string]string
	query  url.Values
	body   []byte
	change []requestlog.Change // what the handler changed
}

// keyRoute is one endpoint of it.
type keyRoute struct {
	method, pattern string
	scope           keys.Scopes
	handle          func(k *Keys, c *keyCall) (status int, v any, err *apiError)
}

var keyRoutes = []keyRoute{
	{"GET", "keys", keys.Read, listGateways},
	{"POST", "keys", keys.Admin, addGateway},
	{"POST", "keys/reseal", keys.Admin, reseal},
	{"GET", "keys/{id}", keys.Read, showGateway},
	{"PATCH", "keys/{id}", keys.Admin, changeGateway},
	{"POST", "keys/{id}/rotate", keys.Admin, rotateGateway},
	{"DELETE", "keys/{id}", keys.Admin, revokeGateway},
	{"GET", "virtual-keys", keys.Read, listVirtual},
	{"POST", "virtual-keys", keys.Admin, addVirtual},
	{"GET", "virtual-keys/{name}", keys.Read, showVirtual},
	{"PATCH", "virtual-keys/{name}", keys.Admin, changeVirtual},
	{"POST", "virtual-keys/{name}/rotate", keys.Admin, rotateVirtual},
	{"DELETE", "virtual-keys/{name}", keys.Admin, revokeVirtual},
}

// keyAdminRoutes are the same as rows of the admin API's table.
func keyAdminRoutes() (rows []adminRoute) {
	for _, r := range keyRoutes {
		rows = append(rows, adminRoute{r.method, r.pattern, r.scope, func(s *Server, c *adminCall) *apiError {
			if s.cfg.Keys == nil {
				return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "no_keys", "", "this gateway keeps no keys"}
			}
			query, err := c.query()
			if err != nil {
				return err
			}
			call := &keyCall{arg: c.arg, query: query, body: c.ctx.PostBody()}
			status, v, err := r.handle(s.cfg.Keys, call)
			if err != nil {
				return err
			}
			c.x.change = call.change
			return c.reply(status, v)
		}})
	}
	return rows
}

// madeKey is a gateway key with what is shown of it once.
type madeKey struct {
	Key string `json:"key"`
	keys.GatewayInfo
}

func listGateways(k *Keys, c *keyCall) (int, any, *apiError) {
	items, next, err := gatewayList.page(c.query, k.store.Gateways())
	if err != nil {
		return 0, nil, err
	}
	return fasthttp.StatusOK, listed("keys", items, next), nil
}

func addGateway(k *Keys, c *keyCall) (int, any, *apiError) {
	var spec keys.GatewaySpec
	if err := readObject(c.body, &spec); err != nil {
		return 0, nil, err
	}
	info, token, err := k.store.AddGateway(spec)
	if err != nil {
		return 0, nil, keyError(err, "")
	}
	c.change = append(difference(keys.GatewaySpec{}, info.GatewaySpec), did("id", info.ID))
	return fasthttp.StatusCreated, madeKey{token, info}, nil
}

func showGateway(k *Keys, c *keyCall) (int, any, *apiError) {
	info, ok := k.store.GatewayByID(c.arg["id"])
	if !ok {
		return 0, nil, keyError(keys.ErrNotFound, "id")
	}
	return fasthttp.StatusOK, info, nil
}

// changeGateway takes a JSON merge patch (RFC 7396): what it does not name stays, null is what a new key has that does not
// name it.
func changeGateway(k *Keys, c *keyCall) (int, any, *apiError) {
	was, info, err := k.store.ChangeGateway(c.arg["id"], func(spec *keys.GatewaySpec) error {
		// The decoder fills in what is there already, which is a merge. Lists are replaced; they are this spec's own.
		return untyped(readObject(c.body, spec))
	})
	if err != nil {
		return 0, nil, keyError(err, "id")
	}
	c.change = difference(was, info.GatewaySpec)
	return fasthttp.StatusOK, info, nil
}

// untyped is nil where there is no error.
func untyped(err *apiError) error {
	if err == nil {
		return nil
	}
	return err
}

func rotateGateway(k *Keys, c *keyCall) (int, any, *apiError) {
	var in struct {
		Grace float64 `json:"grace_seconds"`
	}
	if len(c.body) > 0 {
		if err := readObject(c.body, &in); err != nil {
			return 0, nil, err
		}
	}
	if !(in.Grace >= 0 && in.Grace <= keys.MaxGrace.Seconds()) {
		return 0, nil, badRequest("invalid_value", "grace_seconds", "grace_seconds is %v: give seconds from 0 to %d", in.Grace, int(keys.MaxGrace.Seconds()))
	}
	info, token, err := k.store.RotateGateway(c.arg["id"], time.Duration(in.Grace*float64(time.Second)))
	if err != nil {
		return 0, nil, keyError(err, "id")
	}
	c.change = []requestlog.Change{did("grace_seconds", in.Grace)}
	return fasthttp.StatusOK, madeKey{token, info}, nil
}

func revokeGateway(k *Keys, c *keyCall) (int, any, *apiError) {
	if err := k.store.RevokeGateway(c.arg["id"]); err != nil {
		return 0, nil, keyError(err, "id")
	}
	return fasthttp.StatusNoContent, nil, nil
}

func listVirtual(k *Keys, c *keyCall) (int, any, *apiError) {
	items, next, err := virtualList.page(c.query, k.store.Virtuals())
	if err != nil {
		return 0, nil, err
	}
	return fasthttp.StatusOK, listed("virtual_keys", items, next), nil
}

func addVirtual(k *Keys, c *keyCall) (int, any, *apiError) {
	var spec keys.VirtualSpec
	if err := readObject(c.body, &spec); err != nil {
		return 0, nil, err
	}
	spec.Provider = strings.ToLower(spec.Provider)
	if !k.knows(spec.Provider) {
		return 0, nil, badRequest("unknown_provider", "provider", "provider: there is no provider %q: configure it, or use one of %s", shown(spec.Provider), strings.Join(Kinds(), ", "))
	}
	info, err := k.store.AddVirtual(spec)
	if err != nil {
		return 0, nil, keyError(err, "name")
	}
	c.change = append(difference(keys.VirtualChange{}, keys.VirtualChange{Label: info.Label, Limits: info.Limits}),
		did("name", info.Name), did("provider", info.Provider), did("secrets", len(info.Secrets)))
	return fasthttp.StatusCreated, info, nil
}

func showVirtual(k *Keys, c *keyCall) (int, any, *apiError) {
	info, ok := k.store.VirtualByName(c.arg["name"])
	if !ok {
		return 0, nil, keyError(keys.ErrNotFound, "name")
	}
	return fasthttp.StatusOK, info, nil
}

// changeVirtual is changeGateway of what a virtual key has besides its secrets.
func changeVirtual(k *Keys, c *keyCall) (int, any, *apiError) {
	was, info, err := k.store.ChangeVirtual(c.arg["name"], func(v *keys.VirtualChange) error { return untyped(readObject(c.body, v)) })
	if err != nil {
		return 0, nil, keyError(err, "name")
	}
	c.change = difference(was, keys.VirtualChange{Label: info.Label, Limits: info.Limits})
	return fasthttp.StatusOK, info, nil
}

// reseal seals all secrets with another key or passphrase. The configuration is for the operator to change: until he has,
// the file does not open at the next start.
func reseal(k *Keys, c *keyCall) (int, any, *apiError) {
	var in struct {
		SealKey    string `json:"seal_key"`
		Passphrase string `json:"passphrase"`
	}
	if err := readObject(c.body, &in); err != nil {
		return 0, nil, err
	}
	if (in.SealKey == "") == (in.Passphrase == "") {
		return 0, nil, badRequest("invalid_value", "seal_key", "seal_key, passphrase: give one of them, to seal with from now on")
	}
	seal, err := KeysOptions{SealKey: in.SealKey, Passphrase: in.Passphrase}.seal()
	if err != nil {
		return 0, nil, keyError(err, "")
	}
	n, err := k.store.Reseal(seal)
	if err != nil {
		return 0, nil, keyError(err, "")
	}
	c.change = []requestlog.Change{did("resealed", n)}
	return fasthttp.StatusOK, map[string]any{"resealed": n}, nil
}

func rotateVirtual(k *Keys, c *keyCall) (int, any, *apiError) {
	var in struct {
		Secrets []string `json:"secrets"`
	}
	if err := readObject(c.body, &in); err != nil {
		return 0, nil, err
	}
	info, err := k.store.RotateVirtual(c.arg["name"], in.Secrets)
	if err != nil {
		return 0, nil, keyError(err, "name")
	}
	c.change = []requestlog.Change{did("secrets", len(info.Secrets))}
	return fasthttp.StatusOK, info, nil
}

func revokeVirtual(k *Keys, c *keyCall) (int, any, *apiError) {
	if err := k.store.RevokeVirtual(c.arg["name"]); err != nil {
		return 0, nil, keyError(err, "name")
	}
	return fasthttp.StatusNoContent, nil, nil
}

// keyError is what went wrong with a key, as the operator is told it.
func keyError(err error, param string) *apiError {
	var field *keys.FieldError
	var own *apiError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &field):
		return badRequest("invalid_value", field.Field, "%s", field.Error())
	case errors.Is(err, keys.ErrNotFound):
		return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_key", param, "there is no such key, or it was revoked; the list has those that there are"}
	case errors.Is(err, keys.ErrExists):
		return &apiError{fasthttp.StatusConflict, "invalid_request_error", "key_exists", param, "there is a key of that name already: rotate it, or revoke it first"}
	case errors.Is(err, keys.ErrNoSealKey):
		return &apiError{fasthttp.StatusConflict, "invalid_request_error", "no_seal_key", "", "there is nothing to seal secrets with, or to open those that are sealed: set keys.seal_key or keys.passphrase, by a variable or a file, and start again"}
	case errors.Is(err, errors.ErrUnsupported):
		return unsupported(err)
	}
	return internalError()
}
