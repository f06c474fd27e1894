package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const sampleKey = "sk-sample-0123456789"

// file writes a configuration file and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reprise.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustLoad(t *testing.T, src Sources) *Config {
	t.Helper()
	c, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultsStandAlone(t *testing.T) {
	c := mustLoad(t, Sources{})
	if c.Listen != "127.0.0.1:8080" || c.DB != "reprise.db" || c.DefaultProvider != "openai" {
		t.Errorf("listen %q, db %q, provider %q", c.Listen, c.DB, c.DefaultProvider)
	}
	if p := c.Providers["openai"]; p.BaseURL != "https://api.openai.com/v1" || p.APIKey != "" {
		t.Errorf("openai = %+v", p)
	}
	if c.Cache.TTL != Never || c.Cache.MaxValueBytes != 8<<20 || c.Timeouts.KeepAlive != 2*time.Minute {
		t.Errorf("ttl %v, max value %d, keep-alive %v", c.Cache.TTL, c.Cache.MaxValueBytes, c.Timeouts.KeepAlive)
	}
}

// TestEveryKeyReachesItsField sets each key of the table to something that is not its default and looks for a difference
// in the structure: a key without a field, or two keys on one field, cannot pass.
func TestEveryKeyReachesItsField(t *testing.T) {
	other := map[Kind]string{
		KindString: "other", KindBool: "true", KindInt: "7", KindFloat: "0.123", KindDuration: "60s", KindSize: "12345",
		KindURL: "http://other.test/v1", KindAddress: "127.0.0.1:9",
	}
	special := map[string]string{"log.max_bytes": "12345678", "admin.token": "sixteen bytes or more", "admin.token_file": file(t, "sixteen bytes or more\n"),
		"keys.seal_key": strings.Repeat("0f", 32), "keys.seal_key_file": file(t, strings.Repeat("0f", 32)),
		"keys.passphrase": "correct horse battery", "keys.passphrase_file": file(t, "correct horse battery")}
	seen := map[string]string{}
	for _, k := range keys {
		value := other[k.Kind]
		if v := special[k.Path]; v != "" {
			value = v
		}
		if k.Kind == KindEnum {
			value = k.Enum[len(k.Enum)-1]
		}
		switch {
		case value != k.Default:
		case k.Kind == KindBool:
			value = "false"
		default:
			value = k.Enum[0]
		}
		flags := []Setting{{Key: "embedder.kind", Value: "openai"}, {Key: "embedder.base_url", Value: "http://e.test"},
			{Key: "embedder.model", Value: "m"}, {Key: "embedder.dim", Value: "3"}, {Key: "providers.other.base_url", Value: "http://x.test"},
			{Key: "providers.openai.base_url", Value: "http://y.test"}, {Key: "providers.other.api_key", Value: sampleKey},
			{Key: "cache.shadow_price", Value: "0.5"}, {Key: "opinion.price", Value: "0.5"}}
		if k.Path == "opinion.model" { // asks for a provider with a key
			flags = append(flags, Setting{Key: "opinion.provider", Value: "other"})
		}
		env := []string{"other=" + sampleKey}
		base := mustLoad(t, Sources{Env: env, Flags: flags})
		path := strings.Replace(k.Path, anyName, "openai", 1)
		if path == "embedder.kind" {
			flags, base = nil, mustLoad(t, Sources{Env: env})
			flags = []Setting{{Key: "embedder.base_url", Value: "http://e.test"}, {Key: "embedder.model", Value: "m"}, {Key: "embedder.dim", Value: "3"}}
		}
		got := mustLoad(t, Sources{Env: env, Flags: append(flags, Setting{Key: path, Value: value, Flag: "--set"})})
		base.values, base.origins, got.values, got.origins = nil, nil, nil, nil
		if reflect.DeepEqual(base, got) {
			t.Errorf("%s = %s changes nothing", path, value)
		}
		if env := k.Env(); seen[env] != "" {
			t.Errorf("%s and %s share the variable %s", k.Path, seen[env], env)
		}
		seen[k.Env()] = k.Path
		if k.Doc == "" {
			t.Errorf("%s has no sentence", k.Path)
		}
	}
}

