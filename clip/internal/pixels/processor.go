package pixels

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"

	"penstock/memory"

	"penstock/apierr"
	"penstock/clip/internal/limit"
	"penstock/clip/internal/rows"
)

// The reasons for which a picture is refused.
const (
	ReasonNotAnImage       = "not_an_image"
	ReasonTruncatedImage   = "truncated_image"
	ReasonUnsupportedImage = "unsupported_image"
	ReasonTooManyPixels    = "too_many_pixels"
)

// maxPixels is the default of Options.Pixels: the largest that cameras of phones make.
const maxPixels = 200_000_000

// maxLength is the longest side that is decoded. PNG and TIFF panoramas are longer than the 65535
// pixels of a JPEG, but stay far below it; and it bounds what a picture of one row costs, whose
// side is all its pixels.
const maxLength = 1_000_000

// Options configure a Processor.
type Options struct {
	// Memory bounds, in bytes, what the pictures being decoded at one time take together; 0: 512
	// MiB. A picture that takes more on its own is refused.
	Memory int64
	// Pixels is the size of the largest picture that is decoded, width times height; 0: 200
	// million.
	Pixels int64
	// AutoOrient applies the orientation in pictures' EXIF data. (transformers does so for TIFF
	// only.)
	AutoOrient bool
	// File is the name of the file in errors; "": preprocessor_config.json. OpenCLIP: it is in
	// open_clip's form, preprocess_cfg.json.
	File     string
	OpenCLIP bool
	// DefaultType is the image processor of a file that names none: one of transformers' names; "":
	// CLIP's.
	DefaultType string
}

// A Processor prepares pictures for a vision tower. It may be used by any number of goroutines at
// once.
type Processor struct {
	config  config
	options Options
	cores   *limit.Limit
	memory  *limit.Limit
}

// NewProcessor makes the Processor that a preprocessor_config.json describes. Its error names what
// is not supported.
func NewProcessor(file []byte, o Options) (*Processor, error) {
	parse := func() (config, error) { return parseConfig(file, o.DefaultType) }
	if o.OpenCLIP {
		parse = func() (config, error) { return parseOpenCLIP(file) }
	}
	c, err := parse()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmp.Or(o.File, "preprocessor_config.json"), err)
	}
	if o.Memory == 0 {
		o.Memory = 512 << 20
	}
	if o.Pixels == 0 {
		o.Pixels = maxPixels
	}
	return &Processor{
		config:  c,
		options: o,
		cores:   limit.New("cores", limit.Cores, int64(runtime.GOMAXPROCS(0))),
		memory:  limit.New("decode_memory", limit.DecodeMemory, o.Memory),
	}, nil
}

// Size is the height and width of what Process produces.
func (p *Processor) Size() (height, width int) {
	width, height = p.config.output()
	return height, width
}

// Limits returns the state of the limits of decoding, in the order they are acquired.
func (p *Processor) Limits() []limit.Snapshot {
	return []limit.Snapshot{p.cores.Snapshot(), p.memory.Snapshot()}
}

// Process fills rgb, 3*height*width bytes in the order row, column, colour, from the bytes of a
// picture. It waits while there is no core or no memory to decode it, until ctx ends; holder must
// hold no limit of those ranks or higher. Its errors are an *apierr.Error with one of the Reasons,
// or the cause of ctx.
func (p *Processor) Process(ctx context.Context, holder *limit.Holder, data, rgb []byte) error {
	f, err := identify(data)
	if err != nil {
		return err
	}
	pic, err := p.open(f, data)
	if err != nil {
		return err
	}
	need, err := p.cost(pic)
	if err != nil {
		return err
	}
	// No more at a time than there are cores: they would not be faster, and Go's scheduler lets
	// those it has interrupted wait behind all that became ready later.
	core, err := holder.AcquireFor(ctx, p.cores, 1, need)
	if err != nil {
		return err
	}
	defer core.Release()
	decoding, err := holder.Acquire(ctx, p.memory, need)
	if err != nil {
		return err
	}
	defer decoding.Release()
	held := memory.From(ctx).Reserve(memory.Picture)
	defer held.Close()
	if err := held.Grow(ctx, need); err != nil {
		return err
	}
	return p.decode(ctx, f, pic, rgb)
}

