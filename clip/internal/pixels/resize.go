package pixels

import (
	"runtime"
	"sync"

	"penstock/clip/internal/rows"
)

// A scratch is the working memory of one resizing; it is used again.
type scratch struct {
	source []byte  // one row of the file, RGB
	sums   []int32 // of the lines that are being added up, precision bits behind the point
	added  []byte  // one of them, rounded
	line   []byte  // resized and cropped
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// grown returns s with n elements of unknown content, in the same memory if it is large enough.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// resize reads the rows of a picture to its end, and writes it into out, upright, resized and
// cropped according to l: boxH rows of boxW RGB pixels.
//
// It is Pillow's ImagingResample for 8-bit samples: one direction first, rounded to 8 bits, then
// the other. Instead of an intermediate picture, each row is added at once to the sums of the
// output lines it is part of, so that only a few lines are in memory; and rows and columns outside
// the crop are never computed. Neither changes a bit of the result.
func resize(read rows.Reader, s stored, l layout, f filter, out []byte) error {
	p := planFor(s, l, f)
	if len(p.across)*len(p.down) < l.boxW*l.boxH {
		clear(out)
	}
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	b.source = grown(b.source, 3*s.width)
	b.line = grown(b.line, 3*len(p.across))
	stride := len(b.line)
	if !p.acrossFirst {
		stride = 3 * (p.to - p.from)
		b.added = grown(b.added, stride)
		for i := range p.across {
			p.across[i].first -= p.from
		}
	}
	b.sums = grown(b.sums, stride*p.active)
	sums := func(i int) []int32 {
		i %= p.active
		return b.sums[i*stride : (i+1)*stride]
	}

	begun, done := 0, 0 // lines of down
	for y := range s.height {
		if y%64 == 0 {
			runtime.Gosched() // as while decoding (package internal/jpeg)
		}
		if err := read(b.source); err != nil {
			return err
		}
		if done == len(p.down) || y < p.down[done].first {
			continue
		}
		line := b.source[3*p.from : 3*p.to]
		if p.acrossFirst {
			line = b.line
			resizeRow(b.source, p.across, line)
		}
		for ; begun < len(p.down) && p.down[begun].first <= y; begun++ {
			fill(sums(begun), 1<<(precision-1))
		}
		for i := done; i < begun; i++ {
			if k := y - p.down[i].first; k < len(p.down[i].weights) {
				addScaled(sums(i), line, p.down[i].weights[k])
			}
		}
		for ; done < begun && p.down[done].end() <= y+1; done++ {
			if p.acrossFirst {
				round(b.line, sums(done))
			} else {
				round(b.added, sums(done))
				resizeRow(b.added, p.across, b.line)
			}
			p.write(out, b.line, done)
		}
	}
	return nil
}

// write puts the line of down[i] where it belongs.
func (p *plan) write(out, line []byte, i int) {
	at := 3 * (p.at + i*p.below)
	if p.right == 1 {
		copy(out[at:], line)
		return
	}
	for ; len(line) > 0; line = line[3:] {
		copy(out[at:at+3], line)
		at += 3 * p.right
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

func fill(sums []int32, v int32) {
	for i := range sums {
		sums[i] = v
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
