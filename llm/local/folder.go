package local

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"penstock/llm/template"
	"penstock/modeldir"
	"penstock/regular"
	"penstock/tokenizer"
)

// folder is the content of a model's files without its graph.
type folder struct {
	graph     string // the path of the ONNX file
	config    modelConfig
	defaults  generationConfig
	context   int // tokens of prompt and completion together
	stops     map[int64]bool
	tokenizer *tokenizer.Tokenizer
	template  *template.Template // nil: the model takes no messages

	longest     int    // bytes of the longest token
	fingerprint string // OpenAI's system_fingerprint: it differs between configurations of a model
}

// modelConfig is config.json.
type modelConfig struct {
	ModelType string `json:"model_type"`
	Context   int    `json:"max_position_embeddings"`
	Positions int    `json:"n_positions"` // GPT-2's name for it
	VocabSize int    `json:"vocab_size"`
	Heads     int    `json:"num_attention_heads"`
	KVHeads   int    `json:"num_key_value_heads"`
	HeadDim   int    `json:"head_dim"`
	Hidden    int    `json:"hidden_size"`
	EOS       ids    `json:"eos_token_id"`
}

// generationConfig is generation_config.json: pointers are nil where it has no value.
type generationConfig struct {
	EOS               ids      `json:"eos_token_id"`
	DoSample          *bool    `json:"do_sample"`
	Temperature       *float64 `json:"temperature"`
	TopP              *float64 `json:"top_p"`
	TopK              *int     `json:"top_k"`
	MinP              *float64 `json:"min_p"`
	RepetitionPenalty *float64 `json:"repetition_penalty"`
}

// tokenizerConfig is tokenizer_config.json.
type tokenizerConfig struct {
	Template chatTemplate `json:"chat_template"`
	BOS      tokenName    `json:"bos_token"`
	EOS      tokenName    `json:"eos_token"`
	PAD      tokenName    `json:"pad_token"`
	UNK      tokenName    `json:"unk_token"`
}

// ids is a token id or a list of them; -1 stands for none.
type ids []int64

// none reports whether no token is given.
func (i ids) none() bool {
	return !slices.ContainsFunc(i, func(id int64) bool { return id >= 0 })
}

// UnmarshalJSON reads either form, or null.
func (i *ids) UnmarshalJSON(data []byte) error {
	var one int64
	if json.Unmarshal(data, &one) == nil && string(data) != "null" {
		*i = ids{one}
		return nil
	}
	if err := json.Unmarshal(data, (*[]int64)(i)); err != nil {
		return errors.New("eos_token_id must be an integer or a list of integers")
	}
	return nil
}

// tokenName is the text of a token; in the file it may be an object that holds it.
type tokenName string

// UnmarshalJSON reads either form, or null.
func (n *tokenName) UnmarshalJSON(data []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if json.Unmarshal(data, &object) == nil {
		*n = tokenName(object.Content)
		return nil
	}
	return json.Unmarshal(data, (*string)(n))
}

// chatTemplate is a template's source; in the file it may be a list of named ones, of which
// "default" is used.
type chatTemplate string

// UnmarshalJSON reads either form, or null.
func (c *chatTemplate) UnmarshalJSON(data []byte) error {
	var named []struct {
		Name     string `json:"name"`
		Template string `json:"template"`
	}
	if json.Unmarshal(data, &named) != nil {
		return json.Unmarshal(data, (*string)(c))
	}
	for _, t := range named {
		if t.Name == "default" {
			*c = chatTemplate(t.Template)
		}
	}
	return nil
}

