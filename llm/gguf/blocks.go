package gguf

import (
	"encoding/binary"
	"fmt"
	"math"

	"penstock/onnx"
)

// A tensorType is GGML's number of a storage format for weights.
type tensorType uint32

const (
	typeF32 tensorType = 0
	typeF16 tensorType = 1
	typeQ40 tensorType = 2
	typeQ41 tensorType = 3
	typeQ80 tensorType = 8
)

// perBlock is how many weights share a scale in the quantised types.
const perBlock = 32

// typeNames names GGML's types for error messages, including unsupported ones.
var typeNames = map[tensorType]string{
	typeF32: "F32", typeF16: "F16", typeQ40: "Q4_0", typeQ41: "Q4_1", typeQ80: "Q8_0",
	6: "Q5_0", 7: "Q5_1", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K",
	16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
	24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}

func (t tensorType) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("number %d", uint32(t))
}

// A block is the unit of storage of a type.
type block struct{ weights, bytes int64 }

// block returns the unit of a type, and whether the type is supported.
//
//	F32, F16  one number
//	Q4_0      half scale d, then 16 bytes of codes q: w = d*(q-8)
//	Q4_1      half scale d, half minimum m, then 16 bytes of codes q: w = d*q + m
//	Q8_0      half scale d, then 32 signed bytes q: w = d*q
//
// The low halves of the 16 bytes are weights 0 to 15, the high halves 16 to 31.
func (t tensorType) block() (block, bool) {
	switch t {
	case typeF32:
		return block{1, 4}, true
	case typeF16:
		return block{1, 2}, true
	case typeQ40:
		return block{perBlock, 18}, true
	case typeQ41:
		return block{perBlock, 20}, true
	case typeQ80:
		return block{perBlock, 34}, true
	}
	return block{}, false
}

func (t tensorType) quantised() bool { return t != typeF32 && t != typeF16 }

// hasOffsets reports whether a weight has an offset beside scale times code.
func (t tensorType) hasOffsets() bool { return t == typeQ41 }

// Each method below extracts one component of every block in src, which holds complete blocks, and
// appends it to dst in ONNX's format: numbers as little-endian float32.

// floats extracts the weights themselves, from F32 and F16.
func (t tensorType) floats(dst, src []byte) []byte {
	if t == typeF32 {
		return append(dst, src...)
	}
	for ; len(src) >= 2; src = src[2:] {
		dst = appendFloat(dst, half(src))
	}
	return dst
}

// scales extracts d of each block.
func (t tensorType) scales(dst, src []byte) []byte {
	size, _ := t.block()
	for ; len(src) > 0; src = src[size.bytes:] {
		dst = appendFloat(dst, half(src))
	}
	return dst
}

// offsets extracts m+8d of each block of Q4_1: a weight minus d*(q-8).
func (t tensorType) offsets(dst, src []byte) []byte {
	size, _ := t.block()
	for ; len(src) > 0; src = src[size.bytes:] {
		dst = appendFloat(dst, half(src[2:])+8*half(src))
	}
	return dst
}

// codes4 extracts q of each block of Q4_0 and Q4_1, two adjacent weights to a byte: MatMulNBits
// reads weights 0 and 1 from the first byte, 2 and 3 from the second.
func (t tensorType) codes4(dst, src []byte) []byte {
	size, _ := t.block()
	for ; len(src) > 0; src = src[size.bytes:] {
		q := src[size.bytes-16 : size.bytes]
		for i := 0; i < 16; i += 2 {
			dst = append(dst, q[i]&15|q[i+1]<<4)
		}
		for i := 0; i < 16; i += 2 {
			dst = append(dst, q[i]>>4|q[i+1]&0xf0)
		}
	}
	return dst
}

// codes8 extracts q of each block as a byte with the zero point 128, which represents the codes of
// the four-bit types exactly.
func (t tensorType) codes8(dst, src []byte) []byte {
	size, _ := t.block()
	for ; len(src) > 0; src = src[size.bytes:] {
		if t == typeQ80 {
			for _, q := range src[2:size.bytes] {
				dst = append(dst, q^0x80)
			}
			continue
		}
		q := src[size.bytes-16 : size.bytes]
		for _, pair := range q {
			dst = append(dst, pair&15+128-8)
		}
		for _, pair := range q {
			dst = append(dst, pair>>4+128-8)
		}
	}
	return dst
}

func half(b []byte) float32 { return onnx.Float16(binary.LittleEndian.Uint16(b)).Float32() }

func appendFloat(dst []byte, f float32) []byte {
	return binary.LittleEndian.AppendUint32(dst, math.Float32bits(f))
}
