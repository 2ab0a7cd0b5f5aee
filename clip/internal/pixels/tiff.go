package pixels

import (
	"penstock/clip/internal/rows"
	"penstock/clip/internal/tiff"
)

func openTIFF(data []byte) (picture, error) {
	t, err := tiff.Open(data, jpegRows)
	if err != nil {
		return picture{}, err
	}
	o := t.Orientation
	if o == 0 {
		o = xmpOrientation(t.XMP)
	}
	if o < 1 || o > 8 {
		o = 1
	}
	p := picture{width: t.Width, height: t.Height, orientation: o, alwaysOrient: true}
	p.memory = t.Memory + rows.Bytes(t.Width, t.Height, 3)
	p.decode = func() (raster, error) {
		next, err := t.Decode()
		if err != nil {
			return raster{}, err
		}
		buffer := buffers.Get().(*[]byte)
		*buffer = grown(*buffer, 3*t.Width*t.Height)
		pix := *buffer
		for y := range t.Height {
			if err := next(pix[3*y*t.Width : 3*(y+1)*t.Width]); err != nil {
				buffers.Put(buffer)
				return raster{}, err
			}
		}
		return raster{t.Width, t.Height, func(y int, rgb []byte) { copy(rgb, pix[3*y*t.Width:]) }, func() { buffers.Put(buffer) }}, nil
	}
	return p, nil
}

func isTIFF(head []byte) bool {
	for _, magic := range []string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"} {
		if starts(magic)(head) {
			return true
		}
	}
	return false
}
