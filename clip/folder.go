package clip

import (
	"encoding/json"
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

// A folder is a model's files, which exist.
type folder struct {
	path         string
	config       config
	preprocessor []byte
	vision, text string // paths of the towers' graphs; the same where one graph holds both
}

// config is the part of config.json that is used.
type config struct {
	LogitScale float64 `json:"logit_scale"` // the factor itself, not its logarithm; 0: absent
	Text       struct {
		Positions int `json:"max_position_embeddings"`
	} `json:"text_config"`
}

// context is how many tokens a text may have.
func (c config) context() int {
	if c.Text.Positions > 0 {
		return c.Text.Positions
	}
	return 77
}

func openFolder(path string, dtype modeldir.DType) (*folder, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("there is no folder %q: check the model's path", filepath.Base(path))
	}
	f := &folder{path: path}
	f.vision, f.text = f.graphs(dtype)
	var problems []error
	if there := modeldir.CLIP.DTypes(modeldir.In(path)); dtype != "" && len(there) > 0 && !slices.Contains(there, dtype) {
		problems = append(problems, fmt.Errorf("it has no graphs of dtype %s: it has %s", dtype, modeldir.JoinDTypes(there)))
	} else if f.vision == "" && f.text == "" {
		problems = append(problems, errors.New("onnx/vision_model.onnx and onnx/text_model.onnx (or one onnx/model.onnx) are missing"))
	} else if f.vision == "" {
		problems = append(problems, missing("onnx/vision_model.onnx"))
	} else if f.text == "" {
		problems = append(problems, missing("onnx/text_model.onnx"))
	}
	raw, err := f.read("config.json")
	if err == nil {
		if err = json.Unmarshal(raw, &f.config); err != nil {
			err = fmt.Errorf("config.json: %w", err)
		} else if f.config.LogitScale < 0 {
			err = fmt.Errorf("config.json: logit_scale must not be %g", f.config.LogitScale)
		}
	}
	problems = append(problems, err)
	f.preprocessor, err = f.read("preprocessor_config.json")
	problems = append(problems, err)
	if !hasTokenizer(modeldir.In(path)) {
		problems = append(problems, missing("tokenizer.json"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("folder %q: %s", filepath.Base(path), strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return f, nil
}

// graphs returns the paths of the best complete graphs, both the same where one graph holds both
// towers. Where no form is complete, each tower is the best one found, or "".
func (f *folder) graphs(dtype modeldir.DType) (vision, text string) {
	has := dtype.Only(modeldir.In(f.path))
	graphs := modeldir.CLIP.Graphs(has)
	if graphs == nil {
		return f.tower("vision_model", has), f.tower("text_model", has)
	}
	return filepath.Join(f.path, graphs[0]), filepath.Join(f.path, graphs[len(graphs)-1])
}

func (f *folder) tower(name string, has modeldir.Has) string {
	graph := modeldir.CLIP.Graph(name, has)
	if graph == "" {
		return ""
	}
	return filepath.Join(f.path, graph)
}

func (f *folder) read(file string) ([]byte, error) {
	data, err := regular.ReadFile(filepath.Join(f.path, file))
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

// hasTokenizer reports whether a folder has files that tokenizer.ParseFolder reads.
func hasTokenizer(has func(name string) bool) bool {
	return has("tokenizer.json") || has("vocab.json") && has("merges.txt") || has("vocab.txt")
}

func (f *folder) processor(o pixels.Options) (*pixels.Processor, error) {
	p, err := pixels.NewProcessor(f.preprocessor, o)
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
