package onnx_test

import (
	"math"
	"testing"

	"penstock/onnx"
)

func TestFloat16(t *testing.T) {
	for _, c := range []struct {
		f float32
		h onnx.Float16
	}{
		{0, 0x0000},
		{1, 0x3c00},
		{-2, 0xc000},
		{65504, 0x7bff},
		{0.333251953125, 0x3555},
		{0x1p-14, 0x0400},
		{0x1p-24, 0x0001},
		{0x1.ff8p-15, 0x03ff},
		{float32(math.Inf(1)), 0x7c00},
		{float32(math.Inf(-1)), 0xfc00},
		{float32(math.Copysign(0, -1)), 0x8000},
	} {
		if got := onnx.ToFloat16(c.f); got != c.h {
			t.Errorf("ToFloat16(%g) = %#04x, want %#04x", c.f, got, c.h)
		}
		if got := c.h.Float32(); math.Float32bits(got) != math.Float32bits(c.f) {
			t.Errorf("%#04x is %g, want %g", c.h, got, c.f)
		}
	}
	for _, c := range []struct { // not representable
		f float32
		h onnx.Float16
	}{
		{65519, 0x7bff},
		{65520, 0x7c00},
		{-1e9, 0xfc00},
		{0x1p-25, 0x0000},
		{0x1.8p-25, 0x0001},
		{0x1.8p-24, 0x0002},
		{0x1.ffcp-15, 0x0400},
		{1 + 0x1p-11, 0x3c00},
		{1 + 0x3p-11, 0x3c02},
		{1 + 0x1.2p-11, 0x3c01},
		{2 - 0x1p-12, 0x4000},
	} {
		if got := onnx.ToFloat16(c.f); got != c.h {
			t.Errorf("ToFloat16(%g) = %#04x, want %#04x", c.f, got, c.h)
		}
	}
	for bits := range 1 << 16 {
		h := onnx.Float16(bits)
		f := h.Float32()
		if math.IsNaN(float64(f)) {
			if again := onnx.ToFloat16(f).Float32(); !math.IsNaN(float64(again)) {
				t.Fatalf("%#04x is NaN, but converts back to %g", h, again)
			}
		} else if back := onnx.ToFloat16(f); back != h {
			t.Fatalf("%#04x is %g, which becomes %#04x", h, f, back)
		}
	}
}
