package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"penstock/onnx"
	"penstock/onnx/onnxtest"
)

// weights decodes the tensor's blocks, independently of the package.
func (t *sketchTensor) weights() [][]float64 {
	var flat []float64
	halfAt := func(at int) float64 {
		return float64(onnx.Float16(binary.LittleEndian.Uint16(t.data[at:])).Float32())
	}
	size, _ := t.kind.block()
	for at := 0; at < len(t.data); at += int(size.bytes) {
		switch t.kind {
		case typeF32:
			flat = append(flat, float64(math.Float32frombits(binary.LittleEndian.Uint32(t.data[at:]))))
		case typeF16:
			flat = append(flat, halfAt(at))
		case typeQ80:
			for i := range 32 {
				flat = append(flat, halfAt(at)*float64(int8(t.data[at+2+i])))
			}
		case typeQ40, typeQ41:
			codes := at + int(size.bytes) - 16
			for i := range 32 {
				code := float64(t.data[codes+i%16] >> (i / 16 * 4) & 15)
				if t.kind == typeQ40 {
					flat = append(flat, halfAt(at)*(code-8))
				} else {
					flat = append(flat, halfAt(at)*code+halfAt(at+2))
				}
			}
		}
	}
	var rows [][]float64
	for cols := int(t.dimensions[0]); len(flat) > 0; flat = flat[cols:] {
		rows = append(rows, flat[:cols])
	}
	return rows
}

// reference computes the logits after each token of a text, with a direct implementation of a Llama
// in float64.
func (s *sketch) reference(tokens []int64) [][]float64 {
	get := func(name string) [][]float64 { return s.find(name).weights() }
	multiply := func(x []float64, w [][]float64) []float64 {
		y := make([]float64, len(w))
		for i, row := range w {
			for j := range row {
				y[i] += row[j] * x[j]
			}
		}
		return y
	}
	norm := func(x []float64, w [][]float64) []float64 {
		sum := 0.0
		for _, v := range x {
			sum += v * v
		}
		y := make([]float64, len(x))
		for i := range x {
			y[i] = x[i] / math.Sqrt(sum/float64(len(x))+tinyNormsAbove) * w[0][i]
		}
		return y
	}
	rotate := func(x []float64, position int) { // adjacent pairs, head by head
		for i := 0; i < len(x); i += 2 {
			angle := float64(position) * math.Pow(tinyBase, -float64(i%tinyHead)/tinyHead)
			sin, cos := math.Sincos(angle)
			x[i], x[i+1] = x[i]*cos-x[i+1]*sin, x[i]*sin+x[i+1]*cos
		}
	}
	output := "token_embd.weight"
	for _, t := range s.tensors {
		if t.name == "output.weight" {
			output = t.name
		}
	}
	var keys, values [tinyLayers][][]float64
	var logits [][]float64
	for position, token := range tokens {
		x := append([]float64{}, get("token_embd.weight")[token]...)
		for l := range tinyLayers {
			p := fmt.Sprintf("blk.%d.", l)
			h := norm(x, get(p+"attn_norm.weight"))
			q, k := multiply(h, get(p+"attn_q.weight")), multiply(h, get(p+"attn_k.weight"))
			rotate(q, position)
			rotate(k, position)
			keys[l] = append(keys[l], k)
			values[l] = append(values[l], multiply(h, get(p+"attn_v.weight")))
			mixed := make([]float64, tinyHeads*tinyHead)
			for head := range tinyHeads {
				own, shared := head*tinyHead, head/(tinyHeads/tinyKVHeads)*tinyHead
				weights, total := make([]float64, position+1), 0.0
				for at := range weights {
					for i := range tinyHead {
						weights[at] += q[own+i] * keys[l][at][shared+i] / math.Sqrt(tinyHead)
					}
					weights[at] = math.Exp(weights[at])
					total += weights[at]
				}
				for at := range weights {
					for i := range tinyHead {
						mixed[own+i] += weights[at] / total * values[l][at][shared+i]
					}
				}
			}
			for i, v := range multiply(mixed, get(p+"attn_output.weight")) {
				x[i] += v
			}
			h = norm(x, get(p+"ffn_norm.weight"))
			gate, up := multiply(h, get(p+"ffn_gate.weight")), multiply(h, get(p+"ffn_up.weight"))
			for i := range gate {
				gate[i] *= up[i] / (1 + math.Exp(-gate[i]))
			}
			for i, v := range multiply(gate, get(p+"ffn_down.weight")) {
				x[i] += v
			}
		}
		logits = append(logits, multiply(norm(x, get("output_norm.weight")), get(output)))
	}
	return logits
}

