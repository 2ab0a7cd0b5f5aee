package clip

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"penstock/onnx"
)

// The names of inputs and outputs in graphs exported from CLIP.
const (
	pixelValues   = "pixel_values"
	inputIDs      = "input_ids"
	attentionMask = "attention_mask"
	imageEmbeds   = "image_embeds"
	textEmbeds    = "text_embeds"
	imageLogits   = "logits_per_image"
)

// towers are the two halves of a CLIP model, which embed pictures and texts into the same space.
// One graph may be both.
type towers struct {
	vision, text  *onnx.Session
	height, width int  // of a picture
	imageBatch    int  // how many pictures the graph takes in one call; 0: any number
	textBatch     int  // how many texts the graph takes in one call; 0: any number
	alone         bool // a call has one picture or one text, for its result would depend on others
	length        int  // how many tokens a text must have; 0: any number

	buffers sync.Pool     // of *pixelBuffer
	running chan struct{} // has room for as many runs as keep the cores busy; more would only be slower
}

// openTowers loads a folder's graphs and checks that this package can provide their inputs.
// threads is how many a run has, 0 for all cores.
func openTowers(rt *onnx.Runtime, name string, threads int, f *folder, height, width int) (t *towers, err error) {
	cores := runtime.GOMAXPROCS(0)
	atOnce := max(1, cores/cmp.Or(threads, cores))
	t = &towers{height: height, width: width, running: make(chan struct{}, atOnce), buffers: sync.Pool{New: func() any { return new(pixelBuffer) }}}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	// Runs yield: pictures of other requests are decoded meanwhile, on the same cores.
	open := func(path, name string, outputs ...string) (*onnx.Session, error) {
		return rt.LoadFile(path, onnx.SessionOptions{Name: name, Yield: true, Outputs: outputs})
	}
	if f.text == f.vision {
		t.vision, err = open(f.vision, name, imageEmbeds, textEmbeds, imageLogits)
		t.text = t.vision
	} else if t.vision, err = open(f.vision, name+" (vision)", imageEmbeds); err == nil {
		t.text, err = open(f.text, name+" (text)", textEmbeds)
	}
	if err != nil {
		return t, err
	}
	for _, path := range []string{f.vision, f.text} {
		shares, err := onnx.SharesScales(path)
		if err != nil {
			return t, err
		}
		t.alone = t.alone || shares
	}
	for _, s := range []*onnx.Session{t.vision, t.text} {
		for _, in := range s.Inputs() {
			if err := t.accept(in); err != nil {
				return t, err
			}
		}
	}
	return t, errors.Join(has(t.vision.Inputs(), "input", pixelValues), has(t.vision.Outputs(), "output", imageEmbeds),
		has(t.text.Inputs(), "input", inputIDs), has(t.text.Outputs(), "output", textEmbeds))
}

// accept checks an input of a graph, and records the sizes that the graph fixes.
func (t *towers) accept(in onnx.Info) error {
	fixed := func(i int) int { return int(max(0, in.Shape[i])) } // 0 for any size
	switch in.Name {
	case pixelValues:
		if in.Type != onnx.TypeFloat32 && in.Type != onnx.TypeFloat16 {
			return fmt.Errorf("the graph takes %s as %s; export it with inputs of float32 or float16", in.Name, in.Type)
		}
		if len(in.Shape) != 4 {
			return fmt.Errorf("the graph takes %s in %d dimensions, not 4", in.Name, len(in.Shape))
		}
		if h, w := fixed(2), fixed(3); (h != 0 && h != t.height) || (w != 0 && w != t.width) {
			return fmt.Errorf("the graph takes pictures of %d by %d pixels, but preprocessor_config.json makes %d by %d", h, w, t.height, t.width)
		}
		t.imageBatch = fixed(0)
	case inputIDs, attentionMask:
		if in.Type != onnx.TypeInt64 && in.Type != onnx.TypeInt32 {
			return fmt.Errorf("the graph takes %s as %s, which is not supported", in.Name, in.Type)
		}
		if len(in.Shape) != 2 || fixed(0) > 1 {
			return fmt.Errorf("the graph takes %s in a shape that is not supported: %v", in.Name, in.Shape)
		}
		t.textBatch, t.length = fixed(0), fixed(1)
	default:
		return fmt.Errorf("the graph wants an input %q, which is not supported", in.Name)
	}
	return nil
}

// context is how many tokens a text may have.
func (t *towers) context(c config) int {
	if t.length > 0 {
		return min(t.length, c.context())
	}
	return c.context()
}

func has(infos []onnx.Info, what, name string) error {
	names := make([]string, len(infos))
	for i, info := range infos {
		names[i] = info.Name
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("the graph has no %s %s; it has %s", what, name, strings.Join(names, ", "))
	}
	return nil
}

func (t *towers) close() error {
	var err error
	if t.vision != nil {
		err = t.vision.Close()
	}
	if t.text != nil && t.text != t.vision {
		err = errors.Join(err, t.text.Close())
	}
	return err
}
