package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"penstock/onnx"
)

// A sketch is the content of a GGUF file for a test.
type sketch struct {
	version uint32
	entries []entry
	tensors []sketchTensor
}

type entry struct {
	key   string
	value any // string, bool, uint32, float32, uint64, []string, []int32, []float32
}

type sketchTensor struct {
	name       string
	kind       tensorType
	dimensions []int64 // the fastest-varying first
	data       []byte
}

// set adds or changes an entry; a nil value removes it.
func (s *sketch) set(key string, value any) {
	for i := range s.entries {
		if s.entries[i].key == key {
			s.entries = append(s.entries[:i:i], s.entries[i+1:]...)
			break
		}
	}
	if value != nil {
		s.entries = append(s.entries, entry{key, value})
	}
}

// find returns a tensor, which the caller may change.
func (s *sketch) find(name string) *sketchTensor {
	for i := range s.tensors {
		if s.tensors[i].name == name {
			return &s.tensors[i]
		}
	}
	panic("no tensor " + name)
}

// bytes returns the file.
func (s *sketch) bytes() []byte {
	var out bytes.Buffer
	put := func(values ...any) {
		for _, value := range values {
			if text, ok := value.(string); ok {
				binary.Write(&out, binary.LittleEndian, uint64(len(text)))
				out.WriteString(text)
				continue
			}
			if err := binary.Write(&out, binary.LittleEndian, value); err != nil {
				panic(err)
			}
		}
	}
	out.WriteString(magic)
	put(s.version, uint64(len(s.tensors)), uint64(len(s.entries)))
	for _, e := range s.entries {
		put(e.key)
		switch value := e.value.(type) {
		case string:
			put(uint32(typeString), value)
		case bool:
			put(uint32(typeBool), value)
		case uint32:
			put(uint32(typeUint32), value)
		case uint64:
			put(uint32(typeUint64), value)
		case float32:
			put(uint32(typeFloat32), value)
		case []string:
			put(uint32(typeArray), uint32(typeString), uint64(len(value)))
			for _, text := range value {
				put(text)
			}
		case []int32:
			put(uint32(typeArray), uint32(typeInt32), uint64(len(value)), value)
		case []float32:
			put(uint32(typeArray), uint32(typeFloat32), uint64(len(value)), value)
		default:
			panic(fmt.Sprintf("a value of type %T", value))
		}
	}
	offset := 0
	for _, t := range s.tensors {
		put(t.name, uint32(len(t.dimensions)), t.dimensions, uint32(t.kind), uint64(offset))
		offset += (len(t.data) + 31) / 32 * 32
	}
	for _, t := range s.tensors {
		out.Write(make([]byte, (32-out.Len()%32)%32))
		out.Write(t.data)
	}
	return out.Bytes()
}

