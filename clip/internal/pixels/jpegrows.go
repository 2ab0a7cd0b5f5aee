package pixels

import (
	"penstock/clip/internal/jpeg"
	"penstock/clip/internal/rows"
)

// jpegRows combines a JPEG's planes as libjpeg-turbo and Pillow do: planes of half size are
// enlarged by triangle filtering ("fancy upsampling", jdsample.c), smaller ones by repetition, and
// the colours are those of jdcolor.c and, for inks, of cmyk2rgb in Pillow's Convert.c.
func jpegRows(j *jpeg.Picture, planes []jpeg.Plane) rows.Reader {
	lines := make([][]byte, len(planes))
	longest := 0
	for i, p := range planes {
		lines[i] = make([]byte, p.Across*p.Width)
		longest = max(longest, p.Width)
	}
	sums := make([]int32, longest)
	width, y := j.Width, 0
	return func(rgb []byte) error {
		if err := j.Reach(y); err != nil {
			return err
		}
		for i, p := range planes {
			plane{p.Pix, p.Stride, p.Rows, p.Width, p.Height}.upsample(y, p.Across, p.Down, lines[i], sums[:p.Width])
		}
		switch j.Model {
		case jpeg.Grey:
			copyLines(rgb, lines[0], lines[0], lines[0])
		case jpeg.RGB:
			copyLines(rgb, lines[0], lines[1], lines[2])
		case jpeg.YCbCr:
			convertLines(rgb, lines[0][:width], lines[1], lines[2])
		case jpeg.CMYK:
			copyLines(rgb, lines[0], lines[1], lines[2])
			addBlack(rgb, lines[3])
		case jpeg.YCCK:
			convertLines(rgb, lines[0][:width], lines[1], lines[2])
			negate(rgb)
			addBlack(rgb, lines[3])
		}
		y++
		return nil
	}
}

// jpegLines is how many bytes jpegRows takes, at most: a line of each of four planes, padded, and
// of sums.
func jpegLines(width int) int64 { return 8 * (int64(width) + 4) }

func copyLines(rgb, red, green, blue []byte) {
	for i, x := 0, 0; i+2 < len(rgb); i, x = i+3, x+1 {
		rgb[i], rgb[i+1], rgb[i+2] = red[x], green[x], blue[x]
	}
}

func convertLines(rgb, luma, cb, cr []byte) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		p := rgb[3*x : 3*x+3 : 3*x+3]
		y, u, v := int32(l), int32(cb[x])-128, int32(cr[x])-128
		// The factors are libjpeg's FIX(1.402), FIX(0.34414), FIX(0.71414), FIX(1.772).
		p[0] = clamp(y + (91881*v+1<<15)>>16)
		p[1] = clamp(y + (-22554*u-46802*v+1<<15)>>16)
		p[2] = clamp(y + (116130*u+1<<15)>>16)
	}
}

// negate makes inks of the colours that a YCCK picture's first three planes are, or the reverse.
func negate(line []byte) {
	for i, v := range line {
		line[i] = ^v
	}
}

// addBlack applies the fourth ink to rgb, which is what three inks leave of white. (Files hold it
// inverted, as it is here; Pillow converts it to inks and back.)
func addBlack(rgb, black []byte) {
	for i := range rgb {
		white := int(black[i/3])
		ink := (255-int(rgb[i]))*white + 128
		rgb[i] = uint8(white - (ink>>8+ink)>>8)
	}
}

func clamp(v int32) byte { return byte(min(255, max(0, v))) }
