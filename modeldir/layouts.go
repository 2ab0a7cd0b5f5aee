package modeldir

import (
	"path"
	"slices"
	"strings"
)

// folders may hold the graphs, best first.
var folders = []string{"onnx/", ""}

// Textual is the folder of the text tower and the tokenizer in Immich's layout.
const Textual = "textual"

// layouts are the paths of the graphs that make up a model, without their form and ".onnx", best
// first: transformers.js's pair, Immich's and open_clip's, and one graph.
var layouts = [][]string{
	{"onnx/vision_model", "onnx/text_model"},
	{"vision_model", "text_model"},
	{"visual/model", Textual + "/model"},
	{"onnx/visual", "onnx/textual"},
	{"visual", "textual"},
	{"onnx/model"},
	{"model"},
}

// OtherPairs lists the pairs of graphs beside transformers.js's, for a message.
func OtherPairs() string {
	return "visual/model.onnx and textual/model.onnx, visual.onnx and textual.onnx"
}

// A Tower is one of the two graphs of a CLIP.
type Tower string

// The towers.
const (
	VisionTower Tower = "vision"
	TextTower   Tower = "text"
)

// stems are the paths of a tower's graph in a folder that holds no other tower, as in layouts.
func (t Tower) stems() []string {
	if t == VisionTower {
		return []string{"onnx/vision_model", "vision_model", "visual/model", "onnx/visual", "visual", "onnx/model", "model"}
	}
	return []string{"onnx/text_model", "text_model", Textual + "/model", "onnx/textual", "textual", "onnx/model", "model"}
}

// TowerGraph returns the best graph of one tower, in a folder that holds no other tower, or "".
func (k Kind) TowerGraph(t Tower, has Has) string {
	for _, form := range k.forms() {
		for _, stem := range t.stems() {
			if name := stem + form + ".onnx"; has(name) {
				return name
			}
		}
	}
	return ""
}

// TowerGraphNames lists the graphs that TowerGraph looks for, for a message.
func TowerGraphNames(t Tower) string {
	var names []string
	for _, stem := range t.stems() {
		if name := path.Base(stem) + ".onnx"; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Half returns the tower that a folder holds if it lacks the other one, and "" otherwise: a tower's
// graph alone, or one graph with what only that tower needs beside it.
func Half(has Has) Tower {
	graph := func(t Tower, stems int) bool {
		for _, stem := range t.stems()[:stems] {
			for _, form := range CLIP.forms() {
				if has(stem + form + ".onnx") {
					return true
				}
			}
		}
		return false
	}
	const own = 5 // stems of a tower, before those that may be of any model
	tokens := HasTokenizer(has) || HasTokenizer(func(name string) bool { return has(Textual + "/" + name) })
	switch vision, text, one := graph(VisionTower, own), graph(TextTower, own), CLIP.Graph("model", has) != ""; {
	case vision && !text && !one, one && !vision && !text && hasRecipe(has) && !tokens:
		return VisionTower
	case text && !vision && !one:
		return TextTower
	}
	return ""
}

// recipes say how pictures are prepared, best first. ProcessorConfig does so since transformers 5,
// in its member image_processor.
var recipes = []string{ProcessorConfig, PreprocessorConfig, "visual/" + OpenCLIPPreprocess, OpenCLIPPreprocess, OpenCLIPConfig}

// The names of files that say how pictures are prepared; OpenCLIPConfig is config.json too.
const (
	ProcessorConfig    = "processor_config.json"
	PreprocessorConfig = "preprocessor_config.json"
	OpenCLIPPreprocess = "preprocess_cfg.json"
	OpenCLIPConfig     = "open_clip_config.json"
)

// Recipes returns the files that may say how pictures are prepared, in the order in which they are
// looked at.
func Recipes() []string { return slices.Clone(recipes) }

func hasRecipe(has Has) bool { return slices.ContainsFunc(recipes, has) }

// IsTokenizer reports whether name is one of the files of a tokenizer.
func IsTokenizer(name string) bool {
	return slices.Contains([]string{"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "vocab.txt"}, name)
}

// HasTokenizer reports whether a folder has all files of a tokenizer: tokenizer.json, or CLIP's
// vocab.json and merges.txt, or BERT's vocab.txt.
func HasTokenizer(has Has) bool {
	return has("tokenizer.json") || has("vocab.json") && has("merges.txt") || has("vocab.txt")
}

// KindOf returns the kind of model that a folder holds: CLIP if it has the settings of an image
// processor or one of CLIP's towers, otherwise Language.
func KindOf(has Has) Kind {
	if hasRecipe(has) || Half(has) != "" {
		return CLIP
	}
	return Language
}

// Missing returns the files without which the model cannot run and that the folder lacks, its
// graphs aside. Of a half, those that it needs itself.
func (k Kind) Missing(has Has) (missing []string) {
	if !has("config.json") && (k != CLIP || !has(OpenCLIPConfig)) {
		missing = append(missing, "config.json")
	}
	half := Half(has)
	textual := func(name string) bool { return has(Textual + "/" + name) }
	switch {
	case k == Language && !has("tokenizer.json"):
		missing = append(missing, "tokenizer.json")
	case k == CLIP && half != VisionTower && !HasTokenizer(has) && !HasTokenizer(textual):
		missing = append(missing, "tokenizer.json (nor vocab.json with merges.txt, nor vocab.txt)")
	}
	if k == CLIP && half != TextTower && !hasRecipe(has) {
		missing = append(missing, PreprocessorConfig)
	}
	return missing
}

// IsAuxiliary reports whether name is one of the files beside the graphs that are read where
// present, required or not.
func IsAuxiliary(name string, has Has) bool {
	switch {
	case slices.Contains([]string{"config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"}, name),
		name == "chat_template.jinja", slices.Contains(recipes, name):
		return true
	case strings.HasPrefix(name, Textual+"/") && IsTokenizer(path.Base(name)) && path.Dir(name) == Textual:
		return !HasTokenizer(has)
	case name == "vocab.json", name == "merges.txt":
		return !has("tokenizer.json") && has("vocab.json") && has("merges.txt")
	case name == "vocab.txt":
		return !has("tokenizer.json") && (!has("vocab.json") || !has("merges.txt"))
	}
	return false
}
