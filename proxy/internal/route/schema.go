package route

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// Schema returns the JSON Schema (draft 2020-12) of a request config, made from the tables by which configs are read. cache
// is that of the cache object, which the gateway reads.
func Schema(cache strict.Schema) []byte {
	target := targetFields.Schema()
	target["allOf"] = targetRules()
	condition := conditionFields.Schema()
	condition["required"] = []string{"query", "then"}
	out, err := json.Marshal(strict.Schema{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Reprise request config", "$ref": "#/$defs/target",
		"$defs": strict.Schema{
			"target": target, "retry": retryFields.Schema(), "strategy": strategyFields.Schema(), "condition": condition, "query": querySchema(), "cache": cache,
		},
	}, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		panic("route: the schema is no JSON: " + err.Error()) // a test makes it
	}
	return out
}

// targetRules say of a target's members together what reading.end does, as far as a schema can.
func targetRules() []strict.Schema {
	has := func(names ...string) strict.Schema { return strict.Schema{"required": names} }
	not := func(s strict.Schema) strict.Schema { return strict.Schema{"not": s} }
	// modeIs holds where the group's mode, in either spelling, is one of these.
	modeIs := func(modes ...string) strict.Schema {
		mode := strict.Schema{"required": []string{"mode"}, "properties": strict.Schema{"mode": strict.Schema{"enum": modes}}}
		return strict.AnyOf(mode, strict.Schema{"required": []string{"strategy"}, "properties": strict.Schema{"strategy": mode}})
	}
	inStrategy := func(name string) strict.Schema {
		return strict.Schema{"required": []string{"strategy"}, "properties": strict.Schema{"strategy": has(name)}}
	}
	heavy := strict.Schema{"contains": not(strict.Schema{"required": []string{"weight"}, "properties": strict.Schema{"weight": strict.Schema{"const": 0}}})}
	rules := []strict.Schema{
		not(has("targets", "options")),
		not(strict.Schema{"allOf": []strict.Schema{has("mode"), inStrategy("mode")}}),
		{"if": modeIs("fallback", "loadbalance", oldLoadBalance, "conditional"), "then": strict.AnyOf(has("targets"), has("options"))},
		{"if": modeIs("loadbalance", oldLoadBalance), "then": strict.Schema{"properties": strict.Schema{"targets": heavy, "options": heavy}}},
		{"if": modeIs("conditional"), "then": inStrategy("conditions"), "else": not(strict.AnyOf(inStrategy("conditions"), inStrategy("default")))},
	}
	for _, name := range []string{"targets", "options", "mode", "virtual_key", "custom_host"} {
		rules = append(rules, not(has("config", name)))
	}
	return rules
}
