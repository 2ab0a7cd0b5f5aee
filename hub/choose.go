package hub

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// small are the files beside its graphs that Penstock reads of a model, as far as there are any.
var small = []string{
	"config.json", recipe, "tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja",
}

// needed are those of them that no model runs without.
var needed = []string{"config.json", "tokenizer.json"}

// Graphs come in these forms, by the names that transformers.js gave them, and in these folders, best first: as the rooms
// that open them look for them. Of a CLIP, which is known by the recipe for its pictures, that is whole, halved, quantised;
// of a language model, what a CPU runs best comes before halves.
var (
	pictureForms  = []string{"", "_fp16", "_quantized", "_int8", "_uint8", "_q4", "_q4f16", "_bnb4"}
	languageForms = []string{"", "_q4", "_int8", "_quantized", "_uint8", "_bnb4", "_fp16", "_q4f16"}
	places        = []string{"onnx/", ""}
)

// recipe is the file without which a CLIP does not run.
const recipe = "preprocessor_config.json"

// Choose picks the files to fetch. Without patterns that is what Penstock needs to run the model: its small files, and
// one graph or one pair of towers with its external data. With patterns it is what they match: a pattern without a slash
// is held against the last part of a path, one with slashes against the whole. Every graph among that brings its external
// data and the small files along. Errors wrap ErrNoGraph where the repository has nothing to run, and ErrNotFound where a
// pattern matches nothing.
func (s Snapshot) Choose(patterns []string) ([]File, error) {
	wanted := map[string]bool{}
	if len(patterns) == 0 {
		graphs, err := s.graphs()
		if err != nil {
			return nil, err
		}
		for _, name := range needed {
			if !s.has(name) {
				return nil, fmt.Errorf("%s has no %s, without which Penstock runs no model: --file takes any files that you name", s.ID, name)
			}
		}
		for _, name := range graphs {
			wanted[name] = true
		}
	}
	for _, pattern := range patterns {
		if err := CheckPattern(pattern); err != nil {
			return nil, err
		}
		found := false
		for _, f := range s.Files {
			name := f.Path
			if !strings.Contains(pattern, "/") {
				name = path.Base(name)
			}
			if ok, _ := path.Match(pattern, name); ok {
				wanted[f.Path], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: nothing in %s matches %q; it has %s", ErrNotFound, s.ID, pattern, some(s.paths()))
		}
	}
	var chosen []File
	runs := false
	for name := range wanted {
		runs = runs || isGraph(name)
	}
	for _, f := range s.Files {
		if wanted[f.Path] || (runs && slices.Contains(small, f.Path)) || wanted[graphOf(f.Path)] {
			chosen = append(chosen, f)
		}
	}
	return chosen, nil
}

// graphs finds the graphs that Penstock would run.
func (s Snapshot) graphs() ([]string, error) {
	forms := languageForms
	if s.has(recipe) {
		forms = pictureForms
	}
	for _, form := range forms {
		for _, names := range [][]string{{"vision_model", "text_model"}, {"model"}} {
			for _, place := range places {
				found := make([]string, len(names))
				for i, name := range names {
					found[i] = place + name + form + ".onnx"
				}
				if s.has(found...) {
					return found, nil
				}
			}
		}
	}
	var others, gguf []string
	for _, name := range s.paths() {
		if isGraph(name) {
			others = append(others, name)
		}
		if path.Ext(name) == ".gguf" {
			gguf = append(gguf, name)
		}
	}
	switch {
	case others != nil:
		return nil, fmt.Errorf("%s has ONNX files, but neither vision_model.onnx with text_model.onnx nor model.onnx, which Penstock runs: %s (--file takes any of them)", s.ID, some(others))
	case gguf != nil:
		return nil, fmt.Errorf("%s: %w, but GGUF: take one with --file (%s), then make a model of it with penstock import", s.ID, ErrNoGraph, some(gguf))
	default:
		return nil, fmt.Errorf("%s: %w, which is what Penstock runs", s.ID, ErrNoGraph)
	}
}

func isGraph(name string) bool { return path.Ext(name) == ".onnx" }

// graphOf returns the graph whose external data a file is by its name (model.onnx_data, model.onnx.data,
// model.onnx_data_1), or the empty string.
func graphOf(name string) string {
	if i := strings.LastIndex(name, ".onnx"); i >= 0 {
		if rest := name[i+len(".onnx"):]; strings.HasPrefix(rest, "_data") || strings.HasPrefix(rest, ".data") {
			return name[:i+len(".onnx")]
		}
	}
	return ""
}

// has tells whether all of those files are there.
func (s Snapshot) has(names ...string) bool {
	for _, name := range names {
		if !slices.ContainsFunc(s.Files, func(f File) bool { return f.Path == name }) {
			return false
		}
	}
	return true
}

func (s Snapshot) paths() []string {
	names := make([]string, len(s.Files))
	for i, f := range s.Files {
		names[i] = f.Path
	}
	return names
}

// some is a list for a person: not all of a long one.
func some(names []string) string {
	const enough = 12
	switch {
	case len(names) == 0:
		return "no files"
	case len(names) > enough:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:enough], ", "), len(names)-enough)
	default:
		return strings.Join(names, ", ")
	}
}
