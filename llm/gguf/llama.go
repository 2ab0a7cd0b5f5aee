package gguf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A llama is the network of a file: its sizes and its tensors, which have been checked to be
// complete, of the right shape, and all that the file has.
type llama struct {
	layers, width, inner  int64 // inner: the width inside the feed-forward network
	heads, kvHeads, head  int64 // head: the width of one head
	context, vocabulary   int64
	epsilon, ropeBase     float64
	tied                  bool // the output head is the token embedding
	embedding, outputNorm tensor
	output                tensor // when not tied
	blocks                []layer
}

// A layer is one block of the network.
type layer struct {
	attentionNorm, query, key, value, attentionOutput tensor
	forwardNorm, gate, up, down                       tensor
}

// Bounds that no model exceeds. Sizes in a file are checked before they are used.
const (
	maxLayers  = 1 << 10
	maxWidth   = 1 << 20
	maxContext = 1 << 18
	maxHead    = 1 << 10
	maxBase    = 1e12
)

// knownKeys are the metadata keys under "llama." that the graph implements or that do not affect
// it. Any other key may change what the network computes.
var knownKeys = map[string]bool{
	"block_count": true, "context_length": true, "embedding_length": true, "feed_forward_length": true, "vocab_size": true,
	"attention.head_count": true, "attention.head_count_kv": true, "attention.layer_norm_rms_epsilon": true,
	"attention.key_length": true, "attention.value_length": true,
	"rope.dimension_count": true, "rope.freq_base": true, "rope.scaling.type": true,
	"expert_count": true, "expert_used_count": true, "tensor_data_layout": true,
}

// newLlama returns the network of f. Its errors name the part of f that is not supported.
func newLlama(f *file) (*llama, error) {
	m := &metadata{values: f.metadata}
	if architecture := required[string](m, "general.architecture"); m.err == nil && architecture != "llama" {
		return nil, fmt.Errorf("architecture %q is not supported: only llama is", architecture)
	}
	if parts := optional[int64](m, "split.count", 1); parts > 1 {
		return nil, fmt.Errorf("the file is one of %d parts of a split model: join them first (llama-gguf-split --merge)", parts)
	}
	if scaling := optional(m, "llama.rope.scaling.type", "none"); scaling != "none" {
		return nil, fmt.Errorf("rope scaling %q is not supported", scaling)
	}
	if experts := optional[int64](m, "llama.expert_count", 0); experts > 0 {
		return nil, fmt.Errorf("a mixture of %d experts is not supported", experts)
	}
	for _, key := range slices.Sorted(maps.Keys(f.metadata)) {
		if name, found := strings.CutPrefix(key, "llama."); found && !knownKeys[name] {
			return nil, fmt.Errorf("metadata %s is not supported", key)
		}
	}
	l := &llama{
		layers:     m.size("llama.block_count", maxLayers),
		width:      m.size("llama.embedding_length", maxWidth),
		inner:      m.size("llama.feed_forward_length", maxWidth),
		heads:      m.size("llama.attention.head_count", maxWidth),
		context:    m.size("llama.context_length", maxContext),
		epsilon:    required[float64](m, "llama.attention.layer_norm_rms_epsilon"),
		ropeBase:   optional(m, "llama.rope.freq_base", 10000.0),
		vocabulary: int64(len(required[[]string](m, "tokenizer.ggml.tokens"))),
	}
	if m.err != nil {
		return nil, m.err
	}
	l.kvHeads = m.sizeOr("llama.attention.head_count_kv", maxWidth, l.heads)
	l.head = m.sizeOr("llama.attention.key_length", maxHead, l.width/l.heads)
	valueHead := m.sizeOr("llama.attention.value_length", maxHead, l.head)
	rotated := m.sizeOr("llama.rope.dimension_count", maxHead, l.head)
	switch {
	case m.err != nil:
		return nil, m.err
	case l.heads%l.kvHeads != 0:
		return nil, fmt.Errorf("%d attention heads cannot share %d key-value heads", l.heads, l.kvHeads)
	case valueHead != l.head || rotated != l.head:
		return nil, fmt.Errorf("attention heads of %d keys, %d values and %d rotated dimensions are not supported: they must be equal", l.head, valueHead, rotated)
	case l.head%16 != 0: // a requirement of GroupQueryAttention's rotary embedding
		return nil, fmt.Errorf("attention heads of width %d are not supported: it must be a multiple of 16", l.head)
	case !(l.epsilon > 0 && l.epsilon < 1): // also false for NaN
		return nil, fmt.Errorf("metadata llama.attention.layer_norm_rms_epsilon is %g", l.epsilon)
	case !(l.ropeBase > 0 && l.ropeBase < maxBase):
		return nil, fmt.Errorf("metadata llama.rope.freq_base is %g", l.ropeBase)
	}
	return l, l.findTensors(f)
}

// findTensors finds the network's tensors in f.
func (l *llama) findTensors(f *file) error {
	left := maps.Clone(f.tensors)
	var err error
	need := func(name string, rows, cols int64) tensor {
		t, found := left[name]
		delete(left, name)
		_, supported := t.kind.block()
		switch {
		case err != nil:
		case !found:
			err = fmt.Errorf("tensor %s is missing", name)
		case !supported:
			err = fmt.Errorf("tensor %s has type %s: only F32, F16, Q8_0, Q4_0 and Q4_1 are supported", name, t.kind)
		case t.rows != rows || t.cols != cols || t.dimensions > 2:
			err = fmt.Errorf("tensor %s has %d rows of %d in %d dimensions, not %d rows of %d", name, t.rows, t.cols, t.dimensions, rows, cols)
		case rows == 1 && t.kind.quantised():
			err = fmt.Errorf("tensor %s has type %s: a norm must be F32 or F16", name, t.kind)
		}
		return t
	}
	l.embedding = need("token_embd.weight", l.vocabulary, l.width)
	for i := int64(0); i < l.layers && err == nil; i++ {
		p := fmt.Sprintf("blk.%d.", i)
		l.blocks = append(l.blocks, layer{
			attentionNorm:   need(p+"attn_norm.weight", 1, l.width),
			query:           need(p+"attn_q.weight", l.heads*l.head, l.width),
			key:             need(p+"attn_k.weight", l.kvHeads*l.head, l.width),
			value:           need(p+"attn_v.weight", l.kvHeads*l.head, l.width),
			attentionOutput: need(p+"attn_output.weight", l.width, l.heads*l.head),
			forwardNorm:     need(p+"ffn_norm.weight", 1, l.width),
			gate:            need(p+"ffn_gate.weight", l.inner, l.width),
			up:              need(p+"ffn_up.weight", l.inner, l.width),
			down:            need(p+"ffn_down.weight", l.width, l.inner),
		})
	}
	l.outputNorm = need("output_norm.weight", 1, l.width)
	if _, own := left["output.weight"]; own {
		l.output = need("output.weight", l.vocabulary, l.width)
	} else {
		l.tied = true
	}
	if err != nil {
		return err
	}
	if _, scaled := left["rope_freqs.weight"]; scaled {
		return fmt.Errorf("rope scaling by tensor rope_freqs.weight is not supported")
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		return fmt.Errorf("tensor %s is not part of a supported network", name)
	}
	return nil
}
