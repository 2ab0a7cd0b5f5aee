package tiff

import "math"

// pillowYCbCr is Pillow's own conversion, with fractions of 6 bits.
func (l *layout) pillowYCbCr() func(row, rgb []byte) {
	var redCr, greenCb, greenCr, blueCb [256]int
	for i := range 256 {
		scaled := func(factor float64) int { return int(factor*64*float64(i-128) + 0.5) }
		redCr[i], greenCb[i], greenCr[i], blueCb[i] = scaled(1.402), scaled(-0.34414), scaled(-0.71414), scaled(1.772)
	}
	return func(row, rgb []byte) {
		for x := range l.width {
			p, out := row[x*l.samples:], rgb[3*x:3*x+3:3*x+3]
			y, cb, cr := int(p[0]), p[1], p[2]
			out[0] = clamp(y + redCr[cr]>>6)
			out[1] = clamp(y + (greenCb[cb]+greenCr[cr])>>6)
			out[2] = clamp(y + blueCb[cb]>>6)
		}
	}
}

// A yCbCr is libtiff's conversion: TIFFYCbCrToRGBInit and TIFFYCbCrtoRGB of tif_color.c.
type yCbCr struct {
	luma             [3]float32 // of red, green and blue
	range0           [6]float32 // black and white of each sample
	y, redCr, blueCb [256]int32
	greenCr, greenCb [256]int32
}

func (l *layout) libtiffYCbCr() (converter, error) {
	t := &yCbCr{luma: [3]float32{0.299, 0.587, 0.114}, range0: [6]float32{0, 255, 128, 255, 128, 255}}
	for tag, values := range map[uint16][]float32{tagCoefficients: t.luma[:], tagBlackWhite: t.range0[:]} {
		f, ok := l.fields[tag]
		if !ok || f.count < len(values) {
			continue
		}
		for i := range values {
			values[i] = f.real(i)
			if v := float64(values[i]); math.IsNaN(v) || math.Abs(v) > math.MaxInt32/2 {
				return converter{}, broken("YCbCr's coefficients are invalid")
			}
		}
	}
	if t.luma[1] == 0 {
		return converter{}, broken("YCbCr's coefficients are invalid")
	}
	return converter{memory: 5 * 4 * 256, begin: func() func(row, rgb []byte) {
		t.prepare()
		return func(row, rgb []byte) { t.convert(row, rgb, l.width, l.samples) }
	}}, nil
}

// fixed is a factor as a number of 16 bits of fraction.
func fixed(f float32) int32 { return int32(float64(min(2, max(0, f)))*65536 + 0.5) }

// code spreads a sample from black..white to 0..size.
func code(v float32, black, white, size float32) int32 {
	width := white - black
	if width == 0 {
		width = 1
	}
	return int32(min(128*32, max(-128*32, (v-float32(int32(black)))*size/width)))
}

func (t *yCbCr) prepare() {
	f1 := 2 - 2*t.luma[0]
	f3 := 2 - 2*t.luma[2]
	d1, d2 := fixed(f1), -fixed(t.luma[0]*f1/t.luma[1])
	d3, d4 := fixed(f3), -fixed(t.luma[2]*f3/t.luma[1])
	const half = 1 << 15
	for i := range 256 {
		x := float32(i - 128)
		cr, cb := code(x, t.range0[4]-128, t.range0[5]-128, 127), code(x, t.range0[2]-128, t.range0[3]-128, 127)
		t.redCr[i], t.blueCb[i] = (d1*cr+half)>>16, (d3*cb+half)>>16
		t.greenCr[i], t.greenCb[i] = d2*cr, d4*cb+half
		t.y[i] = code(float32(i), t.range0[0], t.range0[1], 255)
	}
}

func (t *yCbCr) convert(row, rgb []byte, width, step int) {
	for x := range width {
		p, out := row[x*step:], rgb[3*x:3*x+3:3*x+3]
		y, cb, cr := t.y[p[0]], p[1], p[2]
		out[0] = clamp(int(y + t.redCr[cr]))
		out[1] = clamp(int(y + (t.greenCb[cb]+t.greenCr[cr])>>16))
		out[2] = clamp(int(y + t.blueCb[cb]))
	}
}
