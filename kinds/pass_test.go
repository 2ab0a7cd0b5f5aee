package kinds

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"penstock/configs"
	"penstock/dialect"
)

func TestRoutesThatAModelPassesThrough(t *testing.T) {
	options := configs.Options{}
	for _, kind := range All() {
		options.Kinds = append(options.Kinds, kind.Kind)
	}
	load := func(keys string) (configs.Config, error) {
		text := "models:\n  - {name: gpt, kind: openai, upstreams: [{base_url: \"http://127.0.0.1/v1\"}]" + keys + "}\n"
		return configs.Load(configs.Source{Name: "p.yaml", Dir: t.TempDir(), Text: []byte(text)}, options)
	}
	for keys, want := range map[string][]dialect.PassRoute{
		"":                                 {"audio/*", "images/*", "rerank", "moderations"},
		", pass: []":                       nil,
		", pass: [audio/speech, videos/*]": {"audio/speech", "videos/*"},
	} {
		config, err := load(keys)
		if err != nil {
			t.Errorf("%s: %v", keys, err)
			continue
		}
		if got := passRoutes(config.Models[0].Options.(OpenAIOptions).Pass); !slices.Equal(got, want) {
			t.Errorf("%s: %v", keys, got)
		}
	}
	for route, want := range map[string]string{
		"files/*": "must be a path without files in it", "fine_tuning/jobs": "must be a path without fine_tuning in it", "organization/*": "must be a path without organization in it",
		"/v1/rerank": "must be a path below /v1", "'*'": "must be a path of plain parts", "audio/../files": "must be a path of plain parts", "embeddings": "must be no route of this server's own",
		"rerank": "is the same as models[0].pass[0]",
	} {
		_, err := load(", pass: [rerank, " + route + "]")
		if got := fmt.Sprint(err); !strings.Contains(got, "models[0].pass[1] "+want) {
			t.Errorf("%s: %s", route, got)
		}
	}
}
