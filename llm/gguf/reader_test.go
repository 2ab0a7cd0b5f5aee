package gguf

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func planBytes(data []byte) (*model, error) { return plan(bytes.NewReader(data), int64(len(data))) }

// A file that is cut at any offset is an error, never a panic.
func TestReadTruncated(t *testing.T) {
	s := tiny(false, all(typeQ80))
	s.set("a list of numbers", []float32{1, 2, 3})
	whole := s.bytes()
	if _, err := planBytes(whole); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 1 + n/500 {
		if _, err := planBytes(whole[:n]); err == nil {
			t.Fatalf("%d of %d bytes were accepted as a file", n, len(whole))
		}
	}
}

func TestReadErrors(t *testing.T) {
	number := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	header := func(tensors, entries uint64, rest ...byte) []byte {
		b := append([]byte(magic), 3, 0, 0, 0)
		b = append(append(b, number(tensors)...), number(entries)...)
		return append(b, rest...)
	}
	entryOf := func(kind byte, rest ...byte) []byte {
		b := append(number(1), 'k', kind, 0, 0, 0)
		return header(0, 1, append(b, rest...)...)
	}
	tensorOf := func(dimensions byte, rest ...byte) []byte {
		b := append(number(1), 't', dimensions, 0, 0, 0)
		return header(1, 0, append(b, rest...)...)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "the file is cut short or damaged: 4 bytes should follow, and it has 0 left"},
		{"another kind of file", []byte("GGML and more"), "not a GGUF file"},
		{"tensors without end", header(1<<40, 0), "a length of 1099511627776"},
		{"entries without end", header(0, 1<<63), "a length of 9223372036854775808"},
		{"more entries than there are", header(0, 2), "the file is cut short or damaged: 8 bytes should follow, and it has 0 left"},
		{"a long name", header(0, 1, number(1<<20)...), "the file is cut short or damaged: 1048576 bytes should follow, and it has 0 left"},
		{"an endless name", header(0, 1, number(1<<62)...), "a length of 4611686018427387904"},
		{"an unknown type", entryOf(13), `metadata "k": a value of type 13`},
		{"a list of lists", entryOf(typeArray, typeArray, 0, 0, 0), `metadata "k": elements of type 9`},
		{"an endless list", entryOf(typeArray, append([]byte{typeUint8, 0, 0, 0}, number(1<<60)...)...), "a length of 1152921504606846976"},
		{"a list longer than the file", entryOf(typeArray, append([]byte{typeUint64, 0, 0, 0}, number(1<<24)...)...), "the file is cut short or damaged: 8 bytes should follow, and it has 0 left"},
		{"an entry twice", header(0, 2, bytes.Repeat(append(append(number(1), 'k'), typeBool, 0, 0, 0, 1), 2)...), `metadata "k": given twice`},
		{"too many dimensions", tensorOf(5), `tensor "t": 5 dimensions`},
		{"an empty dimension", tensorOf(1, number(0)...), `tensor "t": an empty dimension`},
		{"too many weights", tensorOf(3, bytes.Repeat(number(1<<30), 3)...), `tensor "t": too many elements`},
		{"part of a block", tensorOf(1, append(append(number(33), byte(typeQ80), 0, 0, 0), number(0)...)...), `tensor "t": rows of 33 weights in blocks of 32`},
		{"a tensor outside the file", tensorOf(1, append(append(number(32), byte(typeQ80), 0, 0, 0), number(1<<40)...)...), `tensor "t": 34 bytes at 1099511627776 are not in the file`},
		{"an alignment of 0", func() []byte {
			s := tiny(false, all(typeF32))
			s.set("general.alignment", uint32(0))
			return s.bytes()
		}(), "general.alignment: 0 is not an alignment"},
		{"a tensor twice", func() []byte {
			s := tiny(false, all(typeF32))
			s.tensors = append(s.tensors, s.tensors[0])
			return s.bytes()
		}(), `tensor "token_embd.weight": given twice`},
	} {
		if _, err := planBytes(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// FuzzPlan checks that arbitrary files are accepted or refused without a panic. The fuzzer varies
// headers; the weights that follow are zeros. (Use -fuzzminimizetime 100x: by default Go spends its
// time on minimising such long inputs.)
func FuzzPlan(f *testing.F) {
	for _, kind := range []tensorType{typeF32, typeF16, typeQ40, typeQ41, typeQ80} {
		s := tiny(kind == typeQ40, all(kind))
		header := s.bytes()
		for _, t := range s.tensors {
			header = header[:len(header)-(len(t.data)+31)/32*32]
		}
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		if len(header) > 1<<16 {
			return
		}
		m, err := planBytes(append(header, make([]byte, 1<<18)...))
		if err != nil {
			return
		}
		for _, b := range m.graph.blobs {
			if b.offset < 0 || b.size < 0 {
				t.Errorf("a blob of %d bytes at %d", b.size, b.offset)
			}
		}
		if _, err := encode(m.tokenizer); err != nil {
			t.Error(err)
		}
	})
}
