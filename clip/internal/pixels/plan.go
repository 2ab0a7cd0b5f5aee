package pixels

import (
	"math"
	"slices"
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

// A stored picture is one as its file holds it, width x height, and the EXIF orientation, 1 to 8,
// that turns it upright.
type stored struct{ width, height, orientation int }

// transposed reports whether the rows of s are columns of the upright picture.
func (s stored) transposed() bool { return s.orientation >= 5 }

// upright is the size of the upright picture.
func (s stored) upright() (width, height int) {
	if s.transposed() {
		return s.height, s.width
	}
	return s.width, s.height
}

// mirrored reports in which directions s runs backwards, compared with the upright picture.
func (s stored) mirrored() (across, down bool) {
	switch s.orientation {
	case 2, 8:
		return true, false
	case 3, 7:
		return true, true
	case 4, 6:
		return false, true
	}
	return false, false
}

// A plan is how rows in the order of the file become an upright, resized and cropped output.
type plan struct {
	across, down []taps // of the columns and rows of the file, in its order
	acrossFirst  bool   // rows are resized before they are added up, not afterwards
	from, to     int    // the columns that are needed
	active       int    // how many outputs of down need one row, at most

	// Where the outputs are written: that of across[0] and down[0], and the distances to the next
	// ones, all in pixels.
	at, right, below int
}

// planFor returns the plan for a picture: one without taps where the box has nothing of it.
//
// Which direction is first decides on how results are rounded. It is chosen as in
// ImagingResampleInner of Pillow's Resample.c, by the size of the upright picture. What is across
// there is down in a transposed file.
func planFor(s stored, l layout, f filter) plan {
	fromX, toX := span(l.left, l.boxW, l.width)
	fromY, toY := span(l.top, l.boxH, l.height)
	if fromX >= toX || fromY >= toY {
		return plan{}
	}
	width, height := s.upright()
	p := plan{
		across: f.tapsFor(width, l.width, fromX, toX), down: f.tapsFor(height, l.height, fromY, toY),
		acrossFirst: acrossFirst(s, l, f),
		at:          (fromY-l.top)*l.boxW + fromX - l.left, right: 1, below: l.boxW,
	}
	if s.transposed() {
		p.across, p.down, p.right, p.below = p.down, p.across, p.below, p.right
	}
	acrossBack, downBack := s.mirrored()
	if acrossBack {
		mirror(p.across, s.width)
		p.at, p.right = p.at+(len(p.across)-1)*p.right, -p.right
	}
	if downBack {
		mirror(p.down, s.height)
		p.at, p.below = p.at+(len(p.down)-1)*p.below, -p.below
	}
	p.from, p.to = p.across[0].first, p.across[len(p.across)-1].end()
	next := 0
	for i, t := range p.down {
		for next < len(p.down) && p.down[next].first < t.end() {
			next++
		}
		p.active = max(p.active, next-i)
	}
	return p
}

// acrossFirst reports whether the rows of the file are resized before they are added up.
func acrossFirst(s stored, l layout, f filter) bool {
	if f.weight == nil { // nothing is rounded
		return true
	}
	width, height := s.upright()
	downFirst := height > l.height && height-l.height > 2*(width-l.width)
	return downFirst == s.transposed()
}

// mirror converts taps of samples that are numbered from the other end of a side.
func mirror(all []taps, side int) {
	for i, t := range all {
		slices.Reverse(t.weights)
		all[i].first = side - t.end()
	}
	slices.Reverse(all)
}

// resizeMemory is how many bytes resizing takes, at most.
func resizeMemory(s stored, l layout, f filter) int64 {
	fromX, toX := span(l.left, l.boxW, l.width)
	fromY, toY := span(l.top, l.boxH, l.height)
	width, height := s.upright()
	across, down := demand{f, width, l.width, toX - fromX}, demand{f, height, l.height, toY - fromY}
	if s.transposed() {
		across, down = down, across
	}
	columns := across.outputs
	if !acrossFirst(s, l, f) {
		columns = across.samples()
	}
	const sum, pixel = 4, 3
	lines := pixel * (int64(s.width) + int64(columns) + int64(across.outputs))
	return across.memory() + down.memory() + lines + sum*pixel*int64(columns)*int64(down.active())
}

// A demand is what resizing in one direction needs: so many outputs of in samples resized to out.
type demand struct {
	filter           filter
	in, out, outputs int
}

func (d demand) scale() float64 { return float64(d.in) / float64(d.out) }

// reach is how many samples one output is made of.
func (d demand) reach() float64 { return 2*d.filter.support*max(1, d.scale()) + 1 }

// samples is how many samples all outputs are made of, at most.
func (d demand) samples() int {
	return int(min(float64(d.in), float64(d.outputs)*d.scale()+d.reach()+2))
}

// active is how many outputs need the same sample, at most.
func (d demand) active() int { return int(min(float64(d.outputs), d.reach()/d.scale()+2)) }

// memory is what the taps take, at most.
func (d demand) memory() int64 {
	const header, weight, exact = 32, 4, 8
	most := int64(math.Ceil(d.reach())) + 2
	return int64(d.outputs)*(header+weight*most) + exact*most
}
