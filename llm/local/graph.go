package local

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"penstock/onnx"
)

// graph is a decoder's ONNX session, and the meaning of its inputs and outputs.
type graph struct {
	session *onnx.Session

	inputIDs, attentionMask, positionIDs int   // indices of inputs; -1 where there is none
	past                                 []int // indices of inputs, and
	present                              []int // of the outputs that are the same caches, longer
	logits                               int   // index of an output

	caches []cacheShape // of past[i] and present[i]
	vocab  int
	// lastOnly: a run returns the logits after its last token and no others.
	lastOnly bool
	// shared: the graph can write a cache's new rows into the memory that holds the old ones.
	shared bool
}

// cacheShape is the shape of one cache, [1, heads, tokens, dim], without its number of tokens.
type cacheShape struct {
	kind       onnx.ElementType // float32 or float16
	heads, dim int64
}

var (
	pastName    = regexp.MustCompile(`^past\w*\.(\d+\.(?:key|value))$`)
	presentName = regexp.MustCompile(`^present\w*\.(\d+\.(?:key|value))$`)
)

// newGraph returns the graph of a session, which belongs to it then, unless it fails.
func newGraph(ctx context.Context, s *onnx.Session, c modelConfig) (_ *graph, err error) {
	g := &graph{session: s, inputIDs: -1, attentionMask: -1, positionIDs: -1, logits: -1, vocab: c.VocabSize}
	if err := g.readNames(c); err != nil {
		return nil, fmt.Errorf("the graph is no decoder that this version can run: %w", err)
	}
	if g.shared, err = g.sharesMemory(ctx); err != nil {
		return nil, fmt.Errorf("try the graph with one token: %w", err)
	}
	return g, nil
}

// readNames identifies the inputs and outputs by their names.
func (g *graph) readNames(c modelConfig) error {
	presents := map[string]int{}
	for i, out := range g.session.Outputs() {
		if out.Name == "logits" {
			g.logits = i
			if len(out.Shape) == 3 {
				g.lastOnly = out.Shape[1] == 1
				if out.Shape[2] > 0 {
					g.vocab = int(out.Shape[2])
				}
			}
			if out.Type != onnx.TypeFloat32 && out.Type != onnx.TypeFloat16 {
				return fmt.Errorf("its logits are %s", out.Type)
			}
		} else if m := presentName.FindStringSubmatch(out.Name); m != nil {
			presents[m[1]] = i
		} else {
			return fmt.Errorf("it has an unknown output %q", out.Name)
		}
	}
	for i, in := range g.session.Inputs() {
		m := pastName.FindStringSubmatch(in.Name)
		switch {
		case m != nil:
			present, ok := presents[m[1]]
			if !ok {
				return fmt.Errorf("input %q has no output that continues it", in.Name)
			}
			shape, err := cacheShapeOf(in, c)
			if err != nil {
				return err
			}
			g.past, g.present, g.caches = append(g.past, i), append(g.present, present), append(g.caches, shape)
			continue
		case in.Name == "input_ids":
			g.inputIDs = i
		case in.Name == "attention_mask":
			g.attentionMask = i
		case in.Name == "position_ids":
			g.positionIDs = i
		default:
			return fmt.Errorf("it requires an unknown input %q", in.Name)
		}
		if in.Type != onnx.TypeInt64 {
			return fmt.Errorf("its input %q is %s, not int64", in.Name, in.Type)
		}
	}
	var missing []string
	for what, lacks := range map[string]bool{
		"input_ids": g.inputIDs < 0, "past_key_values": len(g.past) == 0, "logits": g.logits < 0, "a vocabulary's size": g.vocab <= 0,
		"an input for each present": len(presents) != len(g.past),
	} {
		if lacks {
			missing = append(missing, what)
		}
	}
	if slices.Sort(missing); missing != nil {
		return fmt.Errorf("it lacks %s", strings.Join(missing, ", "))
	}
	return nil
}

// cacheShapeOf reads a cache's shape from the graph, and sizes that are variable there from
// config.json.
func cacheShapeOf(in onnx.Info, c modelConfig) (s cacheShape, err error) {
	if len(in.Shape) != 4 || in.Type != onnx.TypeFloat32 && in.Type != onnx.TypeFloat16 {
		return s, fmt.Errorf("its input %q is %s of shape %v, not float of shape [1 heads tokens dim]", in.Name, in.Type, in.Shape)
	}
	s = cacheShape{kind: in.Type, heads: in.Shape[1], dim: in.Shape[3]}
	if s.heads <= 0 {
		if s.heads = int64(c.KVHeads); s.heads == 0 {
			s.heads = int64(c.Heads)
		}
	}
	if s.dim <= 0 {
		if s.dim = int64(c.HeadDim); s.dim == 0 && c.Heads > 0 {
			s.dim = int64(c.Hidden / c.Heads)
		}
	}
	if s.heads <= 0 || s.dim <= 0 {
		return s, fmt.Errorf("neither the graph nor config.json gives the size of input %q", in.Name)
	}
	return s, nil
}

// sharesMemory reports what the graph does with caches that have more rows than there are tokens.
// One made with GroupQueryAttention writes the new rows there: then past and present may be the
// same memory, and a token costs no copying of all that came before it. Any other graph appends new
// rows, which do not fit.
func (g *graph) sharesMemory(ctx context.Context) (bool, error) {
	var err error
	for _, g.shared = range []bool{true, false} {
		if err = g.tryToken(ctx); err == nil {
			return g.shared, nil
		}
	}
	return false, err
}

func (g *graph) tryToken(ctx context.Context) error {
	c := newSequence(g, 1)
	defer c.close()
	_, err := c.feed(ctx, []int64{0})
	return err
}