// open reads a picture's header.
func (p *Processor) open(f format, data []byte) (pic picture, err error) {
	defer f.recovered(&err)
	if pic, err = f.open(data); err != nil {
		return picture{}, f.failure(err)
	}
	if !p.options.AutoOrient && !pic.alwaysOrient {
		pic.orientation = 1
	}
	return pic, nil
}

// decode decodes, orients, resizes and crops a picture, row by row, until ctx ends.
func (p *Processor) decode(ctx context.Context, f format, pic picture, rgb []byte) (err error) {
	defer f.recovered(&err)
	read, err := pic.Decode(ctx)
	if err == nil {
		s := pic.stored()
		err = resize(whileWanted(ctx, read), s, p.config.layout(s.upright()), p.config.filter, rgb)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return f.failure(err)
}

// whileWanted reads rows until ctx ends: a large picture takes seconds, and a core and memory that
// others wait for. A row may be a million pixels, so that ctx is examined before each.
func whileWanted(ctx context.Context, read rows.Reader) rows.Reader {
	return func(rgb []byte) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return read(rgb)
	}
}

// recovered converts a panic into an error. Decoders parse untrusted bytes: one that panics has met
// a broken picture. No other code runs under it, so that a mistake of ours is not reported as the
// client's.
func (f format) recovered(err *error) {
	if r := recover(); r != nil {
		*err = f.failure(fmt.Errorf("panic while decoding: %v", r))
	}
}

// Normalise fills tensor, 3*height*width values in the order channel, row, column, from what
// Process produced.
func (p *Processor) Normalise(rgb []byte, tensor []float32) {
	size := len(rgb) / 3
	red, green, blue := tensor[:size], tensor[size:2*size], tensor[2*size:3*size]
	for i := range red {
		s := rgb[3*i : 3*i+3 : 3*i+3]
		red[i], green[i], blue[i] = p.config.value[0][s[0]], p.config.value[1][s[1]], p.config.value[2][s[2]]
	}
}

// cost is how many bytes decoding takes, or the reason why the picture is refused.
func (p *Processor) cost(pic picture) (int64, error) {
	switch {
	case pic.Width < 1 || pic.Height < 1:
		return 0, apierr.InvalidInput(ReasonUnsupportedImage, "the picture has no pixels: it is %d by %d", pic.Width, pic.Height)
	case rows.Bytes(pic.Width, pic.Height, 1) > p.options.Pixels:
		return 0, apierr.InvalidInput(ReasonTooManyPixels, "the picture is %d by %d pixels, more than the %d that max_pixels allows: send a smaller one, or set max_pixels higher", pic.Width, pic.Height, p.options.Pixels)
	case pic.Width > maxLength || pic.Height > maxLength:
		return 0, apierr.InvalidInput(ReasonTooManyPixels, "the picture is %d by %d pixels; no side may be longer than %d: send a smaller one", pic.Width, pic.Height, maxLength)
	}
	s := pic.stored()
	need := resizeMemory(s, p.config.layout(s.upright()), p.config.filter)
	need += min(pic.Memory, math.MaxInt64-need)
	if need > p.options.Memory {
		return 0, apierr.InvalidInput(ReasonTooManyPixels, "decoding this picture of %d by %d pixels takes %d MiB of memory, more than the %d MiB that decode_memory leaves for it: send a smaller one, save it without progressive or interlaced coding, or set decode_memory higher", pic.Width, pic.Height, (need+1<<20-1)>>20, p.options.Memory>>20)
	}
	return need, nil
}
