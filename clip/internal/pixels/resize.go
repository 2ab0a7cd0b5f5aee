package pixels

import (
	"runtime"
	"sync"
)

// A layout is the position of a picture of one size in the output: it is resized to width x height,
// and of that the box at left, top becomes the output. A box that reaches beyond the resized
// picture is filled with black there (left and top may be negative).
type layout struct {
	width, height int // after resizing
	left, top     int // of the box
	boxW, boxH    int
}

// span is the part of the box that the picture covers along one side: from..to-1 of the resized
// picture.
func span(start, length, size int) (from, to int) {
	return max(0, start), max(0, min(size, start+length))
}

// A scratch is the working memory of one resizing; it is used again.
type scratch struct {
	source []byte  // one source row, RGB
	line   []byte  // the same, resized and cropped
	sums   []int32 // of every output sample, precision bits behind the point
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// grown returns s with n elements of unknown content, in the same memory if it is large enough.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// resize writes r, resized and cropped according to l, into out: boxH rows of boxW RGB pixels.
//
// It is Pillow's ImagingResample for 8-bit samples: rows first, rounded to 8 bits, then columns.
// Instead of an intermediate picture, each finished row is added at once to the sums of the output
// rows it is part of, so that the memory depends on the output's size alone; and rows and columns
// outside the crop are never computed. Neither changes a bit of the result.
func (r raster) resize(l layout, f filter, out []byte) {
	fromX, toX := span(l.left, l.boxW, l.width)
	fromY, toY := span(l.top, l.boxH, l.height)
	if fromX >= toX || fromY >= toY || toX-fromX < l.boxW || toY-fromY < l.boxH {
		clear(out)
	}
	if fromX >= toX || fromY >= toY {
		return
	}
	across := f.tapsFor(r.width, l.width, fromX, toX)
	down := f.tapsFor(r.height, l.height, fromY, toY)

	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	stride := 3 * (toX - fromX)
	b.source = grown(b.source, 3*r.width)
	b.line = grown(b.line, stride)
	b.sums = grown(b.sums, stride*len(down))
	for i := range b.sums {
		b.sums[i] = 1 << (precision - 1)
	}

	done := 0 // output rows that are finished
	for y := down[0].first; y < down[len(down)-1].end(); y++ {
		if y%64 == 0 {
			runtime.Gosched() // as while decoding (package internal/jpeg)
		}
		r.row(y, b.source)
		resizeRow(b.source, across, b.line)
		for i := done; i < len(down) && down[i].first <= y; i++ {
			if k := y - down[i].first; k < len(down[i].weights) {
				addScaled(b.sums[i*stride:(i+1)*stride], b.line, down[i].weights[k])
			}
		}
		for done < len(down) && down[done].end() <= y+1 {
			at := 3 * ((fromY-l.top+done)*l.boxW + fromX - l.left)
			round(out[at:at+stride], b.sums[done*stride:(done+1)*stride])
			done++
		}
	}
}

// resizeRow resizes one row of RGB pixels.
func resizeRow(source []byte, across []taps, line []byte) {
	for i, t := range across {
		pixels := source[3*t.first : 3*t.end()]
		red, green, blue := int32(1<<(precision-1)), int32(1<<(precision-1)), int32(1<<(precision-1))
		for _, w := range t.weights {
			p := pixels[:3:3]
			red += int32(p[0]) * w
			green += int32(p[1]) * w
			blue += int32(p[2]) * w
			pixels = pixels[3:]
		}
		line[3*i], line[3*i+1], line[3*i+2] = clip8(red), clip8(green), clip8(blue)
	}
}

func addScaled(sums []int32, line []byte, w int32) {
	line = line[:len(sums)]
	for i, v := range line {
		sums[i] += int32(v) * w
	}
}

func round(out []byte, sums []int32) {
	out = out[:len(sums)]
	for i, s := range sums {
		out[i] = clip8(s)
	}
}

func clip8(sum int32) byte { return byte(min(255, max(0, sum>>precision))) }