func TestLayersWinInOrder(t *testing.T) {
	path := file(t, "cache:\n  threshold: 0.5\n  k: 9\n  ttl: 10m\nlisten: 127.0.0.1:7001\n")
	env := []string{"REPRISE_CACHE_THRESHOLD=0.6", "REPRISE_LISTEN=127.0.0.1:7002", "REPRISE_DB="}
	flags := []Setting{{"listen", "127.0.0.1:7003", "--listen"}}
	c := mustLoad(t, Sources{File: path, Env: env, Flags: flags})
	if c.Listen != "127.0.0.1:7003" || c.Cache.Threshold != 0.6 || c.Cache.K != 9 || c.Cache.TTL != 10*time.Minute || c.DB != "reprise.db" {
		t.Errorf("listen %s (flag), threshold %v (environment), k %d and ttl %v (file), db %q (default)",
			c.Listen, c.Cache.Threshold, c.Cache.K, c.Cache.TTL, c.DB)
	}
	if got := mustLoad(t, Sources{Env: []string{"REPRISE_CONFIG=" + path}}).Cache.K; got != 9 {
		t.Errorf("REPRISE_CONFIG: k = %d", got)
	}
}

func TestProviderKeys(t *testing.T) {
	withKey := "providers:\n  openai:\n    api_key: from-file\n"
	withEnv := "providers:\n  openai:\n    api_key_env: TEAM_KEY\n"
	cases := map[string]struct {
		file string
		env  []string
		want string
	}{
		"none":                           {"", nil, ""},
		"openai's variable":              {"", []string{"OPENAI_API_KEY=from-openai"}, "from-openai"},
		"file":                           {withKey, nil, "from-file"},
		"environment over file":          {withKey, []string{"OPENAI_API_KEY=from-openai"}, "from-openai"},
		"ours over openai's":             {withKey, []string{"OPENAI_API_KEY=a", "REPRISE_PROVIDERS_OPENAI_API_KEY=ours"}, "ours"},
		"the named variable":             {withEnv, []string{"TEAM_KEY=team"}, "team"},
		"the named one, not openai's":    {withEnv, []string{"TEAM_KEY=team", "OPENAI_API_KEY=personal"}, "team"},
		"ours over the one a file names": {withEnv, []string{"TEAM_KEY=team", "REPRISE_PROVIDERS_OPENAI_API_KEY=ours"}, "ours"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			src := Sources{Env: tc.env}
			if tc.file != "" {
				src.File = file(t, tc.file)
			}
			if got := mustLoad(t, src).Providers["openai"].APIKey; got != tc.want {
				t.Errorf("key = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestDefaultProvider(t *testing.T) {
	local := Setting{"providers.local.base_url", "http://127.0.0.1:11434/v1", "--provider"}
	other := Setting{"providers.my-other.base_url", "http://other.test/v1", "--provider"}
	openai := Setting{"providers.openai.base_url", "http://third.test/v1", "--provider"}
	for _, tc := range []struct {
		flags []Setting
		want  string
	}{
		{nil, "openai"},
		{[]Setting{local}, "local"},
		{[]Setting{local, openai}, "openai"},
		{[]Setting{local, other, {"default_provider", "my-other", "--default-provider"}}, "my-other"},
	} {
		// The variables that other programs read do not make openai a configured provider.
		c := mustLoad(t, Sources{Flags: tc.flags, Env: []string{"OPENAI_API_KEY=x", "OPENAI_BASE_URL=http://o.test/v1/"}})
		if c.DefaultProvider != tc.want {
			t.Errorf("%v: default provider %q, want %q", tc.flags, c.DefaultProvider, tc.want)
		}
	}
	c := mustLoad(t, Sources{Env: []string{"REPRISE_PROVIDERS_MY_OTHER_BASE_URL=http://o.test/v1/"}})
	if got := c.Providers["my-other"].BaseURL; got != "http://o.test/v1" {
		t.Errorf("provider from the environment: base URL %q", got)
	}
	_, err := Load(Sources{Flags: []Setting{local, other}})
	if err == nil || !strings.Contains(err.Error(), "write one of local, my-other") {
		t.Errorf("two providers and no default: %v", err)
	}
}

func TestComplaintsNameKeyValueAndRemedy(t *testing.T) {
	cases := map[string]struct {
		yaml string
		want []string
	}{
		"mistyped leaf":      {"cache:\n  treshold: 0.8\n", []string{`config: unknown key "cache.treshold" (file reprise.yaml:2) (did you mean "cache.threshold"?)`}},
		"leaf alone":         {"threshold: 0.8\n", []string{`did you mean "cache.threshold"?`}},
		"mistyped provider":  {"providers:\n  local:\n    base_ur: http://x.test\n", []string{`did you mean "providers.local.base_url"?`}},
		"provider's name":    {"providers:\n  My_Own:\n    base_url: http://x.test\n", []string{"lower-case letters"}},
		"far from any":       {"zzzzzzzzzzzz: 1\n", []string{"config keys"}},
		"near no key":        {"cache:\n  foo: 1\n", []string{`unknown key "cache.foo" (file reprise.yaml:2); `, "config keys"}},
		"transposed":         {"cache:\n  mdoe: off\n", []string{`did you mean "cache.mode"?`}},
		"wrong type":         {"cache:\n  threshold: high\n", []string{"cache.threshold", "reprise.yaml:2", `"high"`, "number, from 0 to 1"}},
		"out of range":       {"cache:\n  threshold: 1.5\n", []string{"1.5", "from 0 to 1"}},
		"fraction":           {"cache:\n  k: 2.5\n", []string{"whole number, from 1 to 100"}},
		"no unit":            {"cache:\n  ttl: 600\n", []string{"600", "10m", "never"}},
		"zero lifetime":      {"cache:\n  ttl: 0s\n", []string{"cache.ttl", "never"}},
		"size":               {"limits:\n  max_body_bytes: ten\n", []string{`"ten"`, "10MiB", "from 1 to 1GiB"}},
		"enum":               {"cache:\n  mode: semantc\n", []string{"simple", `did you mean "semantic"?`}},
		"bool":               {"cache:\n  share_across_keys: sometimes\n", []string{"true or false"}},
		"number for text":    {"db: 5\n", []string{"db", "5", "quotes"}},
		"list for text":      {"listen: [a, b]\n", []string{"listen", "[a b]", "host:port"}},
		"address":            {"listen: 8080\n", []string{"host:port"}},
		"scalar section":     {"cache: semantic\n", []string{"cache", "section"}},
		"relative URL":       {"providers:\n  p:\n    base_url: api.test\n", []string{"absolute URL"}},
		"missing URL":        {"providers:\n  p:\n    api_key: k\n", []string{"providers.p.base_url is missing"}},
		"none in the table":  {"providers:\n  box:\n    kind: vllm\n", []string{"providers.box.base_url is missing"}},
		"unset variable":     {"providers:\n  openai:\n    api_key_env: NOT_SET\n", []string{"NOT_SET", "export it"}},
		"unknown default":    {"default_provider: opnai\n", []string{`did you mean "openai"?`}},
		"own address":        {"providers:\n  openai:\n    base_url: http://localhost:8080/v1\n", []string{"own address"}},
		"embedder half set":  {"embedder:\n  kind: openai\n  dim: 8\n", []string{"embedder.model is missing"}},
		"embedder no effect": {"embedder:\n  model: m\n", []string{"embedder.model", "no effect"}},
		"empty db":           {"db: \"\"\n", []string{"db is empty"}},
		"not a mapping":      {"- a\n", []string{"must hold keys"}},
		"bad YAML":           {"a: [1\n", []string{"line"}},
		"twice":              {"db: a\ndb: b\n", []string{"already defined"}},
		"all at once":        {"cache:\n  k: x\n  mode: y\nnope: 1\n", []string{"cache.k", "cache.mode", "nope"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Sources{File: file(t, tc.yaml)})
			if err == nil {
				t.Fatal("accepted")
			}
			if !errors.Is(err, ErrInvalid) {
				t.Error("is not ErrInvalid")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
	if _, err := Load(Sources{File: "no/such.yaml"}); err == nil || !strings.Contains(err.Error(), "no/such.yaml") {
		t.Errorf("absent file: %v", err)
	}
}

// TestComplaintsAreInOneOrder: whoever mends one of two things should find the other where it was.
func TestComplaintsAreInOneOrder(t *testing.T) {
	src := Sources{File: file(t, "default_provider: a\nproviders:\n  a:\n    base_url: http://a.test\n    api_key_env: A_KEY\n  b:\n    api_key_env: B_KEY\n  c:\n    api_key_env: C_KEY\n  d:\n    api_key_env: D_KEY\n")}
	_, first := Load(src)
	for range 20 {
		if _, err := Load(src); err == nil || first == nil || err.Error() != first.Error() {
			t.Fatalf("%v\nthen\n%v", first, err)
		}
	}
}

// TestWrongFileIsNotReadWhole names a file as large as a cache's may be.
func TestWrongFileIsNotReadWhole(t *testing.T) {
	path := file(t, "listen: 127.0.0.1:1\n")
	if err := os.Truncate(path, 1<<36); err != nil {
		t.Fatal(err)
	}
	for _, src := range []Sources{{File: path}, {Env: []string{"REPRISE_ADMIN_TOKEN_FILE=" + path}}} {
		if _, err := Load(src); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "longer than") {
			t.Errorf("%v", err)
		}
	}
}

func TestEmptyFilesAndSectionsAreFine(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "null\n", "cache:\n", "cache: {}\n", "providers:\n", "db:\n", "cache.k: 3\n"} {
		mustLoad(t, Sources{File: file(t, text)})
	}
}

func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	c := mustLoad(t, Sources{Env: []string{"REPRISE_CACHE_TRESHOLD=0.5", "REPRISE_KERNEL=portable", "HOME=/x"}})
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "REPRISE_CACHE_THRESHOLD") {
		t.Errorf("warnings = %q", c.Warnings)
	}
}

// TestSecretsStayOut puts a key wherever a hand may put one, and looks for it in everything that is printed.
func TestSecretsStayOut(t *testing.T) {
	good := Sources{
		File: file(t, "providers:\n  openai:\n    api_key: "+sampleKey+"\n  b:\n    base_url: http://b.test\n    api_key_env: B_KEY\n"),
		Env:  []string{"B_KEY=" + sampleKey, "OPENAI_API_KEY=" + sampleKey},
	}
	var out strings.Builder
	if err := mustLoad(t, good).Print(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), sampleKey) || strings.Count(out.String(), mask) != 2 {
		t.Errorf("printed:\n%s", out.String())
	}
	for _, text := range []string{
		"providers:\n  openai: " + sampleKey + "\n",
		"providers:\n  openai:\n    api_key: [" + sampleKey + "]\n",
		"providers:\n  openai:\n    base_url: " + sampleKey + "\n",
		"providers:\n  openai:\n    base_url: https://user:" + sampleKey + "@api.test/v1\n",
		"providers:\n  openai:\n    api_kye: " + sampleKey + "\n",
		"embedder:\n  api_key: 12345678\n", // would be a number: not text
		sampleKey,
		"- " + sampleKey,
	} {
		_, err := Load(Sources{File: file(t, text)})
		if err == nil {
			t.Errorf("%q accepted", text)
		} else if strings.Contains(err.Error(), sampleKey) || strings.Contains(err.Error(), "12345678") {
			t.Errorf("the complaint repeats the key: %v", err)
		}
	}
}

func TestPrintLoadsBack(t *testing.T) {
	src := Sources{
		File:  file(t, "cache:\n  ttl: 90m\n  threshold: 0.85\n  max_value_bytes: 1536\n"),
		Env:   []string{"REPRISE_LOG_LEVEL=debug"},
		Flags: []Setting{{"db", "other.db", "--db"}, {"providers.local.base_url", "http://127.0.0.1:1/v1", "--provider"}},
	}
	first := mustLoad(t, src)
	var out strings.Builder
	if err := first.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ttl: 1h30m # file reprise.yaml:2", "threshold: 0.85 # file", "level: debug # environment REPRISE_LOG_LEVEL",
		"db: other.db # flag --db", "default_provider: local\n", "k: 5\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	second := mustLoad(t, Sources{File: file(t, out.String())})
	first.values, first.origins, second.values, second.origins = nil, nil, nil, nil
	if !reflect.DeepEqual(first, second) {
		t.Errorf("read back:\n%+v\nwas\n%+v", second, first)
	}
	if _, err := Load(Sources{File: file(t, "embedder:\n  kind: openai\n  api_key: \""+mask+"\"\n")}); err == nil || !strings.Contains(err.Error(), "mask") {
		t.Errorf("the mask itself as a key: %v", err)
	}
}

func TestKeyTable(t *testing.T) {
	var out strings.Builder
	if err := PrintKeys(&out); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if !strings.Contains(out.String(), k.Path+" ") || !strings.Contains(out.String(), k.Doc) {
			t.Errorf("%s is not in the table", k.Path)
		}
	}
}

// FuzzFile feeds the file reader anything: it must answer, never panic, and whatever it accepts must print and load back.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{"", "cache:\n  k: 3\n", "a: &x {b: *x}\n", "? [1]\n: 2\n", "1: 2\n", "<<: {db: x}\n", "db: !!binary aGk=\n",
		"providers:\n  a.b:\n    base_url: http://x\n", "cache: {k: .inf}\n", "limits: {max_body_bytes: 99999999999999999999}\n", "listen: '[::1]:0'\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(Sources{File: path})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("not ErrInvalid: %v", err)
			}
			return
		}
		var out strings.Builder
		if err := c.Print(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), mask) {
			return
		}
		if _, err := Load(Sources{File: file(t, out.String())}); err != nil {
			t.Errorf("printed form is refused: %v\n%s", err, out.String())
		}
	})
}

