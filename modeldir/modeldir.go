package modeldir

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Has reports whether a model folder holds a regular file. The name is relative to the folder and
// has forward slashes.
type Has func(name string) bool

// In returns the Has of the folder at dir on disk. Links are followed.
func In(dir string) Has {
	return func(name string) bool {
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		return err == nil && info.Mode().IsRegular()
	}
}

// A Kind is a kind of model. It decides which form of a graph is preferred.
type Kind int

const (
	// CLIP has two graphs, vision_model and text_model, or one named model that holds both. The
	// most precise form comes first.
	CLIP Kind = iota
	// Language is a causal language model: one graph named model. Whole weights come first, then
	// the forms that CPUs run well; CPUs run half precision badly.
	Language
)

// forms returns the suffixes of graph names, best first.
func (k Kind) forms() []string {
	if k == CLIP {
		return []string{"", "_fp16", "_quantized", "_int8", "_uint8", "_q4", "_q4f16", "_bnb4"}
	}
	return []string{"", "_q4", "_int8", "_quantized", "_uint8", "_bnb4", "_fp16", "_q4f16"}
}

// Candidates returns every path under which the graph of that name may be found, best first.
func (k Kind) Candidates(name string) []string {
	var paths []string
	for _, form := range k.forms() {
		for _, folder := range folders {
			paths = append(paths, folder+name+form+".onnx")
		}
	}
	return paths
}

// Graph returns the best path of one graph, or "" if the folder does not have it in any form.
func (k Kind) Graph(name string, has Has) string {
	for _, path := range k.Candidates(name) {
		if has(path) {
			return path
		}
	}
	return ""
}

// Graphs returns the paths of the best graphs that are complete: those of both towers in one form, or
// model alone. In the same form the pair is preferred. It returns nil if the folder has neither.
func (k Kind) Graphs(has Has) []string {
	for _, form := range k.forms() {
		for _, layout := range layouts {
			paths := make([]string, len(layout))
			for i, stem := range layout {
				paths[i] = stem + form + ".onnx"
			}
			if !slices.ContainsFunc(paths, func(path string) bool { return !has(path) }) {
				return paths
			}
		}
	}
	return nil
}

// IsGraph reports whether name is that of an ONNX graph.
func IsGraph(name string) bool { return path.Ext(name) == ".onnx" }

// GraphOf returns the graph whose external data the file name holds (model.onnx_data,
// model.onnx.data, model.onnx_data_1), or "" if it is no such file.
func GraphOf(name string) string {
	i := strings.LastIndex(name, ".onnx")
	if i < 0 {
		return ""
	}
	graph, rest := name[:i+len(".onnx")], name[i+len(".onnx"):]
	if strings.HasPrefix(rest, "_data") || strings.HasPrefix(rest, ".data") {
		return graph
	}
	return ""
}
