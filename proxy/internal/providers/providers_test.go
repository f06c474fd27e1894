package providers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Table {
		for _, n := range append([]string{r.Name}, r.Aliases...) {
			if seen[n] || strings.ToLower(n) != n {
				t.Errorf("the name %q is taken twice, or not in lower case", n)
			}
			seen[n] = true
		}
		if src, err := url.Parse(r.Source); err != nil || src.Scheme != "https" || src.Host == "" {
			t.Errorf("%s: its source is %q", r.Name, r.Source)
		}
		if r.BaseURL == "" {
			continue
		}
		u, err := url.Parse(strings.ReplaceAll(r.BaseURL, "{resource_name}", "r"))
		if err != nil || u.Scheme != "https" || strings.HasSuffix(r.BaseURL, "/") {
			t.Errorf("%s: base URL %q", r.Name, r.BaseURL)
		}
	}
	for _, n := range []string{"openai", "azure-openai", "anthropic", "cohere", "huggingface", "mistral", "groq", "together", "fireworks", "deepseek",
		"xai", "openrouter", "perplexity", "gemini", "ollama", "vllm", "azure", "google"} {
		if Get(n) == nil {
			t.Errorf("%s is not in the table", n)
		}
	}
}

func TestURL(t *testing.T) {
	az := Deployment{"res", "dep", "2025-01-01"}
	for _, tt := range []struct {
		provider, base, path, query string
		d                           Deployment
		want                        string // "": ErrMissing
	}{
		{"openai", "", "/chat/completions", "", Deployment{}, "https://api.openai.com/v1/chat/completions"},
		{"openai", "http://box/v1/", "/models", "a=b", Deployment{}, "http://box/v1/models?a=b"},
		{"perplexity", "", "/chat/completions", "", Deployment{}, "https://api.perplexity.ai/chat/completions"},
		{"gemini", "", "/embeddings", "", Deployment{}, "https://generativelanguage.googleapis.com/v1beta/openai/embeddings"},
		{"azure-openai", "", "/chat/completions", "", az, "https://res.openai.azure.com/openai/deployments/dep/chat/completions?api-version=2025-01-01"},
		{"azure-openai", "", "/chat/completions", "x=y", Deployment{Resource: "res", ID: "dep"}, "https://res.openai.azure.com/openai/deployments/dep/chat/completions?x=y&api-version=2024-10-21"},
		{"azure-openai", "", "/models", "", Deployment{Resource: "res"}, "https://res.openai.azure.com/openai/models?api-version=2024-10-21"},
		{"azure-openai", "http://127.0.0.1:9/openai", "/chat/completions", "", az, "http://127.0.0.1:9/openai/deployments/dep/chat/completions?api-version=2025-01-01"},
		{"azure-openai", "", "/chat/completions", "", Deployment{ID: "dep"}, ""},
		{"anthropic", "", "/messages", "", Deployment{}, "https://api.anthropic.com/v1/messages"},
		{"cohere", "", "/chat", "", Deployment{}, "https://api.cohere.com/v2/chat"},
		{"cohere", "", "/embeddings", "", Deployment{}, "https://api.cohere.ai/compatibility/v1/embeddings"},
		{"cohere", "", "/models", "", Deployment{}, "https://api.cohere.ai/compatibility/v1/models"},
		{"together", "", "/models", "", Deployment{}, "https://api.together.ai/v1/models"},
		{"deepseek", "", "/chat/completions", "", Deployment{}, "https://api.deepseek.com/chat/completions"},
		{"cohere", "http://box/v2", "/chat", "", Deployment{}, "http://box/v2/chat"},
		{"ollama", "", "/chat/completions", "", Deployment{}, ""},
		{"ollama", "http://127.0.0.1:11434/v1", "/chat/completions", "", Deployment{}, "http://127.0.0.1:11434/v1/chat/completions"},
	} {
		got, err := Get(tt.provider).URL(tt.base, tt.path, tt.query, tt.d)
		if got != tt.want || (tt.want == "") != errors.Is(err, ErrMissing) {
			t.Errorf("%s %s: got %q, %v, want %q", tt.provider, tt.path, got, err, tt.want)
		}
	}
}

func TestKeysGoWhereTheProviderLooks(t *testing.T) {
	for _, tt := range []struct{ provider, in, value, out, want string }{
		{"anthropic", "Authorization", "Bearer k", "X-Api-Key", "k"},
		{"anthropic", "Authorization", "bearer k", "X-Api-Key", "k"},
		{"anthropic", "Authorization", "Basic k", "Authorization", "Basic k"},
		{"anthropic", "X-Api-Key", "k", "X-Api-Key", "k"},
		{"anthropic", "Authorization", "Bearer sk-ant-oat01-k", "Authorization", "Bearer sk-ant-oat01-k"},
		{"openai", "X-Api-Key", "k", "Authorization", "Bearer k"},
		{"openai", "Authorization", "Bearer k", "Authorization", "Bearer k"},
		{"azure-openai", "Authorization", "Bearer k", "Api-Key", "k"},
		{"azure-openai", "Api-Key", "k", "Api-Key", "k"},
	} {
		h := http.Header{tt.in: {tt.value}}
		Get(tt.provider).Adopt(h)
		keys := 0
		for _, k := range []string{"Authorization", "X-Api-Key", "Api-Key"} {
			if h.Get(k) != "" {
				keys++
			}
		}
		if h.Get(tt.out) != tt.want || keys != 1 {
			t.Errorf("%s, given %s: got %v", tt.provider, tt.in, h)
		}
		h = http.Header{}
		Get(tt.provider).Authorize(h, "secret")
		if got := h.Get(tt.out); tt.provider != "anthropic" && !strings.HasSuffix(got, "secret") {
			t.Errorf("%s: authorized with %v", tt.provider, h)
		}
	}
	if h := (http.Header{}); true {
		Get("anthropic").Require(h)
		if h.Get("Anthropic-Version") != "2023-06-01" {
			t.Error("Anthropic is sent no version")
		}
	}
}

func TestAt(t *testing.T) {
	for at, want := range map[[2]string]string{
		{"https", "api.openai.com"}: "openai", {"https", "API.Anthropic.com"}: "anthropic", {"http", "api.openai.com"}: "", {"https", "elsewhere.test"}: "", {"", ""}: "",
		{"https", "{resource_name}.openai.azure.com"}: "", // no address
	} {
		if got := At(at[0], at[1]); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}
