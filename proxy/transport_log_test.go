package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/cache"
)

// TestTransportKeepsARequestLog: calls through a Transport leave the records that calls through a server do, whatever APIs
// they are of, and they are read once it is closed.
func TestTransportKeepsARequestLog(t *testing.T) {
	dir := t.TempDir()
	c, err := cache.Open(filepath.Join(dir, "answers.db"), cache.Options{Embedder: &words{}, Threshold: 0.8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: req,
			Body: io.NopCloser(strings.NewReader(bodyOf("hold the button")))}, nil
	})
	path := filepath.Join(dir, "requests.db")
	tr, err := NewTransport(c, base, TransportOptions{RequestLog: RequestLog{Path: path}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	const key = "sk-planted-of-the-caller"
	ask := func(address string) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, "POST", address, strings.NewReader(strings.Replace(question("how do I reset my router", ""), `"m"`, `"gpt-4o-mini"`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("x-portkey-metadata", `{"_user":"ann"}`)
		resp, err := (&http.Client{Transport: tr}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(resp.Body.Close(), tr.Flush(ctx)); err != nil || resp.StatusCode != 200 {
			t.Fatal(resp.StatusCode, err)
		}
	}
	ask("https://api.openai.com/v1/chat/completions")
	ask("https://api.openai.com/v1/chat/completions")
	ask("https://elsewhere.test/v1/chat/completions")
	var b bytes.Buffer
	if err := ReadRequestLog(path, nil, &b); !errors.Is(err, ErrRequestLogBusy) {
		t.Errorf("while it is open: %v", err)
	}
	if _, err := NewTransport(c, base, TransportOptions{RequestLog: RequestLog{Path: path}}); !errors.Is(err, ErrRequestLogBusy) {
		t.Errorf("a second one on the file: %v", err)
	}
	for range 2 {
		if err := tr.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := ReadRequestLog(path, url.Values{"user": {"ann"}}, &b); err != nil {
		t.Fatal(err)
	}
	var page struct {
		Records []struct {
			Path, Provider, Model, Caller string
			Status                        int
			Cache                         string `json:"cache_status"`
			Cost                          any    `json:"cost_usd"`
			Saved                         any    `json:"saved_usd"`
			NoPrice                       bool   `json:"price_unknown"`
		}
	}
	if err := json.Unmarshal(b.Bytes(), &page); err != nil || len(page.Records) != 3 {
		t.Fatalf("%v %s", err, b.Bytes())
	}
	other, hit, miss := page.Records[0], page.Records[1], page.Records[2] // newest first
	if miss.Cache != "SEMANTIC MISS" || miss.Cost == nil || miss.Saved != nil || miss.Provider != "api.openai.com" || miss.Path != chatPath || miss.Caller == "" {
		t.Errorf("the miss: %+v", miss)
	}
	if hit.Cache != "HIT" || hit.Saved == nil || hit.Cost != nil || hit.Caller != miss.Caller {
		t.Errorf("the hit: %+v", hit)
	}
	if other.Cache != "SEMANTIC MISS" || other.Provider != "elsewhere.test" || !other.NoPrice || other.Cost != nil {
		t.Errorf("another API's: %+v", other)
	}
	if strings.Contains(b.String(), key) || strings.Contains(b.String(), "router") || strings.Contains(b.String(), "button") {
		t.Errorf("a record has what was sent: %s", b.String())
	}
	bad := TransportOptions{RequestLog: RequestLog{Path: path, MaxBytes: 5}}
	if _, err := NewTransport(c, base, bad); err == nil || !strings.Contains(err.Error(), "RequestLog.MaxBytes") {
		t.Errorf("%v", err)
	}
}