// write writes the file to a temporary folder.
func (s *sketch) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := os.WriteFile(path, s.bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The sizes of the test network.
const (
	tinyLayers, tinyWidth, tinyInner      = 2, 64, 96
	tinyHeads, tinyKVHeads, tinyHead      = 4, 2, 16
	tinyContext, tinyBase, tinyNormsAbove = 64, 10000, 1e-5
)

// tinyTokens returns the characters that represent printable ASCII in byte-level BPE, one merged
// token, and three control tokens.
func tinyTokens() (tokens []string, types []int32) {
	for _, control := range []string{"<|start|>", "<|end|>", "<|turn|>"} {
		tokens, types = append(tokens, control), append(types, tokenControl)
	}
	for c := '!'; c <= '~'; c++ {
		tokens, types = append(tokens, string(c)), append(types, tokenNormal)
	}
	return append(tokens, "th"), append(types, tokenNormal)
}

// tiny returns a complete small model with random weights. kind returns the type of a tensor by its
// name. If own is false, the output head is the embedding.
func tiny(own bool, kind func(name string) tensorType) *sketch {
	tokens, types := tinyTokens()
	s := &sketch{version: 3, entries: []entry{
		{"general.architecture", "llama"},
		{"llama.block_count", uint32(tinyLayers)},
		{"llama.context_length", uint32(tinyContext)},
		{"llama.embedding_length", uint32(tinyWidth)},
		{"llama.feed_forward_length", uint32(tinyInner)},
		{"llama.attention.head_count", uint32(tinyHeads)},
		{"llama.attention.head_count_kv", uint32(tinyKVHeads)},
		{"llama.attention.layer_norm_rms_epsilon", float32(tinyNormsAbove)},
		{"llama.rope.freq_base", float32(tinyBase)},
		{"tokenizer.ggml.model", "gpt2"},
		{"tokenizer.ggml.pre", "smollm"},
		{"tokenizer.ggml.tokens", tokens},
		{"tokenizer.ggml.token_type", types},
		{"tokenizer.ggml.merges", []string{"t h"}},
		{"tokenizer.ggml.bos_token_id", uint32(0)},
		{"tokenizer.ggml.eos_token_id", uint32(1)},
		{"tokenizer.chat_template", "{{ messages[0].content }}"},
	}}
	random := rand.New(rand.NewPCG(1, 2))
	add := func(name string, rows, cols int64) {
		s.tensors = append(s.tensors, randomTensor(random, name, kind(name), rows, cols))
	}
	norm := func(name string) {
		s.tensors = append(s.tensors, randomTensor(random, name, typeF32, 1, tinyWidth))
	}
	add("token_embd.weight", int64(len(tokens)), tinyWidth)
	norm("output_norm.weight")
	if own {
		add("output.weight", int64(len(tokens)), tinyWidth)
	}
	for i := range tinyLayers {
		p := fmt.Sprintf("blk.%d.", i)
		norm(p + "attn_norm.weight")
		add(p+"attn_q.weight", tinyHeads*tinyHead, tinyWidth)
		add(p+"attn_k.weight", tinyKVHeads*tinyHead, tinyWidth)
		add(p+"attn_v.weight", tinyKVHeads*tinyHead, tinyWidth)
		add(p+"attn_output.weight", tinyWidth, tinyHeads*tinyHead)
		norm(p + "ffn_norm.weight")
		add(p+"ffn_gate.weight", tinyInner, tinyWidth)
		add(p+"ffn_up.weight", tinyInner, tinyWidth)
		add(p+"ffn_down.weight", tinyWidth, tinyInner)
	}
	return s
}

// randomTensor returns weights of a size that keeps activations near 1.
func randomTensor(random *rand.Rand, name string, kind tensorType, rows, cols int64) sketchTensor {
	t := sketchTensor{name: name, kind: kind, dimensions: []int64{cols, rows}}
	if rows == 1 {
		t.dimensions = t.dimensions[:1]
	}
	spread := 2 / math.Sqrt(float64(cols))
	appendHalf := func(f float64) {
		t.data = binary.LittleEndian.AppendUint16(t.data, uint16(onnx.ToFloat16(float32(f))))
	}
	size, _ := kind.block()
	for range rows * cols / size.weights {
		switch kind {
		case typeF32:
			t.data = appendFloat(t.data, float32(random.NormFloat64()*spread))
			continue
		case typeF16:
			appendHalf(random.NormFloat64() * spread)
			continue
		case typeQ80:
			appendHalf(spread * (0.5 + random.Float64()) / 127)
		case typeQ40, typeQ41:
			scale := spread * (0.5 + random.Float64()) / 8
			appendHalf(scale)
			if kind == typeQ41 {
				appendHalf(-scale * (6 + 3*random.Float64()))
			}
		}
		for len(t.data)%int(size.bytes) != 0 {
			t.data = append(t.data, byte(random.Uint32()))
		}
	}
	return t
}

// all returns a kind function for matrices of one type.
func all(kind tensorType) func(string) tensorType { return func(string) tensorType { return kind } }
