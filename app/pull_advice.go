package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"penstock/hub"
	"penstock/regular"
)

// advice returns what to do with files that were fetched: in YAML, with everything else as
// comments. It depends on config.json and on the names of the files.
func advice(id, commit, dir, dtype string, files []hub.File) string {
	graph, gguf := "", ""
	for _, f := range files {
		switch filepath.Ext(f.Path) {
		case ".onnx":
			graph = f.Path
		case ".gguf":
			gguf = f.Path
		}
	}
	head := fmt.Sprintf("# %s at commit %s is in %s.\n", id, commit, dir)
	if graph == "" && gguf != "" {
		return head + fmt.Sprintf("# Make a model of it: penstock import %s DIR\n", filepath.Join(dir, filepath.FromSlash(gguf)))
	}
	if graph == "" {
		return head
	}
	var config struct {
		Type          string   `json:"model_type"`
		Architectures []string `json:"architectures"`
	}
	raw, err := regular.ReadFile(filepath.Join(dir, "config.json"))
	if err == nil {
		err = json.Unmarshal(raw, &config)
	}
	if err != nil {
		return head + "# It has no config.json that says what it is; without that Penstock does not run it.\n"
	}
	entry := fmt.Sprintf("name: %s, kind: %%s, path: %s", scalar(modelName(id)), scalar(filepath.ToSlash(dir)))
	if dtype != "" {
		entry += ", dtype: " + dtype
	}
	switch {
	case config.Type == "clip":
		const recipe = "preprocessor_config.json"
		if _, err := os.Stat(filepath.Join(dir, recipe)); err != nil {
			head += "# It has no " + recipe + ", without which Penstock runs no CLIP: " +
				"first put there that of the model it was exported from.\n"
		}
		entry = fmt.Sprintf(entry, "clip") + `, labels: ["a photo of a cat", "a photo of a dog"]`
	case isGenerative(config.Architectures):
		entry = fmt.Sprintf(entry, "onnx-llm")
	default:
		return head + fmt.Sprintf("# Its config.json says %q: Penstock runs CLIP and causal language models.\n", config.Type)
	}
	return head + "# Put this into penstock.yaml, and see penstock check:\nmodels:\n  - {" + entry + "}\n"
}

// isGenerative reports whether a model continues a text: transformers names such models so.
func isGenerative(architectures []string) bool {
	for _, a := range architectures {
		if strings.HasSuffix(a, "ForCausalLM") || strings.HasSuffix(a, "LMHeadModel") {
			return true
		}
	}
	return false
}

// modelName makes a model name that penstock.yaml accepts from a repository's id.
func modelName(id string) string {
	name := strings.TrimLeft(id[strings.LastIndexByte(id, '/')+1:], "_")
	if name == "" {
		return "model"
	}
	return name
}

var plainScalar = regexp.MustCompile(`^[A-Za-z.][A-Za-z0-9._/-]*[A-Za-z0-9]$`)

// scalar returns a text as YAML: quoted unless it can only be read as a text.
func scalar(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", ".inf", ".nan":
	default:
		if plainScalar.MatchString(s) {
			return s
		}
	}
	return strconv.Quote(s)
}
