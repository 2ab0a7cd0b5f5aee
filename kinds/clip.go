package kinds

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"penstock/app"
	"penstock/clip"
	"penstock/clip/fetch"
	"penstock/configs"
	"penstock/gateway"
	"penstock/modeldir"
)

// ClipOptions are the options of kind clip: a folder in Hugging Face's layout whose image and text
// encoders are run here.
type ClipOptions struct {
	Path         configs.Path     `yaml:"path"`
	TextPath     configs.Path     `yaml:"text_path" default:""`                 // absent: path has the text tower too
	DType        DType            `yaml:"dtype" default:""`                     // absent: the most precise of those there are
	Labels       []string         `yaml:"labels" default:"" min:"1" max:"1000"` // unique; absent: each predict names its own
	Template     configs.Template `yaml:"template" default:"{}"`
	Fetch        Fetch            `yaml:"fetch"`
	Batch        Batch            `yaml:"batch"`
	DecodeMemory configs.Bytes    `yaml:"decode_memory" default:"512MiB" min:"1MiB" max:"1TiB"`       // for all that are being decoded
	MaxPixels    int              `yaml:"max_pixels" default:"200000000" min:"1" max:"1000000000000"` // of one picture, width times height
	AutoOrient   bool             `yaml:"auto_orient" default:"true"`                                 // apply the EXIF orientation
	LogitScale   configs.Number   `yaml:"logit_scale" default:""`                                     // absent: that of the model's files
	LogitBias    configs.Number   `yaml:"logit_bias" default:""`                                      // absent: that of the model's files
}

// Fetch bounds the fetching of pictures by URL.
type Fetch struct {
	Timeout time.Duration    `yaml:"timeout" default:"10s" min:"1ms" max:"1h"`
	MaxSize configs.Bytes    `yaml:"max_size" default:"20MiB" min:"1KiB" max:"1TiB"`
	AtOnce  int              `yaml:"at_once" default:"64" min:"1" max:"10000"`
	PerHost int              `yaml:"per_host" default:"16" min:"1" max:"10000"` // at most AtOnce
	Allow   []configs.Target `yaml:"allow" default:"[]" max:"1000"`             // allowed although not public
	Deny    []configs.Target `yaml:"deny" default:"[]" max:"1000"`              // refused although public

	UserAgent string `yaml:"user_agent" default:""` // absent: Penstock's own
}

// Batch bounds how many waiting predicts are joined into one run.
type Batch struct {
	Max int `yaml:"max" default:"8" min:"1" max:"1000"`
}

// Check implements configs.Checker.
func (o ClipOptions) Check(report func(key, problem string)) {
	if o.Fetch.PerHost > o.Fetch.AtOnce {
		report("fetch.per_host", fmt.Sprintf("must be at most fetch.at_once (%d), not %d", o.Fetch.AtOnce, o.Fetch.PerHost))
	}
	if scale := o.LogitScale.Pointer(); scale != nil && *scale <= 0 {
		report("logit_scale", "must be more than 0: it is the factor itself, not its logarithm")
	}
	// Ends of lines, control characters and bytes beyond ASCII are no part of a header.
	if agent := o.Fetch.UserAgent; len(agent) > 500 || strings.ContainsFunc(agent, func(r rune) bool { return r < ' ' || r > '~' }) {
		report("fetch.user_agent", "must be 1 to 500 characters of ASCII, none of them a control character")
	}
}

// Summary describes the model in a few words.
func (o ClipOptions) Summary() string {
	if len(o.Labels) == 0 {
		return fmt.Sprintf("%s, labels: those of each request", o.Path)
	}
	return fmt.Sprintf("%s, labels: %d", o.Path, len(o.Labels))
}

func addClip(env app.Env, name string, o ClipOptions) error {
	m := clip.New(clip.Options{
		Name: name, Path: string(o.Path), TextPath: string(o.TextPath), DType: modeldir.DType(o.DType),
		Labels: o.Labels, Template: string(o.Template),
		Batch:        o.Batch.Max,
		Fetch:        fetchOptions(o.Fetch, env.UserAgent),
		DecodeMemory: int64(o.DecodeMemory),
		MaxPixels:    int64(o.MaxPixels),
		AutoOrient:   o.AutoOrient,
		LogitScale:   o.LogitScale.Pointer(),
		LogitBias:    o.LogitBias.Pointer(),
		Log:          env.Log,
		ONNX:         onnxOptions(env),
	})
	m.Register(env.Engine)
	env.Metrics.WatchLimits(name, func() (all []gateway.Limit) {
		for _, l := range m.Limits() {
			all = append(all, gateway.Limit(l))
		}
		return all
	})
	return nil
}

func fetchOptions(f Fetch, userAgent string) fetch.Options {
	o := fetch.Options{
		Timeout: f.Timeout, MaxSize: int64(f.MaxSize), AtOnce: f.AtOnce, PerHost: f.PerHost,
		UserAgent: cmp.Or(f.UserAgent, userAgent),
	}
	for _, t := range f.Allow {
		o.Allow = append(o.Allow, t.String())
	}
	for _, t := range f.Deny {
		o.Deny = append(o.Deny, t.String())
	}
	return o
}