func TestAnthropicProvider(t *testing.T) {
	for name, tc := range map[string]struct {
		flags []Setting
		env   []string
		want  string
	}{
		"nothing configured":       {nil, []string{"ANTHROPIC_API_KEY=k"}, "anthropic"},
		"another is configured":    {[]Setting{{Key: "providers.box.base_url", Value: "http://b.test/v1"}}, nil, "box"},
		"one of its kind":          {[]Setting{{Key: "providers.box.base_url", Value: "http://b.test/v1"}, {Key: "providers.claude.base_url", Value: "http://c.test/v1"}, {Key: "providers.claude.kind", Value: "anthropic"}, {Key: "default_provider", Value: "box"}}, nil, "claude"},
		"the built-in, with a key": {[]Setting{{Key: "providers.box.base_url", Value: "http://b.test/v1"}, {Key: "providers.anthropic.api_key", Value: "k"}, {Key: "default_provider", Value: "box"}}, nil, "anthropic"},
		"named":                    {[]Setting{{Key: "default_anthropic_provider", Value: "openai"}}, nil, "openai"},
	} {
		c := mustLoad(t, Sources{Flags: tc.flags, Env: tc.env})
		if c.Anthropic != tc.want {
			t.Errorf("%s: got %q, want %q", name, c.Anthropic, tc.want)
		}
	}
	c := mustLoad(t, Sources{Env: []string{"ANTHROPIC_API_KEY=secret"}})
	if p := c.Providers["anthropic"]; p.APIKey != "secret" || p.Kind != "anthropic" || p.BaseURL != "https://api.anthropic.com/v1" {
		t.Errorf("got %+v", p)
	}
	if _, err := Load(Sources{Flags: []Setting{{Key: "default_anthropic_provider", Value: "nobody"}}}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "default_anthropic_provider") {
		t.Errorf("got %v", err)
	}
}

