package pixels

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"penstock/clip/internal/rows"
)

// A gifFrame is what stands before the data of a GIF's first frame.
type gifFrame struct {
	canvas, size, corner image.Point
	colours              [256][3]byte
	around               byte // the index of what the frame leaves of the canvas
	interlaced           bool
	width                int // bits of a literal
	data                 []byte
}

// openGIF parses the container itself, because Go's decoder refuses frames that reach beyond the
// canvas, data that goes on after the last pixel, indices without a colour and unknown extensions.
// Browsers and Pillow read them all.
func openGIF(data []byte) (picture, error) {
	f, err := parseGIF(data)
	if f == nil {
		return picture{}, err
	}
	p := picture{orientation: 1}
	p.Picture = rows.Picture{Width: f.canvas.X, Height: f.canvas.Y, Memory: area(f.size)}
	p.Decode = func(context.Context) (rows.Reader, error) {
		if err != nil { // a picture that is too large is refused for that
			return nil, err
		}
		memory := buffers.Get().(*[]byte)
		*memory = grown(*memory, f.size.X*f.size.Y)
		if err := f.decode(*memory); err != nil {
			buffers.Put(memory)
			return nil, err
		}
		return lent(memory, f.canvas.Y, inOrder(f.rows(*memory))), nil
	}
	return p, nil
}

// parseGIF reads up to the data of the first frame. If it fails after the size of the canvas, it
// returns a frame with this alone.
func parseGIF(data []byte) (*gifFrame, error) {
	r := &gifReader{data: data}
	screen := r.take(13)
	if screen == nil {
		return nil, io.ErrUnexpectedEOF
	}
	f := &gifFrame{canvas: gifPoint(screen[6:])}
	table := r.palette(screen[10])
	for {
		block := r.take(1)
		switch {
		case block == nil:
			return f, io.ErrUnexpectedEOF
		case block[0] == ';':
			return f, errors.New("gif: there is no frame")
		case block[0] == '!':
			kind := r.take(1)
			body, more := r.block()
			if kind != nil && kind[0] == 0xf9 && len(body) >= 4 && body[0]&1 != 0 {
				f.around = body[3]
			}
			for more {
				_, more = r.block()
			}
		case block[0] == ',':
			return f, f.descriptor(r, table)
		}
	}
}

// descriptor reads what stands before the frame's data. table is the palette of all frames.
func (f *gifFrame) descriptor(r *gifReader, table []byte) error {
	head := r.take(9)
	if head == nil {
		return io.ErrUnexpectedEOF
	}
	f.corner, f.size = gifPoint(head), gifPoint(head[4:])
	far := f.corner.Add(f.size)
	f.canvas = image.Pt(max(f.canvas.X, far.X), max(f.canvas.Y, far.Y))
	f.interlaced = head[8]&0x40 != 0
	if local := r.palette(head[8]); local != nil {
		table = local
	}
	f.setColours(table)
	width := r.take(1)
	if width == nil || r.short {
		return io.ErrUnexpectedEOF
	}
	if f.width = int(width[0]); f.width < 1 || f.width > 8 {
		return errors.New("gif: codes of an invalid size")
	}
	f.data = r.data[r.at:]
	return nil
}

// setColours sets what an index shows. Where there is no palette, or one that makes every index the
// grey of that number, all indices are greys; else an index without a colour is black.
func (f *gifFrame) setColours(table []byte) {
	greys := true
	for i := 0; 3*i < len(table); i++ {
		f.colours[i] = [3]byte(table[3*i:])
		greys = greys && f.colours[i] == grey(i)
	}
	if greys {
		for i := range f.colours {
			f.colours[i] = grey(i)
		}
	}
}

func grey(i int) [3]byte { return [3]byte{byte(i), byte(i), byte(i)} }

func gifPoint(b []byte) image.Point {
	return image.Pt(int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])))
}

// A gifReader reads the parts of a GIF in order.
type gifReader struct {
	data  []byte
	at    int
	short bool // something was cut short
}

// take returns the next n bytes, or nil if there are fewer.
func (r *gifReader) take(n int) []byte {
	if r.at+n > len(r.data) {
		r.at, r.short = len(r.data), true
		return nil
	}
	r.at += n
	return r.data[r.at-n : r.at]
}

// palette returns the palette that flags announce: nil if none.
func (r *gifReader) palette(flags byte) []byte {
	if flags&0x80 == 0 {
		return nil
	}
	return r.take(3 << (1 + flags&7))
}

// block returns the next of the blocks that data comes in. The last one is empty.
func (r *gifReader) block() (body []byte, more bool) {
	size := r.take(1)
	if size == nil {
		return nil, false
	}
	body = r.take(int(size[0]))
	return body, len(body) > 0
}

// rows shows the frame on its canvas. Transparency is dropped: around the frame is the colour that
// the palette has for the transparent index, or for index 0.
func (f *gifFrame) rows(indices []byte) func(int, []byte) {
	return func(y int, rgb []byte) {
		around := f.colours[f.around]
		for i := 0; i < len(rgb); i += 3 {
			copy(rgb[i:i+3], around[:])
		}
		at := y - f.corner.Y
		if at < 0 || at >= f.size.Y {
			return
		}
		if f.interlaced {
			at = interlacedRow(at, f.size.Y)
		}
		out := rgb[3*f.corner.X:]
		for x, index := range indices[at*f.size.X : (at+1)*f.size.X] {
			copy(out[3*x:3*x+3], f.colours[index][:])
		}
	}
}

// interlacedRow is where a row is stored in a frame of four passes: every eighth row, the rows in
// the middle between them, then between those, and then every second row.
func interlacedRow(y, height int) int {
	at := 0
	for _, pass := range [...]struct{ from, step int }{{0, 8}, {4, 8}, {2, 4}, {1, 2}} {
		if y%pass.step == pass.from {
			return at + y/pass.step
		}
		if height > pass.from {
			at += (height - pass.from + pass.step - 1) / pass.step
		}
	}
	return at
}
