package proxy

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
)

const maxVaryBy = 16

// setVaryBy reads what else answers depend on: names of metadata and of request headers.
func (d *directives) setVaryBy(path string, v jsontext.Value) *apiError {
	var names []string
	if err := json.Unmarshal(v, &names); err != nil || len(names) > maxVaryBy {
		return badRequest("invalid_header", path, "%s: give an array of at most %d names, as metadata._user or header.x-tenant", path, maxVaryBy)
	}
	d.varyBy = nil
	for _, n := range names {
		if name, ok := strings.CutPrefix(n, "header."); ok && validName(name) {
			d.varyBy = append(d.varyBy, "header."+http.CanonicalHeaderKey(name))
			continue
		}
		if name, ok := strings.CutPrefix(n, "metadata."); !ok || name == "" {
			return badRequest("invalid_header", path, "%s: %.60q is neither metadata.NAME nor header.NAME", path, n)
		}
		d.varyBy = append(d.varyBy, n)
	}
	return nil
}

// variation digests what the request has of that; zero where there is nothing to vary by. A value that is not there is not
// the same as an empty one.
func (d *directives) variation(h *fasthttp.RequestHeader) cache.Digest {
	if len(d.varyBy) == 0 {
		return cache.Digest{}
	}
	parts := [][]byte{[]byte("reprise/proxy/vary/1")}
	for _, n := range d.varyBy {
		parts = append(parts, []byte(n))
		if name, ok := strings.CutPrefix(n, "header."); ok {
			for _, v := range h.PeekAll(name) {
				parts = append(parts, []byte{1}, v)
			}
		} else if v, ok := d.metadata[strings.TrimPrefix(n, "metadata.")]; ok {
			parts = append(parts, []byte{1}, []byte(v))
		}
		parts = append(parts, []byte{0})
	}
	return cache.Hash(parts...)
}
