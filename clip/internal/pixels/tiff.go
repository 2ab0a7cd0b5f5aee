package pixels

import "penstock/clip/internal/tiff"

func isTIFF(head []byte) bool {
	for _, magic := range []string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"} {
		if starts(magic)(head) {
			return true
		}
	}
	return false
}

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
	return picture{Picture: t.Picture, orientation: o, alwaysOrient: true}, nil
}
