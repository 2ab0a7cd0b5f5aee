package pixels

import "image"

// gifRows shows a GIF's first frame on its canvas as Pillow does: around the frame, and where it is
// transparent, is the colour that the palette has for the transparent index, or for index 0.
func gifRows(data []byte, frame *image.Paletted, width, height int) raster {
	r := rasterOf(frame)
	transparent, table := gifTransparency(data)
	around := max(0, transparent)
	var colour [3]byte
	if 3*around+3 <= len(table) {
		colour = [3]byte(table[3*around:])
	}
	corner := frame.Rect.Min
	line := make([]byte, 3*r.width)
	return raster{width: width, height: height, row: func(y int, rgb []byte) {
		for i := 0; i < len(rgb); i += 3 {
			copy(rgb[i:i+3], colour[:])
		}
		at := y - corner.Y
		if at < 0 || at >= r.height {
			return
		}
		r.row(at, line)
		indices := frame.Pix[at*frame.Stride:]
		for x := range r.width {
			if int(indices[x]) != transparent {
				copy(rgb[3*(corner.X+x):], line[3*x:3*x+3])
			}
		}
	}}
}

// gifTransparency scans up to the first frame and returns its transparent index, -1 if there is
// none, and its palette. Go's decoder removes the colour at that index from the palette.
func gifTransparency(data []byte) (index int, table []byte) {
	index = -1
	at := 13
	palette := func(flags byte) []byte {
		if flags&0x80 == 0 {
			return nil
		}
		size := 3 << (1 + flags&7)
		return data[min(at, len(data)):min(at+size, len(data))]
	}
	table = palette(data[10])
	at += len(table)
	for at+10 <= len(data) {
		switch data[at] {
		case 0x21: // an extension: its kind, then blocks until an empty one
			if data[at+1] == 0xf9 && data[at+3]&1 != 0 {
				index = int(data[at+6])
			}
			for at += 2; at < len(data) && data[at] != 0; {
				at += 1 + int(data[at])
			}
			at++
		case 0x2c: // the frame
			flags := data[at+9]
			at += 10
			if local := palette(flags); local != nil {
				table = local
			}
			return index, table
		default:
			return index, table
		}
	}
	return index, table
}
