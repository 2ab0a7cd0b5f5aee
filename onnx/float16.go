package onnx

import "math"

// Float16 holds the bits of an IEEE 754 half-precision number: one sign bit, five of exponent (bias
// 15), ten of fraction.
type Float16 uint16

// ToFloat16 rounds f to the nearest Float16, ties to even. Values out of range become infinities;
// NaN stays NaN.
func ToFloat16(f float32) Float16 {
	bits := math.Float32bits(f)
	sign := Float16(bits >> 16 & 0x8000)
	bits &= 0x7fffffff
	switch {
	case bits > 0x7f800000:
		return sign | 0x7e00
	case bits >= 0x477ff000: // 65520, the smallest that rounds to infinity
		return sign | 0x7c00
	case bits < 0x38800000:
		// Below 2^-14 a Float16 is a multiple of 2^-24. Adding 0.5, whose last place is 2^-24,
		// makes the processor do the rounding.
		shifted := math.Float32frombits(bits) + 0.5
		return sign | Float16(math.Float32bits(shifted)-math.Float32bits(0.5))
	}
	odd := bits >> 13 & 1
	bits += 0xfff + odd // round half to even at bit 13; a carry increments the exponent
	return sign | Float16((bits-(127-15)<<23)>>13)
}

// Float32 returns the value of h, which float32 represents exactly.
func (h Float16) Float32() float32 {
	sign := uint32(h&0x8000) << 16
	rest := uint32(h & 0x7fff)
	switch {
	case rest >= 0x7c00: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | rest<<13&0x7fffff)
	case rest < 0x400: // zero and subnormals: multiples of 2^-24
		f := float32(rest) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(f))
	}
	return math.Float32frombits(sign | (rest<<13 + (127-15)<<23))
}
