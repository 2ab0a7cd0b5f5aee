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
	TextPath     string         // the folder of its text tower and tokenizer; "": Path
	DType        modeldir.DType // of its graphs; "": the most precise of those there are
	Labels       []string       // the labels of requests that name none; none: each predict must name its own
	Template     string         // has one {} for the label; "": the label alone
	Batch        int            // how many waiting requests one run may join; 0: 1
	Fetch        fetch.Options  // which pictures may be fetched
	DecodeMemory int64          // bytes for pictures being decoded or waiting for their run; 0: 512 MiB
	MaxPixels    int64          // of one picture, width times height; 0: 200 million
	AutoOrient   bool           // apply the orientation in EXIF data (transformers doesn't)
	LogitScale   *float64       // the factor from cosines to logits; nil: as the folder has it
	LogitBias    *float64       // what is added to them then, which only a SigLIP has; nil: as the folder has it
	Log          *slog.Logger   // nil: nothing is logged
	ONNX         onnx.Options
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
	scoring   scoring
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
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
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
	folder, err := openFolder(m.options.Path, m.options.TextPath, m.options.DType)
	if err != nil {
		return err
	}
	fam, err := folder.config.family()
	if err != nil {
		return err
	}
	if fam.untested {
		m.options.Log.Warn("this family of models is served, but is untested: compare its results with those of its authors' software", "model", m.options.Name, "family", fam.name)
	}
	runtime, err := onnx.Open(m.options.ONNX)
	if err != nil {
		return err
	}
	// Most is for decoding; a quarter is for decoded pictures that wait, which are much smaller.
	// They are two limits: pictures that wait must not keep others of their own request from being
	// decoded.
	waiting := m.options.DecodeMemory / 4
	if m.processor, err = folder.processor(pixels.Options{Memory: m.options.DecodeMemory - waiting, Pixels: m.options.MaxPixels, AutoOrient: m.options.AutoOrient, DefaultType: fam.processor, File: folder.recipe.name, OpenCLIP: folder.recipe.openCLIP}); err != nil {
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
	if m.towers, err = openTowers(runtime, m.options.Name, folder, height, width); err != nil {
		return err
	}
	if m.towers.padding, err = folder.padding(fam, tokens); err != nil {
		return err
	}
	if err := m.towers.padVisibly(ctx, folder, tokens); err != nil {
		return err
	}
	longest, err := folder.longestText(m.towers.context(folder.config))
	if err != nil {
		return err
	}
	if m.labels, err = newLabelStore(ctx, m.towers, textTokenizer{tokens, longest, folder.config.canonicalizes()}, m.labelsOrProbes(), m.options.Template); err != nil {
		return err
	}
	if len(m.options.Labels) == 0 {
		m.labels.dropDefaults()
	}
	m.scoring, err = m.chooseScoring(ctx, folder, fam)
	m.loaded.Store(err == nil)
	if err == nil && m.towers.alone {
		m.options.Log.Info("requests are not joined: the model's graphs quantise activations by scales of a whole call", "model", m.options.Name)
	}
	return err
}

// runsAlone reports whether a request must not be joined with others in a run.
func (m *Model) runsAlone() bool { return m.towers.alone }

// graphScale returns the factor of the logits of a graph that contains it, else 100.
func (m *Model) graphScale(ctx context.Context) (float64, error) {
	var err error
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
