package clip

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"

	"penstock/apierr"
	"penstock/clip/fetch"
	"penstock/clip/internal/pixels"
	"penstock/modeldir"
	"penstock/onnx"
)

// Options configure a Model. Path is required.
type Options struct {
	Name         string         // its name in the engine
	Path         string         // its folder
	DType        modeldir.DType // of its graphs; "": the most precise of those there are
	Labels       []string       // the labels of requests that name none; none: each predict must name its own
	Template     string         // has one {} for the label; "": the label alone
	Batch        int            // how many waiting requests one run may join; 0: 1
	Fetch        fetch.Options  // which pictures may be fetched
	DecodeMemory int64          // bytes for pictures being decoded or waiting for their run; 0: 512 MiB
	MaxPixels    int64          // of one picture, width times height; 0: 200 million
	AutoOrient   bool           // apply the orientation in EXIF data (transformers doesn't)
	ONNX         onnx.Options
	Log          *slog.Logger // nil: none
}

// A Model is a CLIP model. It may be used by any number of goroutines at once, through the engine.
type Model struct {
	options Options

	// Set by load.
	fetcher   *fetch.Fetcher
	processor *pixels.Processor
	towers    *towers
	labels    *labelStore
	buffers   *imageBuffers
	scale     float64 // the factor from cosines to logits
	loaded    atomic.Bool
}

// New makes a Model. It reads no files yet.
func New(o Options) *Model {
	if o.Template == "" {
		o.Template = placeholder
	}
	if o.DecodeMemory == 0 {
		o.DecodeMemory = 512 << 20
	}
	return &Model{options: o}
}

// load reads the folder, opens its graphs, and embeds the model's own labels. Its error reports as
// many missing or mismatched files as can be known at once.
func (m *Model) load(ctx context.Context) (err error) {
	// Labels that every request would be refused for are refused once, here.
	if err := (&Request{Labels: m.labelsOrProbes(), Template: m.options.Template}).checkTexts(); err != nil {
		return errors.New(apierr.From(err).Message)
	}
	folder, err := openFolder(m.options.Path, m.options.DType)
	if err != nil {
		return err
	}
	runtime, err := onnx.Open(m.options.ONNX)
	if err != nil {
		return err
	}
	// Most is for decoding; a quarter is for decoded pictures that wait, which are much smaller.
	// They are two limits: pictures that wait must not keep others of their own request from being
	// decoded.
	waiting := m.options.DecodeMemory / 4
	if m.processor, err = folder.processor(pixels.Options{Memory: m.options.DecodeMemory - waiting, Pixels: m.options.MaxPixels, AutoOrient: m.options.AutoOrient}); err != nil {
		return err
	}
	tokens, err := folder.tokenizer()
	if err != nil {
		return err
	}
	if m.fetcher, err = fetch.New(m.options.Fetch); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, m.close())
		}
	}()
	height, width := m.processor.Size()
	m.buffers = newImageBuffers(3*height*width, waiting)
	if m.towers, err = openTowers(runtime, m.options.Name, m.options.ONNX.Threads, folder, height, width); err != nil {
		return err
	}
	if m.labels, err = newLabelStore(ctx, m.towers, textTokenizer{tokens, m.towers.context(folder.config)}, m.labelsOrProbes(), m.options.Template); err != nil {
		return err
	}
	if len(m.options.Labels) == 0 {
		m.labels.dropDefaults()
	}
	m.scale, err = m.chooseScale(ctx, folder.config.LogitScale)
	m.loaded.Store(err == nil)
	if err == nil && m.towers.alone && m.options.Log != nil {
		m.options.Log.Info("requests are not joined: the model's graphs quantise activations by scales of a whole call", "model", m.options.Name)
	}
	return err
}

// begin waits until there are cores for another run, and returns what is called at its end. There
// may be more permits than the cores can run: runs that share cores all end late, and requests that
// wait can be joined.
func (m *Model) begin(ctx context.Context) (end func(), err error) {
	select {
	case m.towers.running <- struct{}{}:
		return func() { <-m.towers.running }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// runsAlone reports whether a request must not be joined with others in a run.
func (m *Model) runsAlone() bool { return m.towers.alone }

// chooseScale takes the factor of the logits from config.json, else from a graph that contains it,
// else it is the 100 that CLIP's training ends at. (logit_scale_init_value in config.json is only
// where training began.) It also checks that the towers fit together, for which both must have run
// once.
func (m *Model) chooseScale(ctx context.Context, configured float64) (float64, error) {
	image, err := m.towers.images(ctx, 1, func(_ int, tensor []float32) { clear(tensor) })
	if err != nil {
		return 0, err
	}
	if err := m.labels.defaults.fits(image); err != nil {
		return 0, err
	}
	if configured != 0 {
		return configured, nil
	}
	labels := m.labelsOrProbes()
	texts := make([][]int64, len(labels))
	for i, label := range labels {
		if texts[i], err = m.labels.tokens.encodeTruncated(label); err != nil {
			return 0, err
		}
	}
	if scale, ok, err := m.towers.scale(ctx, slices.Values(texts)); ok || err != nil {
		return scale, err
	}
	return 100, nil
}

// labelsOrProbes returns the model's own labels or, where it has none, texts that serve to examine
// its towers.
func (m *Model) labelsOrProbes() []string {
	if len(m.options.Labels) == 0 {
		return []string{"a photo of a cat", "a photo of a dog"}
	}
	return m.options.Labels
}

func (m *Model) close() error {
	m.fetcher.Close()
	if m.towers == nil {
		return nil
	}
	return m.towers.close()
}
