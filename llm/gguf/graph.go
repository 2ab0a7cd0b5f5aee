package gguf

import (
	"fmt"
	"strings"
)

const microsoftDomain = "com.microsoft"

// A graph is an ONNX GraphProto that is being built. Constants other than the smallest are blobs in
// the weights file.
type graph struct {
	file                        *file
	nodes, constants, ins, outs []message
	blobs                       []blob
	end                         int64             // offset after the blobs so far
	made                        int               // number of values named so far
	sums                        map[string]string // block sums by the name of the value
}

// node adds a node with one output and returns the output's name. ONNX Runtime's own operators are
// given with their domain: "com.microsoft.QuickGelu".
func (g *graph) node(op string, in []string, attributes ...message) string {
	g.made++
	out := fmt.Sprintf("%s_%d", op[strings.LastIndexByte(op, '.')+1:], g.made)
	g.nodeTo(op, in, []string{out}, attributes...)
	return out
}

// nodeTo adds a node with named outputs.
func (g *graph) nodeTo(op string, in, out []string, attributes ...message) {
	at := strings.LastIndexByte(op, '.')
	g.nodes = append(g.nodes, nodeProto(op[:max(at, 0)], op[at+1:], in, out, attributes))
}

func (g *graph) cast(x string, to dataType) string {
	return g.node("Cast", []string{x}, integerAttribute("to", int64(to)))
}

// constant adds a small constant.
func (g *graph) constant(tensor message) { g.constants = append(g.constants, tensor) }

// A matrix is the weights of one or several tensors in a graph, one below the other, with one row
// for each output.
type matrix struct {
	rows, cols int64
	bits       int64  // of a code; 0: codes are float32 weights
	codes      string // constants: [rows, cols], or [rows, blocks, bytes of a block's codes]
	scales     string // [rows, blocks]
	offsets    string // [rows, blocks], or "" where weights are scale times code
}

// matrix adds the weights of tensors, which must have one type and width, to the graph. Quantised
// weights get codes of the given number of bits.
func (g *graph) matrix(bits int64, tensors ...tensor) matrix {
	first := tensors[0]
	m := matrix{cols: first.cols}
	var names []string
	for _, t := range tensors {
		m.rows += t.rows
		names = append(names, t.name)
	}
	name := strings.Join(names, "+")
	if !first.kind.quantised() {
		m.codes = g.weights(name, float32s, []int64{m.rows, m.cols}, tensorType.floats, tensors)
		return m
	}
	m.bits = bits
	codes := tensorType.codes8
	if bits == 4 {
		codes = tensorType.codes4
	}
	blocks := m.cols / perBlock
	m.codes = g.weights(name+".codes", uint8s, []int64{m.rows, blocks, perBlock * bits / 8}, codes, tensors)
	m.scales = g.weights(name+".scales", float32s, []int64{m.rows, blocks}, tensorType.scales, tensors)
	if first.kind.hasOffsets() {
		m.offsets = g.weights(name+".offsets", float32s, []int64{m.rows, blocks}, tensorType.offsets, tensors)
	}
	return m
}

// multiply returns x times m transposed: [n, cols] to [n, rows].
//
// MatMulNBits multiplies d*(q-8), or d*(q-128), by x in integers. Q4_1's weights d*q+m are that
// plus an offset m+8d for each block. The offsets are multiplied by the sums of x over the blocks,
// a product 32 times smaller. (With the zero point 0 for MatMulNBits the result would be the same
// in exact arithmetic but far worse in eight-bit arithmetic, where the large sums of d*q*x and m*x
// would have to cancel.)
func (g *graph) multiply(x string, m matrix) string {
	if m.bits == 0 {
		return g.node("Gemm", []string{x, m.codes}, integerAttribute("transB", 1))
	}
	y := g.node(microsoftDomain+".MatMulNBits", []string{x, m.codes, m.scales},
		integerAttribute("K", m.cols), integerAttribute("N", m.rows), integerAttribute("bits", m.bits),
		integerAttribute("block_size", perBlock), integerAttribute("accuracy_level", 4)) // 4: x in eight bits
	if m.offsets == "" {
		return y
	}
	return g.node("Gemm", []string{g.blockSums(x), m.offsets, y}, integerAttribute("transB", 1))
}

// blockSums returns the sums of x over each block: [n, cols] to [n, blocks].
func (g *graph) blockSums(x string) string {
	if _, known := g.sums[x]; !known {
		g.sums[x] = g.node("ReduceSum", []string{g.node("Reshape", []string{x, "by_block"}), "axis_2"}, integerAttribute("keepdims", 0))
	}
	return g.sums[x]
}

// linear returns x times the transposed weights of tensors, side by side. Tensors of one type are
// one product, which is faster than several.
func (g *graph) linear(x string, tensors ...tensor) string {
	uniform := true
	for _, t := range tensors {
		uniform = uniform && t.kind == tensors[0].kind
	}
	bits := func(t tensor) int64 {
		if t.kind == typeQ80 {
			return 8
		}
		return 4
	}
	if uniform {
		return g.multiply(x, g.matrix(bits(tensors[0]), tensors...))
	}
	var parts []string
	for _, t := range tensors {
		parts = append(parts, g.multiply(x, g.matrix(bits(t), t)))
	}
	return g.node("Concat", parts, integerAttribute("axis", 1))
}

// model returns the ModelProto.
func (g *graph) model() message {
	var m message
	for _, node := range g.nodes {
		m.bytes(1, node)
	}
	m.text(2, "llama")
	for _, constant := range g.constants {
		m.bytes(5, constant)
	}
	for _, in := range g.ins {
		m.bytes(11, in)
	}
	for _, out := range g.outs {
		m.bytes(12, out)
	}
	return modelProto(m, "penstock")
}
