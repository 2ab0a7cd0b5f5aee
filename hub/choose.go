package hub

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"penstock/modeldir"
)

// Choose returns the files to fetch. Without patterns those are the files that Penstock needs to
// run the model: one graph, one pair of CLIP's, or the one tower that there is, with its external data and the files beside it
// that are read. With patterns they are the files that match: a pattern without a slash is matched
// against the last element of a path, one with a slash against the whole path. A graph among them
// adds its external data and the files beside it.
//
// Errors wrap ErrNoGraph if the repository holds no ONNX graph, and ErrNotFound if a pattern
// matches no file.
func (s Snapshot) Choose(patterns []string) ([]File, error) {
	wanted := map[string]bool{}
	if len(patterns) == 0 {
		graphs, err := s.graphs()
		if err != nil {
			return nil, err
		}
		for _, name := range graphs {
			wanted[name] = true
		}
	}
	for _, pattern := range patterns {
		if err := s.match(pattern, wanted); err != nil {
			return nil, err
		}
	}
	var chosen []File
	runs := false
	for name := range wanted {
		runs = runs || modeldir.IsGraph(name)
	}
	for _, f := range s.Files {
		if wanted[f.Path] || (runs && modeldir.IsAuxiliary(f.Path, s.has)) || wanted[modeldir.GraphOf(f.Path)] {
			chosen = append(chosen, f)
		}
	}
	return chosen, nil
}

// match adds the paths that match a pattern to wanted.
func (s Snapshot) match(pattern string, wanted map[string]bool) error {
	if err := CheckPattern(pattern); err != nil {
		return err
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
		return fmt.Errorf("%w: nothing in %s matches %q; it has %s", ErrNotFound, s.ID, pattern, abbreviated(s.paths()))
	}
	return nil
}

// graphs returns the graphs that Penstock would run, and checks that the files they require are
// there too.
func (s Snapshot) graphs() ([]string, error) {
	kind := modeldir.KindOf(s.has)
	graphs := kind.Graphs(s.has)
	if graphs == nil && modeldir.Half(s.has) != "" {
		graphs = []string{kind.TowerGraph(modeldir.Half(s.has), s.has)}
	}
	if graphs == nil {
		return nil, s.noGraph()
	}
	if missing := kind.Missing(s.has); missing != nil {
		return nil, fmt.Errorf("%s has no %s, without which Penstock runs no model: --file takes any files that you name", s.ID, strings.Join(missing, " and no "))
	}
	return graphs, nil
}

// noGraph explains what the repository holds instead of a graph that Penstock runs.
func (s Snapshot) noGraph() error {
	var others, gguf []string
	for _, name := range s.paths() {
		if modeldir.IsGraph(name) {
			others = append(others, name)
		}
		if path.Ext(name) == ".gguf" {
			gguf = append(gguf, name)
		}
	}
	switch {
	case others != nil:
		return fmt.Errorf("%s has ONNX files, but neither vision_model.onnx with text_model.onnx nor model.onnx (nor %s), which Penstock runs: %s (--file takes any of them)", s.ID, modeldir.OtherPairs(), abbreviated(others))
	case gguf != nil:
		return fmt.Errorf("%s: %w, but GGUF: take one with --file (%s), then make a model of it with penstock import", s.ID, ErrNoGraph, abbreviated(gguf))
	default:
		return fmt.Errorf("%s: %w, which is what Penstock runs", s.ID, ErrNoGraph)
	}
}

// has is the modeldir.Has of the repository.
func (s Snapshot) has(name string) bool {
	return slices.ContainsFunc(s.Files, func(f File) bool { return f.Path == name })
}

func (s Snapshot) paths() []string {
	names := make([]string, len(s.Files))
	for i, f := range s.Files {
		names[i] = f.Path
	}
	return names
}

// abbreviated joins names for a message, and cuts a long list short.
func abbreviated(names []string) string {
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
