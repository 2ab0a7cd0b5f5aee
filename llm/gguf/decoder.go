package gguf

import (
	"fmt"
	"math"
)

// decoder builds the graph of l, which continues a text:
//
//	input_ids                        [1, n] int64   the next tokens
//	attention_mask                   [1, total] int64  ones, for all tokens with the next
//	past_key_values.{i}.key|value    [1, kvHeads, past, head]  of the previous tokens
//	logits                           [1, 1, vocabulary]  of the token after the last
//	present.{i}.key|value            [1, kvHeads, max(past, total), head]
//
// The tensors of past keys and values may be longer than the text. A present tensor may then be the
// same buffer as the past one, and a run writes only the positions of the next tokens.
//
// Inner values have no batch dimension: [n, width]. A block is RMSNorm, attention with rotary
// embedding and grouped heads, RMSNorm and a gated feed-forward network
// (https://arxiv.org/abs/2302.13971), with a residual connection around attention and feed-forward
// network. SkipSimplifiedLayerNormalization computes an addition together with the norm that
// follows. GGUF has the rows of queries and keys permuted so that rotary embedding rotates adjacent
// elements (rotary_interleaved).
func (f *file) decoder(l *llama) *graph {
	g := &graph{file: f, sums: map[string]string{}}
	for _, c := range []struct {
		name   string
		values []int64
	}{
		{"flat", []int64{-1}},
		{"one", []int64{1}},
		{"last", []int64{-1}},
		{"axis_2", []int64{2}},
		{"by_block", []int64{0, -1, perBlock}},
		{"to_attention", []int64{1, -1, (l.heads + 2*l.kvHeads) * l.head}},
		{"from_attention", []int64{-1, l.heads * l.head}},
		{"to_width", []int64{-1, l.width}},
		{"to_logits", []int64{1, 1, l.vocabulary}},
	} {
		g.constant(integersTensor(c.name, c.values))
	}
	g.ins = append(g.ins,
		valueProto("input_ids", int64s, fixed(1), free("n")),
		valueProto("attention_mask", int64s, fixed(1), free("total")))
	g.outs = append(g.outs, valueProto("logits", float32s, fixed(1), fixed(1), fixed(l.vocabulary)))

	shared := g.attention(l)
	table := g.matrix(8, l.embedding)
	x := g.embed(table, g.node("Reshape", []string{"input_ids", "flat"}))
	delta := "" // the value still to be added to x
	var normed string
	for i, b := range l.blocks {
		normed, x = g.norm(x, delta, b.attentionNorm, l)
		delta = g.linear(g.attend(i, g.linear(normed, b.query, b.key, b.value), shared, l), b.attentionOutput)
		normed, x = g.norm(x, delta, b.forwardNorm, l)
		delta = g.linear(g.gate(g.linear(normed, b.gate, b.up)), b.down)
	}
	x = g.node("Gather", []string{x, "last"}, integerAttribute("axis", 0))
	delta = g.node("Gather", []string{delta, "last"}, integerAttribute("axis", 0))
	normed, _ = g.norm(x, delta, l.outputNorm, l)
	var logits string
	if l.tied {
		logits = g.multiply(normed, table)
	} else {
		logits = g.linear(normed, l.output)
	}
	g.nodeTo("Reshape", []string{logits, "to_logits"}, []string{"logits"})
	return g
}

// embed returns the rows of tokens in table: [n] to [n, cols].
func (g *graph) embed(table matrix, tokens string) string {
	rows := g.node("Gather", []string{table.codes, tokens}, integerAttribute("axis", 0))
	if table.bits == 0 {
		return rows
	}
	g.constant(floatTensor("zero_point", 128))
	perRow := func(constant string) string {
		return g.node("Unsqueeze", []string{g.node("Gather", []string{constant, tokens}, integerAttribute("axis", 0)), "axis_2"})
	}
	rows = g.node("Sub", []string{g.cast(rows, float32s), "zero_point"})
	rows = g.node("Mul", []string{rows, perRow(table.scales)})
	if table.offsets != "" {
		rows = g.node("Add", []string{rows, perRow(table.offsets)})
	}
	return g.node("Reshape", []string{rows, "to_width"})
}

// norm adds delta to x, and returns the sum and its RMSNorm.
func (g *graph) norm(x, delta string, weight tensor, l *llama) (normed, sum string) {
	scale := g.weights(weight.name, float32s, []int64{l.width}, tensorType.floats, []tensor{weight})
	if delta == "" {
		return g.node("SimplifiedLayerNormalization", []string{x, scale}, integerAttribute("axis", -1), floatAttribute("epsilon", l.epsilon)), x
	}
	g.made++
	normed, sum = fmt.Sprintf("normed_%d", g.made), fmt.Sprintf("sum_%d", g.made)
	g.nodeTo(microsoftDomain+".SkipSimplifiedLayerNormalization", []string{x, delta, scale}, []string{normed, "", "", sum}, floatAttribute("epsilon", l.epsilon))
	return normed, sum
}

// attention names the values that the attention of all blocks shares.
type attention struct {
	lengths, total string // tokens so far, without the last one and with it
	cosines, sines string
}

func (g *graph) attention(l *llama) attention {
	sum := g.node("ReduceSum", []string{"attention_mask", "one"}, integerAttribute("keepdims", 0))
	size := g.node("Gather", []string{g.node("Shape", []string{"attention_mask"}), "one"})
	return attention{
		lengths: g.cast(g.node("Sub", []string{sum, "one"}), int32s),
		total:   g.cast(size, int32s),
		cosines: g.rotations("cosines", math.Cos, l.context, l.head/2, l.ropeBase),
		sines:   g.rotations("sines", math.Sin, l.context, l.head/2, l.ropeBase),
	}
}

// attend returns block i's attention, [n, heads*head]. packed has queries, keys and values side by
// side.
func (g *graph) attend(i int, packed string, shared attention, l *llama) string {
	in := []string{g.node("Reshape", []string{packed, "to_attention"}), "", ""}
	out := []string{fmt.Sprintf("attention_%d", i)}
	for _, what := range []string{"key", "value"} {
		past, present := fmt.Sprintf("past_key_values.%d.%s", i, what), fmt.Sprintf("present.%d.%s", i, what)
		g.ins = append(g.ins, valueProto(past, float32s, fixed(1), fixed(l.kvHeads), free("past"), fixed(l.head)))
		g.outs = append(g.outs, valueProto(present, float32s, fixed(1), fixed(l.kvHeads), free("present"), fixed(l.head)))
		in, out = append(in, past), append(out, present)
	}
	in = append(in, shared.lengths, shared.total, shared.cosines, shared.sines)
	g.nodeTo(microsoftDomain+".GroupQueryAttention", in, out,
		integerAttribute("num_heads", l.heads), integerAttribute("kv_num_heads", l.kvHeads),
		integerAttribute("do_rotary", 1), integerAttribute("rotary_interleaved", 1))
	return g.node("Reshape", []string{out[0], "from_attention"})
}

// gate returns SiLU(gate) times up. packed has both side by side.
func (g *graph) gate(packed string) string {
	g.made++
	gate, up := fmt.Sprintf("gate_%d", g.made), fmt.Sprintf("up_%d", g.made)
	g.nodeTo("Split", []string{packed}, []string{gate, up}, integerAttribute("axis", 1), integerAttribute("num_outputs", 2))
	silu := g.node(microsoftDomain+".QuickGelu", []string{gate}, floatAttribute("alpha", 1))
	return g.node("Mul", []string{silu, up})
}
