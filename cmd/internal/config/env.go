package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	envPrefix      = "REPRISE_"
	configVariable = "REPRISE_CONFIG" // names the file; not a key, since a file cannot name itself
	kernelVariable = "REPRISE_KERNEL" // read by package embed, to force one of its kernels
)

// envLayer reads REPRISE_ variables, and three that OpenAI's and Anthropic's own clients read.
//
// A REPRISE_ variable that no key has is a warning, not an error: Kubernetes injects variables such as
// REPRISE_SERVICE_HOST for a service of that name, and a process that refused to start for them could not run there.
func (l *loader) envLayer() layer {
	out := layer{values: map[string]any{}, origin: map[string]string{}}
	set := func(path, variable string) {
		out.values[path], out.origin[path] = l.env[variable], "environment "+variable
	}
	provider := "providers." + defaultProvider
	if l.env["OPENAI_BASE_URL"] != "" {
		set(provider+".base_url", "OPENAI_BASE_URL")
	}
	// A configured api_key_env says which variable holds the key; OPENAI_API_KEY is only its default.
	if l.env["OPENAI_API_KEY"] != "" && l.values[provider+".api_key_env"] == nil {
		set(provider+".api_key", "OPENAI_API_KEY")
	}
	anthropic := "providers." + anthropicProvider
	if l.env["ANTHROPIC_API_KEY"] != "" && l.values[anthropic+".api_key_env"] == nil {
		set(anthropic+".api_key", "ANTHROPIC_API_KEY")
	}
	for _, variable := range slices.Sorted(maps.Keys(l.env)) {
		if !strings.HasPrefix(variable, envPrefix) || variable == configVariable || variable == kernelVariable {
			continue
		}
		if path := pathOfVariable(variable); path != "" {
			set(path, variable)
			continue
		}
		l.warnings = append(l.warnings, fmt.Sprintf("environment variable %s is not one of ours and is ignored%s",
			variable, suggestion(nearest(variable, variables(), "\x00"))))
	}
	return out
}

// variables lists the names that are read, for suggestions.
func variables() []string {
	names := []string{configVariable, kernelVariable}
	for _, k := range keys {
		names = append(names, k.Env())
	}
	return names
}

// pathOfVariable is the inverse of Key.Env, with a name filled in; "" if no key has the variable. Names that have capitals or
// underscores cannot be said by a variable.
func pathOfVariable(variable string) string {
	for _, k := range keys {
		pre, post, isNamed := strings.Cut(k.Env(), "_"+anyName+"_")
		if !isNamed {
			if variable == k.Env() {
				return k.Path
			}
			continue
		}
		name, ok := strings.CutPrefix(variable, pre+"_")
		if !ok {
			continue
		}
		if name, ok = strings.CutSuffix(name, "_"+post); !ok {
			continue
		}
		name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
		if path := strings.Replace(k.Path, anyName, name, 1); sections["providers"].rule.MatchString(name) {
			return path
		}
	}
	return ""
}
