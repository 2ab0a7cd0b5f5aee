package clip

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"penstock/clip/internal/pixels"
	"penstock/modeldir"
	"penstock/regular"
	"penstock/tokenizer"
)

// A folder is a model's files, which exist; they may be in two folders.
type folder struct {
	path, texts  string // its folder, and that of the text tower
	config       config
	recipe       recipe // of pictures
	tokens       string // the folder of the tokenizer
	vision, text string // paths of the towers' graphs; the same where one graph holds both
}

// config is the part of config.json that is used.
type config struct {
	familyConfig
	openCLIPConfig
	LogitScale float64 `json:"logit_scale"` // the factor itself, not its logarithm; 0: absent
	Text       struct {
		Positions int    `json:"max_position_embeddings"`
		Pad       *int64 `json:"pad_token_id"`
	} `json:"text_config"`
}

// context is how many tokens a text may have.
func (c config) context() int {
	f, _ := c.family() // openFolder has refused a config.json with none
	return f.textPositions(c.Text.Positions)
}

// openFolder finds a model's files. The text tower and the tokenizer may be in a folder of their own.
func openFolder(path, texts string, dtype modeldir.DType) (*folder, error) {
	f := &folder{path: path, texts: cmp.Or(texts, path)}
	for _, dir := range []string{f.path, f.texts} {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("there is no folder %q: check the model's path", filepath.Base(dir))
		}
	}
	problems := []error{f.findGraphs(dtype)}
	f.tokens = f.texts
	if textual := filepath.Join(f.texts, modeldir.Textual); !modeldir.HasTokenizer(modeldir.In(f.texts)) && modeldir.HasTokenizer(modeldir.In(textual)) {
		f.tokens = textual
	}
	problems = append(problems, f.readConfig(), f.readRecipe())
	if !modeldir.HasTokenizer(modeldir.In(f.tokens)) {
		problems = append(problems, missing("tokenizer.json"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("folder %q: %s", filepath.Base(path), strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return f, nil
}

// findGraphs finds the best complete graphs, both the same where one graph holds both towers. Where
// no form is complete, each tower is the best one found.
func (f *folder) findGraphs(dtype modeldir.DType) error {
	if f.texts != f.path {
		return errors.Join(f.findTower(&f.vision, f.path, modeldir.VisionTower, dtype), f.findTower(&f.text, f.texts, modeldir.TextTower, dtype))
	}
	all := modeldir.In(f.path)
	if there := modeldir.CLIP.DTypes(all); dtype != "" && len(there) > 0 && !slices.Contains(there, dtype) {
		return fmt.Errorf("it has no graphs of dtype %s: it has %s", dtype, modeldir.JoinDTypes(there))
	}
	has := dtype.Only(all)
	if graphs := modeldir.CLIP.Graphs(has); graphs != nil {
		f.vision, f.text = filepath.Join(f.path, graphs[0]), filepath.Join(f.path, graphs[len(graphs)-1])
		return nil
	}
	f.vision, f.text = f.tower("vision_model", has), f.tower("text_model", has)
	switch {
	case f.vision == "" && f.text == "":
		return fmt.Errorf("onnx/vision_model.onnx and onnx/text_model.onnx (or one onnx/model.onnx) are missing; also known are %s; there %s",
			modeldir.OtherPairs(), contents(f.path))
	case f.vision == "":
		return missing("onnx/vision_model.onnx")
	case f.text == "":
		return missing("onnx/text_model.onnx")
	}
	return nil
}

// findTower finds the graph of one tower in a folder that holds no other.
func (f *folder) findTower(graph *string, dir string, tower modeldir.Tower, dtype modeldir.DType) error {
	found := modeldir.CLIP.TowerGraph(tower, dtype.Only(modeldir.In(dir)))
	if found == "" {
		return fmt.Errorf("a graph of the %s tower (%s) is missing in %q; there %s", tower, modeldir.TowerGraphNames(tower), filepath.Base(dir), contents(dir))
	}
	*graph = filepath.Join(dir, found)
	return nil
}

func (f *folder) tower(name string, has modeldir.Has) string {
	graph := modeldir.CLIP.Graph(name, has)
	if graph == "" {
		return ""
	}
	return filepath.Join(f.path, graph)
}

// contents lists the first files of a folder for a message.
func contents(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return "are no files"
	}
	var names []string
	for _, entry := range entries[:min(len(entries), 12)] {
		name := entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	return "are " + strings.Join(names, ", ")
}

func (f *folder) read(file string) ([]byte, error) {
	dir := f.path
	if modeldir.IsTokenizer(file) {
		dir = f.tokens
	}
	return readIn(dir, file)
}

// readIn reads a file of a folder, which its errors do not name.
func readIn(dir, file string) ([]byte, error) {
	data, err := regular.ReadFile(filepath.Join(dir, file))
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missing(file)
	case errors.As(err, &p):
		return nil, fmt.Errorf("%s: %w", file, p.Err)
	}
	return data, err
}

func missing(file string) error { return missingFile(file) }

// missingFile is the name of a file that does not exist.
type missingFile string

func (m missingFile) Error() string { return string(m) + " is missing" }

func (missingFile) Is(target error) bool { return target == fs.ErrNotExist }

func (f *folder) processor(o pixels.Options) (*pixels.Processor, error) {
	p, err := pixels.NewProcessor(f.recipe.data, o)
	if err != nil {
		return nil, fmt.Errorf("folder %q: %w", filepath.Base(f.path), err)
	}
	return p, nil
}

func (f *folder) tokenizer() (*tokenizer.Tokenizer, error) {
	t, err := tokenizer.ParseFolder(f.read)
	if err != nil {
		return nil, fmt.Errorf("folder %q: %w", filepath.Base(f.path), err)
	}
	return t, nil
}
