package pixels

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"penstock/apierr"

	"golang.org/x/sync/semaphore"
)

// The reasons for which a picture is refused.
const (
	ReasonNotAnImage       = "not_an_image"
	ReasonTruncatedImage   = "truncated_image"
	ReasonUnsupportedImage = "unsupported_image"
	ReasonTooManyPixels    = "too_many_pixels"
)

// MaxPixels is the largest picture that is decoded, width times height.
const MaxPixels = 50_000_000

// maxLength is the longest side that is decoded: the longest JPEG can have.
const maxLength = math.MaxUint16

// Options say how pictures are decoded.
type Options struct {
	// Memory bounds, in bytes, what the pictures being decoded at one time take together; 0: 512 MiB. A picture that
	// takes more all by itself is refused.
	Memory int64
	// AutoOrient turns pictures upright as their EXIF data says. (transformers doesn't, except for TIFF.)
	AutoOrient bool
}

// A Processor prepares pictures for a vision tower. It may be used by any number of goroutines at once.
type Processor struct {
	recipe  recipe
	options Options
	turns   *semaphore.Weighted // one for each core
	memory  *semaphore.Weighted
}

// NewProcessor makes the Processor that a preprocessor_config.json describes. Its error names what the file asks for and
// cannot have.
func NewProcessor(config []byte, o Options) (*Processor, error) {
	r, err := parseRecipe(config)
	if err != nil {
		return nil, fmt.Errorf("preprocessor_config.json: %w", err)
	}
	if o.Memory == 0 {
		o.Memory = 512 << 20
	}
	return &Processor{
		recipe:  r,
		options: o,
		turns:   semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
		memory:  semaphore.NewWeighted(o.Memory),
	}, nil
}

// Size is the height and width of what Process makes.
func (p *Processor) Size() (height, width int) {
	width, height = p.recipe.output()
	return height, width
}

// Process fills rgb, 3*height*width bytes in the order row, column, colour, from the bytes of a picture. It waits while
// there is no memory to decode it, until ctx ends. Its errors are an *apierr.Error with one of the Reasons, or the
// context's.
func (p *Processor) Process(ctx context.Context, data, rgb []byte) (err error) {
	f, err := identify(data)
	if err != nil {
		return err
	}
	// The decoders are given bytes that strangers made up: one that panics has met a broken picture.
	defer func() {
		if r := recover(); r != nil {
			err = f.failure(fmt.Errorf("panic while decoding: %v", r))
		}
	}()
	pic, err := f.open(data)
	if err != nil {
		return f.failure(err)
	}
	if !p.options.AutoOrient && !pic.turned {
		pic.orientation = 1
	}
	need, err := p.cost(pic)
	if err != nil {
		return err
	}
	// In turn, no more at a time than there are cores: they would not be faster, and Go's scheduler lets those it has
	// interrupted wait behind all who come later.
	if err := p.turns.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer p.turns.Release(1)
	if err := p.memory.Acquire(ctx, need); err != nil {
		return context.Cause(ctx)
	}
	defer p.memory.Release(need)

	r, err := pic.decode()
	if err != nil {
		return f.failure(err)
	}
	r = r.upright(pic.orientation)
	defer r.close()
	r.resize(p.recipe.layout(r.width, r.height), p.recipe.filter, rgb)
	return nil
}

// Normalise fills tensor, 3*height*width values in the order channel, row, column, from what Process made of a picture.
func (p *Processor) Normalise(rgb []byte, tensor []float32) {
	size := len(rgb) / 3
	red, green, blue := tensor[:size], tensor[size:2*size], tensor[2*size:3*size]
	for i := range red {
		s := rgb[3*i : 3*i+3 : 3*i+3]
		red[i], green[i], blue[i] = p.recipe.value[0][s[0]], p.recipe.value[1][s[1]], p.recipe.value[2][s[2]]
	}
}

// cost is how many bytes decoding takes, or why it must not be tried.
func (p *Processor) cost(pic picture) (int64, error) {
	switch {
	case pic.width < 1 || pic.height < 1:
		return 0, apierr.InvalidInput(ReasonUnsupportedImage, "the picture has no pixels: it is %d by %d", pic.width, pic.height)
	case pic.height > MaxPixels/pic.width:
		return 0, apierr.InvalidInput(ReasonTooManyPixels, "the picture is %d by %d pixels, more than the %d million taken here: send a smaller one", pic.width, pic.height, MaxPixels/1_000_000)
	case pic.width > maxLength || pic.height > maxLength:
		return 0, apierr.InvalidInput(ReasonTooManyPixels, "the picture is %d by %d pixels; no side may be longer than %d: send a smaller one", pic.width, pic.height, maxLength)
	}
	need := pic.memory
	if pic.orientation != 1 {
		need += 3 * int64(pic.width) * int64(pic.height)
	}
	if need > p.options.Memory {
		return 0, apierr.InvalidInput(ReasonTooManyPixels, "decoding this picture of %d by %d pixels takes %d MiB of memory, more than the %d MiB set aside here: send a smaller one", pic.width, pic.height, need>>20, p.options.Memory>>20)
	}
	return need, nil
}
