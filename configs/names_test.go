package configs_test

import (
	"testing"

	"penstock/configs"
)

func TestPatternsOfKeysMatchNamesAndPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern configs.Pattern
		name    string
		want    bool
	}{
		{"gpt", "gpt", true},
		{"gpt", "gpt-4", false},
		{"gpt*", "gpt", true},
		{"*", "a/b:c", true},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyy", false},
		{"router/openai/*", "router/*", true},
		{"router/openai/gpt:free", "router/*", true},
		{"*:free", "router/*", true},
		{"*:free", "router/*:free", true},
		{"router/*", "*", true},
		{"other/*", "router/*", false},
		{"router/*:free", "router/*:paid", false},
		{"router", "router/*", false},
		{"r*-x", "r*-y", false},
		{"r*x*", "r*-y", true},
	} {
		if got := c.pattern.Matches(c.name); got != c.want {
			t.Errorf("%s and %s: %v", c.pattern, c.name, got)
		}
	}
}

// A pattern is one line for a whole provider: it loads as it stands in the documentation.
func TestAPatternIsAModelsName(t *testing.T) {
	text := `models:
  - {name: "openrouter/*", kind: openai, upstreams: [{base_url: "https://a.example/v1"}, {base_url: "https://b.example/v1", model: "b/*:free"}, {base_url: "https://c.example/v1", model: one}]}
  - {name: "llama3.2:1b", kind: onnx-llm, path: p, aliases: ["ft:gpt-4o-mini:org::abc"], default: true}
auth: {keys: [{name: k, sha256: ` + digest + `, models: ["openrouter/meta/*", "openrouter/a:free", "ft:*", "llama3.2:1b"]}]}
`
	config, err := loadUnrestricted(configs.Source{Name: "f", Text: []byte(text)}, configs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m := config.Models[0]; !m.Name.IsPattern() || m.Default || m.Aliases != nil {
		t.Errorf("%+v", m)
	}
	if m := config.Models[1]; m.Name.IsPattern() || !m.Default || len(m.Aliases) != 1 {
		t.Errorf("%+v", m)
	}
	keys := `[{name: k, sha256: ` + digest + `, models: ["openrouter/x", "ft:*"]}]`
	if _, err := configs.ParseKeys(configs.Source{Name: "k", Text: []byte(keys)}, config.Models); err != nil {
		t.Errorf("a file of keys: %v", err)
	}
	unknown := `[{name: k, sha256: ` + digest + `, models: ["openruter/x"]}]`
	if _, err := configs.ParseKeys(configs.Source{Name: "k", Text: []byte(unknown)}, config.Models); err == nil {
		t.Error("a file of keys names a model that there is not")
	}
}