// readFolder reads a model folder. Its errors name the file at fault inside the folder, and what is
// wrong with it.
func readFolder(path string, dtype modeldir.DType) (*folder, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("there is no model folder %q: check the model's path; `make setup` makes the default one, `penstock import` others", filepath.Base(path))
	}
	f := new(folder)
	has := modeldir.In(path)
	graph := modeldir.Language.Graph("model", dtype.Only(has))
	if there := modeldir.Language.DTypes(has); graph == "" && len(there) > 0 {
		return nil, fmt.Errorf("the model folder has no graph of dtype %s: it has %s", dtype, modeldir.JoinDTypes(there))
	}
	if graph == "" {
		return nil, fmt.Errorf("the model folder has no graph: looked for %s", strings.Join(modeldir.Language.Candidates("model"), ", "))
	}
	f.graph = filepath.Join(path, graph)
	if err := readJSON(path, "config.json", &f.config); err != nil {
		return nil, err
	}
	if err := readJSON(path, "generation_config.json", &f.defaults); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names tokenizerConfig
	if err := readJSON(path, "tokenizer_config.json", &names); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	data, err := readFile(path, "tokenizer.json")
	if err != nil {
		return nil, err
	}
	if f.tokenizer, err = tokenizer.Parse(data); err != nil {
		return nil, err
	}
	if f.context = max(f.config.Context, f.config.Positions); f.context <= 0 {
		return nil, errors.New("config.json does not give the length of the model's context (max_position_embeddings)")
	}
	if err := f.checkDefaults(); err != nil {
		return nil, err
	}
	f.findStops(names)
	for id := range int64(f.tokenizer.VocabSize()) {
		f.longest = max(f.longest, len(f.tokenizer.TokenBytes(id)))
	}
	if f.fingerprint, err = fingerprint(path, graph); err != nil {
		return nil, err
	}
	return f, f.readTemplate(path, names)
}

// fingerprint returns a hash of what would change with the model: config.json, and the graph's name
// and size.
func fingerprint(path, graph string) (string, error) {
	config, err := readFile(path, "config.json")
	if err != nil {
		return "", err
	}
	info, err := os.Stat(filepath.Join(path, graph))
	if err != nil {
		return "", fmt.Errorf("read the size of %s: %w", graph, withoutPath(err))
	}
	sum := sha256.Sum256(fmt.Appendf(config, "%s %d", graph, info.Size()))
	return "fp_" + hex.EncodeToString(sum[:5]), nil
}

// findStops collects the tokens that end a completion.
func (f *folder) findStops(names tokenizerConfig) {
	f.stops = map[int64]bool{}
	given := f.defaults.EOS
	if given.none() {
		given = f.config.EOS
	}
	for _, id := range given {
		if id >= 0 {
			f.stops[id] = true
		}
	}
	if id, ok := f.tokenizer.ID(string(names.EOS)); ok {
		f.stops[id] = true
	}
}

// readTemplate reads the chat template, if there is one: in a file of its own, or else in
// tokenizer_config.json.
func (f *folder) readTemplate(path string, names tokenizerConfig) error {
	source := string(names.Template)
	switch own, err := readFile(path, "chat_template.jinja"); {
	case err == nil:
		source = string(own)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if source == "" {
		return nil
	}
	o := template.Options{Source: source, Variables: map[string]string{}}
	for name, token := range map[string]tokenName{
		"bos_token": names.BOS, "eos_token": names.EOS, "pad_token": names.PAD, "unk_token": names.UNK,
	} {
		if token != "" {
			o.Variables[name] = string(token)
		}
	}
	for id := range int64(f.tokenizer.VocabSize()) {
		if f.tokenizer.IsSpecial(id) {
			token, _ := f.tokenizer.Token(id)
			o.Specials = append(o.Specials, token)
		}
	}
	var err error
	f.template, err = template.New(o)
	return err
}

// readFile reads a file of the folder; an error names the file without the folder's path.
func readFile(dir, name string) ([]byte, error) {
	data, err := regular.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingError(name)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, withoutPath(err))
	}
	return data, nil
}

// withoutPath returns the cause of a file's error, without the file's path.
func withoutPath(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}

// missingError is a file that the folder lacks.
type missingError string

func (e missingError) Error() string        { return "the model folder has no " + string(e) }
func (e missingError) Is(target error) bool { return target == fs.ErrNotExist }

func readJSON[T any](dir, name string, out *T) error {
	data, err := readFile(dir, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s: %w", name, wrongType(err))
	}
	return nil
}
