package pixels

// A plane is one plane of a picture, width x height samples. Row y is row y % rows of pix.
type plane struct {
	pix                         []byte
	stride, rows, width, height int
}

func (p plane) line(y int) []byte {
	y = min(max(0, y), p.height-1) % p.rows
	return p.pix[y*p.stride : y*p.stride+p.width]
}

// upsample writes the samples of pixel row y into out, across*width of them. sums is scratch, width
// long.
func (p plane) upsample(y, across, down int, out []byte, sums []int32) {
	near := p.line(y / down)
	// The nearest neighbour of near: above it for even rows, below for odd ones.
	other := p.line(y/2 - 1 + 2*(y%2))
	switch {
	case across == 1 && down == 1:
		copy(out, near)
	case across == 1 && down == 2: // h1v2_fancy_upsample
		bias := 1 + y%2
		for x := range near {
			out[x] = byte((3*int(near[x]) + int(other[x]) + bias) >> 2)
		}
	case across == 2 && down == 1 && p.width > 2: // h2v1_fancy_upsample
		for x, c := range near {
			sums[x] = int32(c)
		}
		widen(out, sums, 1, 2, 2)
	case across == 2 && down == 2 && p.width > 2: // h2v2_fancy_upsample
		for x := range near {
			sums[x] = 3*int32(near[x]) + int32(other[x])
		}
		widen(out, sums, 8, 7, 4)
	default: // int_upsample
		for x := range out {
			out[x] = near[x/across]
		}
	}
}

// widen doubles a line: each output is three parts its sample and one part the neighbour on its
// side. left and right are added before shifting; they differ so that rounding errors do not add
// up.
func widen(out []byte, sums []int32, left, right int32, shift uint) {
	last := len(sums) - 1
	for x, s := range sums {
		before, after := sums[max(0, x-1)], sums[min(last, x+1)]
		out[2*x] = byte((3*s + before + left) >> shift)
		out[2*x+1] = byte((3*s + after + right) >> shift)
	}
}
