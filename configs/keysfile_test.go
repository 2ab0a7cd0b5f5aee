package configs_test

import (
	"fmt"
	"strings"
	"testing"

	"penstock/configs"
)

func TestKeysFiles(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	for _, test := range []struct{ name, text, problems string }{
		{"YAML", "# keys\n- name: a\n  sha256: " + digest + "\n  models: [m*]\n- {name: b, sha256: " + strings.Repeat("cd", 32) + "}\n", ""},
		{"JSON", `[{"name": "a", "sha256": "` + digest + `", "requests_per_minute": 60}]`, ""},
		{"no keys", "[]\n", ""},
		{"empty", "", "k:1:1: the file is empty: it must be a list of keys as auth.keys is, or [] for none"},
		{"cut short", "- name: a\n  sha256: " + digest[:10] + "\n", `k:2:11: keys[0].sha256 must be 64 hex digits, the SHA-256 of the key, not "ababababab"`},
		{"a mapping", "keys: []\n", "k:1:1: keys must be a list, not a mapping"},
		{"unknown and unmatched", "- {name: a, sha256: " + digest + ", model: m, models: [x]}\n", "k:1:87: unknown key \"model\": did you mean \"models\"?\nk:1:106: keys[0].models[0] is no model of this file: known here: m"},
		{"twice", "- {name: a, sha256: " + digest + "}\n- {name: a, sha256: " + digest + "}\n", "k:2:10: keys[1].name is the same as keys[0].name\nk:2:21: keys[1].sha256 is the same as keys[0].sha256"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := configs.ParseKeys(configs.Source{Name: "k", Text: []byte(test.text)}, []configs.Model{{Name: "m"}})
			got := ""
			if err != nil {
				got = fmt.Sprint(err)
			}
			if got != test.problems {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.problems)
			}
		})
	}
}
