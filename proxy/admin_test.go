package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
)

const operator = "an operator's token of the tests"

func withOperator(c *Config) { c.AdminToken = operator }

func bearerOf(key string) []string { return []string{"authorization", "Bearer " + key} }

// withRoutes has the table hold these rows besides its own while a test runs.
func withRoutes(t *testing.T, rows ...adminRoute) {
	before := adminRoutes
	adminRoutes = append(append([]adminRoute{}, before...), rows...)
	t.Cleanup(func() { adminRoutes = before })
}

func TestAdminIsClosedWithoutToken(t *testing.T) {
	r := newRig(t, answerWith("x"))
	for _, h := range [][]string{nil, bearerOf(""), bearerOf("anything at all, whatever")} {
		got := r.do("GET", "/admin/v1/nothing", "", h...)
		if got.StatusCode != 403 || !strings.Contains(got.body, "admin.token") {
			t.Errorf("%v: %d %s", h, got.StatusCode, got.body)
		}
	}
	r.wantCalls(0)
}

func TestAdminTable(t *testing.T) {
	withRoutes(t,
		adminRoute{"GET", "test-things/{id}", keys.Read, func(s *Server, c *adminCall) *apiError {
			return c.reply(fasthttp.StatusOK, map[string]string{"id": c.arg["id"]})
		}},
		adminRoute{"POST", "test-things/{id}/turn", keys.Admin, func(s *Server, c *adminCall) *apiError {
			var in struct {
				How    string `json:"how"`
				Limits struct {
					RPM int `json:"rpm"`
				} `json:"limits"`
			}
			if err := c.read(&in); err != nil {
				return err
			}
			return c.reply(fasthttp.StatusCreated, in)
		}})
	r := newRig(t, answerWith("x"), withOperator)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "test-things/a", "", 200, `{"id":"a"}`},
		{"GET", "test-things/", "", 404, "unknown_url"},
		{"GET", "test-things", "", 404, "unknown_url"},
		{"GET", "test-things/a/b", "", 404, "unknown_url"},
		{"DELETE", "test-things/a", "", 405, "use GET"},
		{"POST", "test-things/a/turn", `{"how":"left","limits":{"rpm":3}}`, 201, `"how":"left"`},
		{"POST", "test-things/a/turn", `{"how":"left","why":"no"}`, 400, `"param":"why"`},
		{"POST", "test-things/a/turn", `{"limits":{"rpn":3}}`, 400, `"param":"limits.rpn"`},
		{"POST", "test-things/a/turn", `{"limits":{"rpm":"secret-in-a-body"}}`, 400, `"param":"limits.rpm"`},
		{"POST", "test-things/a/turn", `{"how":"a","how":"b"}`, 400, "twice"},
		{"POST", "test-things/a/turn", `{"how":"secret-in-a-body}`, 400, "not valid JSON"},
		{"POST", "test-things/a/turn", `[]`, 400, "not a JSON object"},
		{"POST", "test-things/a/turn", ``, 400, "not a JSON object"},
	} {
		got := r.do(c.method, "/admin/v1/"+c.path, c.body, bearerOf(operator)...)
		if got.StatusCode != c.status || !strings.Contains(got.body, c.want) || got.Header.Get("x-portkey-trace-id") == "" {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, got.StatusCode, got.body)
		}
		if strings.Contains(got.body, "secret-in-a-body") {
			t.Errorf("%s %s: the error repeats the body: %s", c.method, c.path, got.body)
		}
	}
	// Nobody else learns which paths there are.
	for _, path := range []string{"test-things/a", "no-such-thing"} {
		for _, h := range [][]string{nil, bearerOf("wrong"), {"authorization", "Basic " + operator}, {"x-api-key", operator + "x"}} {
			got := r.do("GET", "/admin/v1/"+path, "", h...)
			if got.StatusCode != http.StatusUnauthorized || strings.Contains(got.body, operator) {
				t.Errorf("%s %v: %d %s", path, h, got.StatusCode, got.body)
			}
		}
	}
	for _, h := range [][]string{bearerOf(operator), {"authorization", "bearer " + operator}, {"x-api-key", operator},
		{"x-portkey-api-key", operator}, {"x-reprise-api-key", operator}} {
		if got := r.do("GET", "/admin/v1/test-things/a", "", h...); got.StatusCode != 200 {
			t.Errorf("%v: %d %s", h, got.StatusCode, got.body)
		}
	}
	if strings.Contains(r.log.String(), operator) {
		t.Error("the log has the token")
	}
	r.wantCalls(0)
}

func TestAdminTableHasNoClash(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range adminRoutes {
		key := r.method + " " + r.pattern
		if seen[key] || r.handle == nil || r.scope&(keys.Read|keys.Admin) == 0 || (r.method != "GET") != (r.scope == keys.Admin) {
			t.Errorf("%s: listed twice, or with the wrong scope, or without a handler", key)
		}
		seen[key] = true
	}
}

func TestAdminTokenIsRefusedWhenWeak(t *testing.T) {
	for _, token := range []string{"short", "with a\nline end in its middle"} {
		_, err := New(Config{Providers: []Provider{{Name: "a", BaseURL: "http://a.test/v1"}}, AdminToken: token})
		if err == nil || !strings.Contains(err.Error(), "AdminToken") || strings.Contains(err.Error(), token) {
			t.Errorf("%v", err)
		}
	}
}

// TestAdminSaysUnsupported has the operator told what the server's system cannot do.
func TestAdminSaysUnsupported(t *testing.T) {
	err := fmt.Errorf("compaction: %w on some system: do something else", errors.ErrUnsupported)
	for name, got := range map[string]*apiError{"compact": compactError(err), "reseal": keyError(err, "")} {
		if got.status != http.StatusNotImplemented || got.message != err.Error() {
			t.Errorf("%s: %d %s", name, got.status, got.message)
		}
	}
}
