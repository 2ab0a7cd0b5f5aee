package pixels

import "bytes"

// xmpOrientation returns the orientation in an XMP packet, as an attribute or as an element: 0 if
// there is none. Like Pillow it does not parse the packet.
func xmpOrientation(xmp []byte) int {
	name := []byte("tiff:Orientation")
	for {
		_, rest, found := bytes.Cut(xmp, name)
		if !found {
			return 0
		}
		for _, before := range []string{`="`, ">"} {
			if value, ok := bytes.CutPrefix(rest, []byte(before)); ok && len(value) > 0 && value[0] >= '0' && value[0] <= '9' {
				return int(value[0] - '0')
			}
		}
		xmp = rest
	}
}