// TestProvidersOfTheTable needs no address for a provider that the table has one for, by its name, an alias or its kind.
func TestProvidersOfTheTable(t *testing.T) {
	c := mustLoad(t, Sources{File: file(t, "providers:\n  groq:\n    api_key: k\n  google:\n    api_key: k\n  quick:\n    kind: fireworks\ndefault_provider: groq\n")})
	for _, name := range []string{"groq", "google", "quick"} {
		if p, ok := c.Providers[name]; !ok || p.BaseURL != "" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if c.DefaultProvider != "groq" {
		t.Errorf("the default is %q", c.DefaultProvider)
	}
}

func TestNamespaces(t *testing.T) {
	c := mustLoad(t, Sources{File: file(t, "cache:\n  namespaces:\n    shop:\n      mode: shadow\n      max_age: 10m\n      ttl: never\n      shadow_rate: 0\n    Team_1:\n      request_settings: stricter\n"),
		Env: []string{"REPRISE_CACHE_NAMESPACES_SHOP_MAX_ERROR=0.02"}})
	n := c.Cache.Namespaces["shop"]
	if n.Mode != "shadow" || n.MaxAge != 10*time.Minute || n.TTL != Never || n.ShadowRate == nil || *n.ShadowRate != 0 || n.MaxError != 0.02 {
		t.Errorf("shop: %+v", n)
	}
	if c.Cache.Namespaces["Team_1"].RequestSettings != "stricter" || c.Cache.Namespaces["Team_1"].ShadowRate != nil {
		t.Errorf("Team_1: %+v", c.Cache.Namespaces["Team_1"])
	}
	var out strings.Builder
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	again := mustLoad(t, Sources{File: file(t, out.String())})
	if !reflect.DeepEqual(again.Cache, c.Cache) {
		t.Errorf("printed as\n%s", out.String())
	}
	for text, want := range map[string]string{
		"shop:\n      threshhold: 0.5":                             `did you mean "cache.namespaces.shop.threshold"?`,
		"shop:\n      mode: fuzzy":                                 "cache.namespaces.shop.mode",
		"shop.x:\n      mode: off":                                 "cache.namespaces.shop",
		"shop: semantic":                                           "is a section",
		"\"a b\":\n      mode: simple":                             "cannot be written here",
		"shop:\n      mode: simple\n      threshold: 0.9":          "has no effect with mode simple",
		"shop:\n      conversation: judged\n      mode: threshold": "needs the verifier",
	} {
		_, err := Load(Sources{File: file(t, "cache:\n  namespaces:\n    "+text+"\n")})
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
