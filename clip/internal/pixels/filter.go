package pixels

import "math"

// precision is how many bits of a weight are behind the binary point: 32 bits, less 8 for the
// samples and 2 for sums that overshoot. It is PRECISION_BITS of Pillow's Resample.c.
const precision = 32 - 8 - 2

// A filter is a resampling kernel: weight(x) is zero where |x| > support. A support of 0 picks the
// nearest sample.
type filter struct {
	support float64
	weight  func(x float64) float64
}

// filters holds Pillow's kernels under Pillow's numbers (Image.Resampling), which
// preprocessor_config.json uses.
var filters = [...]filter{
	0: {0, nil}, // nearest
	1: {3, lanczos},
	2: {1, triangle},
	3: {2, cubic},
	4: {0.5, box},
	5: {1, hamming},
	6: {2.5, mks2013},
	7: {4.5, mks2021},
}

func box(x float64) float64 {
	if x > -0.5 && x <= 0.5 {
		return 1
	}
	return 0
}

func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

func hamming(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x == 0:
		return 1
	case x >= 1:
		return 0
	}
	x *= math.Pi
	return math.Sin(x) / x * (0.54 + float64(0.46*math.Cos(x)))
}

// cubic is Keys' kernel with a = -0.5.
func cubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64(float64((a+2)*x)-(a+3))*x*x) + 1
	case x < 2:
		return float64(float64(float64(float64(x-5)*x+8)*x-4) * a)
	}
	return 0
}

func lanczos(x float64) float64 {
	if x < -3 || x >= 3 {
		return 0
	}
	return sinc(x) * sinc(x/3)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// mks2013 and mks2021 are John Costella's "magic kernel sharp".
func mks2013(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 0.5:
		return 17.0/16 - float64(7.0/4*float64(x*x))
	case x < 1.5:
		return (1 - x) * (7.0/4 - x)
	case x < 2.5:
		return -1.0 / 8 * square(x-5.0/2)
	}
	return 0
}

func mks2021(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 0.5:
		return 577.0/576 - float64(239.0/144*float64(x*x))
	case x < 1.5:
		return float64(35.0/36*(x-1)) * (x - 239.0/140)
	case x < 2.5:
		return float64(1.0/6*(x-2)) * (65.0/24 - x)
	case x < 3.5:
		return float64(1.0/36*(x-3)) * (x - 15.0/4)
	case x < 4.5:
		return -1.0 / 288 * square(x-9.0/2)
	}
	return 0
}

func square(x float64) float64 { return float64(x * x) }

// taps are the source samples one output sample is made of: weights[k] belongs to source sample
// first+k. The weights are fixed point, precision bits behind the point.
type taps struct {
	first   int
	weights []int32
}

func (t taps) end() int { return t.first + len(t.weights) }

// tapsFor returns the taps of outputs from..to-1 when in samples are resized to out. It is
// precompute_coeffs and normalize_coeffs_8bpc of Pillow's Resample.c, for the outputs that are
// needed only.
func (f filter) tapsFor(in, out, from, to int) []taps {
	if f.weight == nil || in == out { // some filters change a picture even if its size is kept
		return nearest(in, out, from, to)
	}
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := f.support * stretch
	all := make([]taps, 0, to-from)
	most := int(math.Ceil(support))*2 + 1
	exact := make([]float64, 0, most)
	fixed := make([]int32, 0, most*(to-from)) // all weights are slices of it
	for i := from; i < to; i++ {
		center := (float64(i) + 0.5) * scale
		first := max(0, int(center-support+0.5))
		end := min(in, int(center+support+0.5))
		exact = exact[:0]
		sum := 0.0
		for k := first; k < end; k++ {
			w := f.weight((float64(k) - center + 0.5) * (1 / stretch))
			exact = append(exact, w)
			sum += w
		}
		start := len(fixed)
		for _, w := range exact {
			if sum != 0 {
				w /= sum
			}
			fixed = append(fixed, int32(float64(w*(1<<precision))+math.Copysign(0.5, w)))
		}
		all = append(all, taps{first, fixed[start:]})
	}
	return all
}

// nearest returns the one source sample of each output. The position is summed up step by step, as
// ImagingScaleAffine of Pillow's Geometry.c does, so that rounding errors are the same.
func nearest(in, out, from, to int) []taps {
	all := make([]taps, 0, to-from)
	step := float64(in) / float64(out)
	at := step * 0.5
	for i := range to {
		if i >= from {
			all = append(all, taps{min(int(at), in-1), []int32{1 << precision}})
		}
		at += step
	}
	return all
}
