package pixels

import (
	"encoding/binary"
	"image"
	"io"
)

// A webpFile is what a WebP's container holds of its first frame.
type webpFile struct {
	canvas    image.Point // 0: the frame is the picture
	corner    image.Point
	frame     []byte // nil: there is none yet
	lossy     bool
	exif, xmp []byte
	short     bool // a chunk reaches beyond what it is in
}

// parseWebP reads the chunks up to the end that the header gives. What is behind it is no part of
// the picture.
func parseWebP(data []byte) (*webpFile, error) {
	if len(data) < 12 {
		return nil, io.ErrUnexpectedEOF
	}
	end := int64(binary.LittleEndian.Uint32(data[4:])) + 8
	if end < 12 || end > int64(len(data)) {
		return nil, io.ErrUnexpectedEOF
	}
	f := new(webpFile)
	f.chunks(data[12:end], func(kind string, body []byte) {
		switch {
		case kind == "VP8X" && len(body) >= 10:
			f.canvas = image.Pt(uint24(body[4:])+1, uint24(body[7:])+1)
		case kind == "ANMF" && len(body) >= 16 && f.frame == nil:
			f.corner = image.Pt(2*uint24(body), 2*uint24(body[3:]))
			f.chunks(body[16:], f.take)
		case kind == "EXIF" && f.exif == nil:
			f.exif = body
		case kind == "XMP " && f.xmp == nil:
			f.xmp = body
		default:
			f.take(kind, body)
		}
	})
	if f.frame == nil || f.short {
		return nil, io.ErrUnexpectedEOF
	}
	return f, nil
}

// chunks visits the chunks of data. Each is padded to an even length.
func (f *webpFile) chunks(data []byte, visit func(kind string, body []byte)) {
	for len(data) >= 8 && !f.short {
		n := int64(binary.LittleEndian.Uint32(data[4:]))
		padded := n + n&1
		if padded > int64(len(data)-8) {
			f.short = true
			return
		}
		visit(string(data[:4]), data[8:8+n])
		data = data[8+padded:]
	}
}

// take keeps the first frame.
func (f *webpFile) take(kind string, body []byte) {
	if f.frame == nil && (kind == "VP8 " || kind == "VP8L") {
		f.frame, f.lossy = body, kind == "VP8 "
	}
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
