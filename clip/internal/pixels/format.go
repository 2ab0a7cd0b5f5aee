package pixels

import (
	"errors"
	"io"
	"strings"

	"penstock/apierr"
	"penstock/clip/internal/bmp"
	"penstock/clip/internal/jpeg"
	"penstock/clip/internal/netpbm"
	"penstock/clip/internal/qoi"
	"penstock/clip/internal/rows"
	"penstock/clip/internal/tga"
)

// headSize is how many bytes of a file are examined to detect its format.
const headSize = 1024

// supported are the formats, for error messages.
const supported = "JPEG, PNG, GIF, WebP, BMP, TIFF, ICO, PNM, TGA or QOI"

// A format is a kind of picture that can be read.
type format struct {
	name string
	is   func(head []byte) bool // head has headSize bytes
	open func(data []byte) (picture, error)
}

var formats = [...]format{
	{"JPEG", starts("\xff\xd8\xff"), openJPEG},
	{"PNG", starts("\x89PNG\r\n\x1a\n"), openPNG},
	{"GIF", func(d []byte) bool { return starts("GIF87a")(d) || starts("GIF89a")(d) }, openGIF},
	{"WebP", func(d []byte) bool { return starts("RIFF")(d) && string(d[8:12]) == "WEBP" }, openWebP},
	{"BMP", isBMP, plain(bmp.Open)},
	{"Windows icon", isIcon, openIcon},
	{"Windows cursor", isCursor, plain(bmp.OpenCursor)},
	{"QOI", starts("qoif"), plain(qoi.Open)},
	{"TIFF", isTIFF, openTIFF},
	{"PNM", netpbm.Is, plain(netpbm.Open)},
	{"TGA", tga.Is, plain(tga.Open)}, // the last, as it has no magic number
}

func starts(magic string) func([]byte) bool {
	return func(head []byte) bool { return string(head[:len(magic)]) == magic }
}

// identify detects a picture's format by its first bytes.
func identify(data []byte) (format, error) {
	head := make([]byte, headSize)
	copy(head, data)
	if err := refuse(head); err != nil {
		return format{}, err
	}
	for _, f := range formats {
		if f.is(head) {
			return f, nil
		}
	}
	if len(data) == 0 {
		return format{}, apierr.InvalidInput(ReasonNotAnImage, "the picture is empty")
	}
	return format{}, apierr.InvalidInput(ReasonNotAnImage, "this is not a picture: send "+supported)
}

// failure converts a decoder's error to an *apierr.Error.
func (f format) failure(err error) error {
	var e *apierr.Error
	var (
		jpegFeature jpeg.UnsupportedError
		feature     rows.UnsupportedError
	)
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &jpegFeature), errors.As(err, &feature):
		e = apierr.InvalidInput(ReasonUnsupportedImage, "this kind of %s is not supported: save it in the usual way, or in another format", f.name)
	case truncated(err):
		e = apierr.InvalidInput(ReasonTruncatedImage, "the picture breaks off before its end: the %s is incomplete", f.name)
	default:
		e = apierr.InvalidInput(ReasonNotAnImage, "the picture begins like a %s, but it is broken", f.name)
	}
	e.Cause = err
	return e
}

// truncated reports whether a decoder ran out of data. Some report that by the text of their error
// only.
func truncated(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return true
	}
	for _, text := range []string{"unexpected EOF", "not enough image data", "not enough pixel data"} {
		if strings.HasSuffix(err.Error(), text) {
			return true
		}
	}
	return false
}
