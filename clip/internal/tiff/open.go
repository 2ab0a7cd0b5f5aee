package tiff

import (
	"penstock/clip/internal/rows"
)

// A Picture is what the first directory of a file describes.
type Picture struct {
	rows.Picture
	Orientation int    // as the file has it; 0 if it has none
	XMP         []byte // the packet, nil if there is none
}

// Open reads a file's first directory. data must not be changed. colours is for JPEG compression.
func Open(data []byte, colours Colours) (Picture, error) {
	d, err := readDirectory(data)
	if err != nil {
		return Picture{}, err
	}
	l, err := readLayout(d)
	if err != nil {
		return Picture{}, err
	}
	c, err := newConverter(l)
	if err != nil {
		return Picture{}, err
	}
	k, err := newCodec(l, data, colours)
	if err != nil {
		return Picture{}, err
	}
	orientation := 0
	if f, ok := d.fields[tagOrientation]; ok {
		orientation = -1
		if f.count == 1 {
			orientation = int(f.at(0))
		}
	}
	r := &reader{layout: l, data: data, codec: k, converter: c}
	return Picture{
		Picture:     rows.Picture{Width: l.width, Height: l.height, Memory: r.memory(), Decode: r.open},
		Orientation: orientation,
		XMP:         d.fields[tagXMP].bytes(),
	}, nil
}