// A text is a sequence of tokens that an imported model has processed. Its keys and values are in
// buffers with space for more tokens, which each run reads and writes.
type text struct {
	session *onnx.Session
	length  int64
	keys    []*onnx.Tensor
	logits  []float32
}

func openModel(t *testing.T, dir string) *onnx.Session {
	t.Helper()
	s, err := onnxtest.Open(t).LoadFile(filepath.Join(dir, "onnx", "model.onnx"), onnx.SessionOptions{Name: filepath.Base(dir)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newText(t *testing.T, s *onnx.Session, capacity int64) *text {
	t.Helper()
	logits := s.Outputs()[0].Shape
	x := &text{session: s, logits: make([]float32, logits[2])}
	for _, info := range s.Inputs()[2:] {
		heads, head := info.Shape[1], info.Shape[3]
		x.keys = append(x.keys, newTensor(t, []int64{1, heads, capacity, head}, make([]float32, heads*capacity*head)))
	}
	return x
}

func newTensor[T onnx.Element](t *testing.T, shape []int64, data []T) *onnx.Tensor {
	t.Helper()
	tensor, err := onnx.NewTensor(shape, data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tensor.Close() })
	return tensor
}

// read processes tokens and returns the logits after the last one.
func (x *text) read(t *testing.T, tokens ...int64) []float32 {
	t.Helper()
	x.length += int64(len(tokens))
	mask := make([]int64, x.length)
	for i := range mask {
		mask[i] = 1
	}
	inputs := []*onnx.Tensor{newTensor(t, []int64{1, int64(len(tokens))}, tokens), newTensor(t, []int64{1, x.length}, mask)}
	outputs := []*onnx.Tensor{newTensor(t, []int64{1, 1, int64(len(x.logits))}, x.logits)}
	if err := x.session.Run(t.Context(), append(inputs, x.keys...), append(outputs, x.keys...)); err != nil {
		t.Fatal(err)
	}
	return x.logits
}

func TestImportComputesTheModel(t *testing.T) {
	mixed := func(name string) tensorType {
		switch {
		case strings.Contains(name, "attn_q"), strings.Contains(name, "ffn_down"):
			return typeQ41
		case strings.Contains(name, "attn_k"), name == "token_embd.weight":
			return typeQ80
		case strings.Contains(name, "attn_v"), strings.Contains(name, "ffn_up"):
			return typeF16
		case strings.Contains(name, "blk.1.ffn_gate"):
			return typeF32
		}
		return typeQ40
	}
	for _, c := range []struct {
		name      string
		own       bool
		kind      func(string) tensorType
		tolerance float64 // relative distance of the logits
	}{
		// Quantised weights are multiplied by activations of eight bits.
		{"F32", false, all(typeF32), 1e-5},
		{"F32 with a head", true, all(typeF32), 1e-5},
		{"F16", false, all(typeF16), 1e-5},
		{"Q8_0", false, all(typeQ80), 0.05},
		{"Q4_0", false, all(typeQ40), 0.05},
		{"Q4_1", false, all(typeQ41), 0.05},
		{"Q4_1 with a head", true, all(typeQ41), 0.05},
		{"mixed", true, mixed, 0.05},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tiny(c.own, c.kind)
			dir := filepath.Join(t.TempDir(), "model")
			if err := Import(t.Context(), s.write(t), dir); err != nil {
				t.Fatal(err)
			}
			tokens := []int64{0, 40, 41, 17, 3, 90, 55, 55}
			want := s.reference(tokens)
			x := newText(t, openModel(t, dir), 12)
			for _, n := range []int{5, 1, 1, 1} { // a prompt in one run, then token by token
				next := int(x.length)
				got := x.read(t, tokens[next:next+n]...)
				if d := distance(got, want[next+n-1]); d > c.tolerance {
					t.Errorf("after %d tokens: logits are off by %.3g", x.length, d)
				}
			}
		})
	}
}

// distance returns the distance of got from want, relative to the norm of want.
func distance(got []float32, want []float64) float64 {
	difference, size := 0.0, 0.0
	for i := range want {
		d := float64(got[i]) - want[i]
		difference += d * d
		size += want[i] * want[i]
	}
	return math.Sqrt(difference / size)
}
