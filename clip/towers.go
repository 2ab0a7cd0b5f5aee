package clip

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"penstock/onnx"
)

// The names of inputs and outputs in graphs exported from CLIP.
const (
	pixelValues   = "pixel_values"
	inputIDs      = "input_ids"
	attentionMask = "attention_mask"
	tokenTypes    = "token_type_ids" // all 0: a text is one sentence
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
	padding       padding
	runtime       *onnx.Runtime

	buffers sync.Pool // of *pixelBuffer
}

// openTowers loads a folder's graphs and checks that this package can provide their inputs.
func openTowers(rt *onnx.Runtime, name string, f *folder, height, width int) (t *towers, err error) {
	t = &towers{runtime: rt, height: height, width: width, buffers: sync.Pool{New: func() any { return new(pixelBuffer) }}}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	// Runs yield: pictures of other requests are decoded meanwhile, on the same cores.
	open := func(path, name string, outputs func(all []string) []string) (*onnx.Session, error) {
		return rt.LoadFile(path, onnx.SessionOptions{Name: name, Yield: true, Outputs: outputs})
	}
	if f.text == f.vision {
		t.vision, err = open(f.vision, name, vectorOutputs)
		t.text = t.vision
	} else if t.vision, err = open(f.vision, name+" (vision)", vectorOutput(imageNames, textNames)); err == nil {
		t.text, err = open(f.text, name+" (text)", vectorOutput(textNames, imageNames))
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
			if err := t.accept(t.named(s, in), f.recipe.name); err != nil {
				return t, err
			}
		}
	}
	return t, errors.Join(t.checkNames(t.vision, pixelValues, pictureNames, imageEmbeds, imageNames),
		t.checkNames(t.text, inputIDs, tokenNames, textEmbeds, textNames))
}

// accept checks an input of a graph, and records the sizes that the graph fixes. recipe is the file
// that says how large pictures are.
func (t *towers) accept(in onnx.Info, recipe string) error {
	fixed := func(i int) int { return int(max(0, in.Shape[i])) } // 0 for any size
	switch in.Name {
	case pixelValues:
		if in.Type != onnx.TypeFloat32 && in.Type != onnx.TypeFloat16 {
			return fmt.Errorf("the graph takes %s as %s; export it with inputs of float32 or float16", in.Name, in.Type)
		}
		if len(in.Shape) != 4 {
			return fmt.Errorf("the graph takes %s in %d dimensions, not 4", in.Name, len(in.Shape))
		}
		if fixed(3) == 3 && fixed(1) != 3 {
			return fmt.Errorf("the graph takes %s as NHWC, the channels last, in shape %v; export it with NCHW", in.Name, in.Shape)
		}
		if h, w := fixed(2), fixed(3); (h != 0 && h != t.height) || (w != 0 && w != t.width) {
			return fmt.Errorf("the graph takes pictures of %d by %d pixels, but %s makes %d by %d", h, w, recipe, t.height, t.width)
		}
		t.imageBatch = fixed(0)
	case inputIDs, attentionMask, tokenTypes:
		if in.Type != onnx.TypeInt64 && in.Type != onnx.TypeInt32 {
			return fmt.Errorf("the graph takes %s as %s, which is not supported", in.Name, in.Type)
		}
		if len(in.Shape) != 2 || fixed(0) > 1 {
			return fmt.Errorf("the graph takes %s in a shape that is not supported: %v", in.Name, in.Shape)
		}
		t.textBatch, t.length = fixed(0), fixed(1)
	case positionIDs:
		if (in.Type != onnx.TypeInt64 && in.Type != onnx.TypeInt32) || len(in.Shape) != 2 {
			return fmt.Errorf("the graph takes %s as %s in a shape that is not supported: %v", in.Name, in.Type, in.Shape)
		}
		t.length = max(t.length, fixed(1))
	default:
		if isNaFlex(in.Name) {
			return errNaFlex
		}
		return fmt.Errorf("the graph wants an input %q, which is not supported; known are %s, %s, %s, %s and %s", in.Name,
			strings.Join(pictureNames, ", "), strings.Join(tokenNames[:len(tokenNames)-1], ", "), attentionMask, tokenTypes, positionIDs)
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
