package jpeg

// A block is 8x8 coefficients, row by row.
type block [64]int16

// natural is the position in a block of each coefficient. Files hold them in zigzag order.
var natural = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// Fixed-point constants of libjpeg's jidctint.c: the number in the name, times 2^13.
const (
	constBits = 13
	pass1Bits = 2

	fix0_298631336 = 2446
	fix0_390180644 = 3196
	fix0_541196100 = 4433
	fix0_765366865 = 6270
	fix0_899976223 = 7373
	fix1_175875602 = 9633
	fix1_501321110 = 12299
	fix1_847759065 = 15137
	fix1_961570560 = 16069
	fix2_053119869 = 16819
	fix2_562915447 = 20995
	fix3_072711026 = 25172
)

// inverse writes the samples that a block encodes: libjpeg's jpeg_idct_islow, the "slow integer"
// transform by Loeffler, Ligtenberg and Moschytz, with the same roundings.
func (b *block) inverse(quant *[64]int32, out []byte, stride int) {
	const (
		half1, shift1 = 1 << (constBits - pass1Bits - 1), constBits - pass1Bits
		half2, shift2 = 1 << (constBits + pass1Bits + 2), constBits + pass1Bits + 3
	)
	var work [64]int32
	for x := range 8 {
		// A column of nothing but its first coefficient is common.
		if b[8+x]|b[16+x]|b[24+x]|b[32+x]|b[40+x]|b[48+x]|b[56+x] == 0 {
			v := int32(b[x]) * quant[x] << pass1Bits
			work[x], work[8+x], work[16+x], work[24+x] = v, v, v, v
			work[32+x], work[40+x], work[48+x], work[56+x] = v, v, v, v
			continue
		}
		a0, a1, a2, a3 := even(int32(b[x])*quant[x], int32(b[16+x])*quant[16+x], int32(b[32+x])*quant[32+x], int32(b[48+x])*quant[48+x])
		b0, b1, b2, b3 := odd(int32(b[8+x])*quant[8+x], int32(b[24+x])*quant[24+x], int32(b[40+x])*quant[40+x], int32(b[56+x])*quant[56+x])
		work[x], work[56+x] = (a0+b3+half1)>>shift1, (a0-b3+half1)>>shift1
		work[8+x], work[48+x] = (a1+b2+half1)>>shift1, (a1-b2+half1)>>shift1
		work[16+x], work[40+x] = (a2+b1+half1)>>shift1, (a2-b1+half1)>>shift1
		work[24+x], work[32+x] = (a3+b0+half1)>>shift1, (a3-b0+half1)>>shift1
	}
	for y := range 8 {
		w := (*[8]int32)(work[8*y:])
		row := (*[8]byte)(out[y*stride:])
		if w[1]|w[2]|w[3]|w[4]|w[5]|w[6]|w[7] == 0 {
			v := sample((w[0] + 1<<(pass1Bits+2)) >> (pass1Bits + 3))
			*row = [8]byte{v, v, v, v, v, v, v, v}
			continue
		}
		a0, a1, a2, a3 := even(w[0], w[2], w[4], w[6])
		b0, b1, b2, b3 := odd(w[1], w[3], w[5], w[7])
		row[0], row[7] = sample((a0+b3+half2)>>shift2), sample((a0-b3+half2)>>shift2)
		row[1], row[6] = sample((a1+b2+half2)>>shift2), sample((a1-b2+half2)>>shift2)
		row[2], row[5] = sample((a2+b1+half2)>>shift2), sample((a2-b1+half2)>>shift2)
		row[3], row[4] = sample((a3+b0+half2)>>shift2), sample((a3-b0+half2)>>shift2)
	}
}

// sample shifts a number around 0 into the range of a byte.
func sample(v int32) byte { return byte(min(255, max(0, v+128))) }

// even is the half of the one-dimensional transform of the even coefficients, odd that of the odd
// ones. The sums of their results are the transform's results from the first on, the differences
// those from the last back; all are multiplied by 2^13.
func even(s0, s2, s4, s6 int32) (a0, a1, a2, a3 int32) {
	z := (s2 + s6) * fix0_541196100
	e2, e3 := z-s6*fix1_847759065, z+s2*fix0_765366865
	e0, e1 := (s0+s4)<<constBits, (s0-s4)<<constBits
	return e0 + e3, e1 + e2, e1 - e2, e0 - e3
}

func odd(s1, s3, s5, s7 int32) (b0, b1, b2, b3 int32) {
	z1, z2 := -(s7+s1)*fix0_899976223, -(s5+s3)*fix2_562915447
	z5 := (s7 + s3 + s5 + s1) * fix1_175875602
	z3, z4 := z5-(s7+s3)*fix1_961570560, z5-(s5+s1)*fix0_390180644
	return s7*fix0_298631336 + z1 + z3, s5*fix2_053119869 + z2 + z4, s3*fix3_072711026 + z2 + z3, s1*fix1_501321110 + z1 + z4
}
