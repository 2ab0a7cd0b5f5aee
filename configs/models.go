package configs

import (
	"reflect"
	"time"
)

// Model is one of ClipModel, LLMModel and OpenAIModel.
type Model interface {
	ModelName() Name // unique among a configuration's models
	Kind() string    // as the file says it: "clip", "onnx-llm", "openai"
	sealed()
}

// ClipModel is kind clip: a folder in Hugging Face's layout whose picture and
// text towers are run here.
type ClipModel struct {
	Name         Name     `yaml:"name"`
	Path         Path     `yaml:"path"`
	Labels       []string `yaml:"labels" min:"1" max:"1000"` // unique
	Template     Template `yaml:"template" default:"{}"`
	Fetch        Fetch    `yaml:"fetch"`
	Batch        Batch    `yaml:"batch"`
	DecodeMemory Bytes    `yaml:"decode_memory" default:"512MiB" min:"1MiB" max:"1TiB"` // for pictures being decoded, all together
	AutoOrient   bool     `yaml:"auto_orient" default:"true"`                           // apply the EXIF orientation
}

// Fetch bounds the fetching of pictures by URL.
type Fetch struct {
	Timeout time.Duration `yaml:"timeout" default:"10s" min:"1ms" max:"1h"`
	MaxSize Bytes         `yaml:"max_size" default:"20MiB" min:"1KiB" max:"1TiB"`
	AtOnce  int           `yaml:"at_once" default:"64" min:"1" max:"10000"`
	PerHost int           `yaml:"per_host" default:"16" min:"1" max:"10000"` // at most AtOnce
	Allow   []Target      `yaml:"allow" default:"[]" max:"1000"`             // let through although not public
	Deny    []Target      `yaml:"deny" default:"[]" max:"1000"`              // refused although public
}

// Batch bounds how many waiting predicts are joined into one run.
type Batch struct {
	Max int `yaml:"max" default:"8" min:"1" max:"1000"`
}

// LLMModel is kind onnx-llm: a language model's folder, run here.
type LLMModel struct {
	Name      Name `yaml:"name"`
	Path      Path `yaml:"path"`
	MaxTokens int  `yaml:"max_tokens" default:"512" min:"1" max:"1000000"` // when a request names none
}

// OpenAIModel is kind openai: any OpenAI-compatible server.
type OpenAIModel struct {
	Name        Name       `yaml:"name"`
	Concurrency int        `yaml:"concurrency" default:"64" min:"1" max:"1000000"` // permits of its own gate
	Upstreams   []Upstream `yaml:"upstreams" min:"1" max:"100"`
	Timeouts    Timeouts   `yaml:"timeouts"`
	Midstream   Midstream  `yaml:"midstream" default:"off"`
}

// Upstream is one server an OpenAIModel may ask.
type Upstream struct {
	BaseURL BaseURL `yaml:"base_url"`
	APIKey  Secret  `yaml:"api_key" default:""`
	Model   string  `yaml:"model" default:""` // its name there; not given: the model's own
	// Priority orders upstreams, the lowest first; equals share the load by
	// Weight. Not given: its place in the list, counted from 1.
	Priority             int  `yaml:"priority" default:"0" min:"1" max:"1000"`
	Weight               int  `yaml:"weight" default:"1" min:"1" max:"1000"`
	ForwardAuthorization bool `yaml:"forward_authorization" default:"false"` // send the client's own key on
}

// Timeouts are the silences an upstream is allowed.
type Timeouts struct {
	Connect       time.Duration `yaml:"connect" default:"5s" min:"1ms" max:"1h"`
	FirstToken    time.Duration `yaml:"first_token" default:"30s" min:"1ms" max:"1h"`
	BetweenTokens time.Duration `yaml:"between_tokens" default:"30s" min:"1ms" max:"1h"`
}

// ModelName returns the name clients ask for.
func (m ClipModel) ModelName() Name { return m.Name }

// ModelName returns the name clients ask for.
func (m LLMModel) ModelName() Name { return m.Name }

// ModelName returns the name clients ask for.
func (m OpenAIModel) ModelName() Name { return m.Name }

// Kind returns "clip".
func (ClipModel) Kind() string { return "clip" }

// Kind returns "onnx-llm".
func (LLMModel) Kind() string { return "onnx-llm" }

// Kind returns "openai".
func (OpenAIModel) Kind() string { return "openai" }

func (ClipModel) sealed()   {}
func (LLMModel) sealed()    {}
func (OpenAIModel) sealed() {}

// modelKind is one value of a model's kind key.
type modelKind struct {
	name      string
	generator bool         // it must not have a postprocess step
	shape     reflect.Type // the Model it is read into
}

func modelKinds() []modelKind {
	return []modelKind{
		{"clip", false, reflect.TypeFor[ClipModel]()},
		{"onnx-llm", true, reflect.TypeFor[LLMModel]()},
		{"openai", true, reflect.TypeFor[OpenAIModel]()},
	}
}

func kindNames() []string {
	var names []string
	for _, kind := range modelKinds() {
		names = append(names, kind.name)
	}
	return names
}

// kindName is the value of a model's kind key.
type kindName string

// UnmarshalText parses a kind.
func (k *kindName) UnmarshalText(text []byte) error {
	err := oneOf(string(text), kindNames()...)
	if err == nil {
		*k = kindName(text)
	}
	return err
}

// derive fills in the defaults that come from other values.
func (m OpenAIModel) derive() {
	for i := range m.Upstreams {
		upstream := &m.Upstreams[i]
		if upstream.Model == "" {
			upstream.Model = string(m.Name)
		}
		if upstream.Priority == 0 {
			upstream.Priority = i + 1
		}
	}
}
