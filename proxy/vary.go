package proxy

import (
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

const maxVaryBy = 16

// setVaryBy reads what else answers depend on: names of metadata and of request headers.
func (d *directives) setVaryBy(path string, names []string) error {
	d.varyBy = nil
	for _, n := range names {
		if name, ok := strings.CutPrefix(n, "header."); ok && keys.ValidName(name) {
			d.varyBy = append(d.varyBy, "header."+http.CanonicalHeaderKey(name))
			continue
		}
		if name, ok := strings.CutPrefix(n, "metadata."); !ok || name == "" {
			return strict.Wrong(path, "%q is neither metadata.NAME nor header.NAME", shown(n))
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
