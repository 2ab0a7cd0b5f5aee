package pixels

import (
	"bytes"
	"encoding/binary"

	"penstock/apierr"
)

// A refusedKind is a kind of file that is detected for a better error message, and not read.
type refusedKind struct {
	name   string
	advice string // how to get a picture out of it that is read
	is     func(head []byte) bool
}

const (
	saveAsPNG   = "save it as PNG"
	sendFrame   = "send one of its frames"
	sendPage    = "send one of its pages as PNG"
	exportAsPNG = "export it as PNG or TIFF"
	renderAsPNG = "render it as PNG"
	develop     = "develop it as JPEG or TIFF, or take both raw and JPEG"
)

// refusedKinds are detected before the formats that are read: an ftyp box of 256 bytes begins like
// an icon, and formats without a signature match nearly anything.
var refusedKinds = [...]refusedKind{
	{"JPEG 2000", saveAsPNG, startsAny("\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51")},
	{"JPEG XL", saveAsPNG, startsAny("\xff\x0a", "\x00\x00\x00\x0cJXL ")},
	{"JPEG XR", saveAsPNG, starts("II\xbc")},
	{"BPG", saveAsPNG, starts("BPG\xfb")},
	{"FLIF", saveAsPNG, starts("FLIF")},
	{"DDS", saveAsPNG, starts("DDS ")},
	{"OpenEXR", saveAsPNG, starts("v/1\x01")},
	{"Radiance HDR", saveAsPNG, startsAny("#?RADIANCE", "#?RGBE")},
	{"an Apple icon", saveAsPNG, starts("icns")},
	{"PAM", saveAsPNG, starts("P7\n")},
	{"PFM in colours", saveAsPNG, startsAny("PF\n", "PF4\n")},
	{"FITS", saveAsPNG, starts("SIMPLE  =")},
	{"DICOM", saveAsPNG, func(d []byte) bool { return string(d[128:132]) == "DICM" }},
	{"a Photoshop file", exportAsPNG, starts("8BPS")},
	{"a GIMP file", exportAsPNG, starts("gimp xcf ")},
	{"a PDF", sendPage, starts("%PDF-")},
	{"PostScript", sendPage, startsAny("%!PS", "\xc5\xd0\xd3\xc6")},
	{"DjVu", sendPage, starts("AT&TFORM")},
	{"SVG", renderAsPNG, isSVG},
	{"a Windows metafile", renderAsPNG, func(d []byte) bool {
		return starts("\xd7\xcd\xc6\x9a")(d) || starts("\x01\x00\x00\x00")(d) && string(d[40:44]) == " EMF"
	}},
	{"Fujifilm's raw format", develop, starts("FUJIFILMCCD-RAW")},
	{"Panasonic's raw format", develop, starts("IIU\x00")},
	{"Olympus's raw format", develop, startsAny("IIRO", "IIRS", "MMOR")},
	{"Canon's raw format", develop, func(d []byte) bool { return string(d[6:14]) == "HEAPCCDR" }},
	{"Minolta's raw format", develop, starts("\x00MRM")},
	{"Sigma's raw format", develop, starts("FOVb")},
	{"an AVI video", sendFrame, func(d []byte) bool { return starts("RIFF")(d) && string(d[8:12]) == "AVI " }},
	{"a Matroska or WebM video", sendFrame, starts("\x1a\x45\xdf\xa3")},
	{"an MPEG video", sendFrame, startsAny("\x00\x00\x01\xba", "\x00\x00\x01\xb3")},
	{"a Windows Media video", sendFrame, starts("\x30\x26\xb2\x75\x8e\x66\xcf\x11")},
	{"a Flash video", sendFrame, starts("FLV\x01")},
	{"an Ogg video", sendFrame, starts("OggS")},
}

// refuse returns the error for a file of a kind that is known and not read, nil for others.
func refuse(head []byte) error {
	kind, found := mediaKind(head)
	for i := 0; !found && i < len(refusedKinds); i++ {
		kind, found = refusedKinds[i], refusedKinds[i].is(head)
	}
	if !found {
		return nil
	}
	return apierr.InvalidInput(ReasonUnsupportedImage, "the picture is %s, which is not supported here: send "+supported+" (%s)", kind.name, kind.advice)
}

// mediaBrands are the brands of files in ISO's base media format, in the order in which they decide
// where a file has several: all that is made by a phone also has a brand for HEIF of any codec.
var mediaBrands = []struct {
	brands []string
	kind   refusedKind
}{
	{[]string{"avif"}, refusedKind{name: "AVIF", advice: "save it as PNG or WebP"}},
	{[]string{"avis"}, refusedKind{name: "an animated AVIF", advice: sendFrame}},
	{[]string{"heic", "heix", "heim", "heis"}, refusedKind{name: "HEIC", advice: "phones take JPEG when the camera's format is Most Compatible, or high efficiency is off"}},
	{[]string{"hevc", "hevx", "hevm", "hevs"}, refusedKind{name: "a HEIC sequence", advice: sendFrame}},
	{[]string{"crx "}, refusedKind{name: "Canon's raw format", advice: develop}},
	{[]string{"jxl "}, refusedKind{name: "JPEG XL", advice: saveAsPNG}},
	{[]string{"jp2 ", "jpx ", "jph ", "jpm ", "mjp2"}, refusedKind{name: "JPEG 2000", advice: saveAsPNG}},
	{[]string{"mif1", "mif2", "mif3", "miaf", "msf1", "jpeg", "jpgs", "avci", "avcs", "j2ki", "j2is", "vvic", "vvis"}, refusedKind{name: "HEIF", advice: saveAsPNG}},
	{[]string{"qt  "}, refusedKind{name: "a QuickTime video", advice: sendFrame}},
}

// mediaKind returns what a file in ISO's base media format holds, by its brands. The first of them
// decides, unless it names no codec; the others are those of readers that can read the file too.
func mediaKind(head []byte) (refusedKind, bool) {
	switch string(head[4:8]) {
	case "ftyp":
	case "moov", "mdat", "wide", "pnot": // QuickTime's files had no brands once
		return refusedKind{name: "a QuickTime video", advice: sendFrame}, true
	default:
		return refusedKind{}, false
	}
	brands := head[8:min(uint32(len(head)), max(12, binary.BigEndian.Uint32(head)))]
	if major := string(brands[:4]); major != "mif1" && major != "msf1" {
		if kind, ok := kindOf(brands[:4]); ok {
			return kind, true
		}
	}
	if kind, ok := kindOf(brands); ok {
		return kind, true
	}
	return refusedKind{name: "an MP4 video", advice: sendFrame}, true
}

// kindOf returns the first of mediaBrands that is in a list of brands.
func kindOf(brands []byte) (refusedKind, bool) {
	for _, m := range mediaBrands {
		for _, brand := range m.brands {
			if hasBrand(brands, brand) {
				return m.kind, true
			}
		}
	}
	return refusedKind{}, false
}

// hasBrand reports whether brand is in a list of brands of four bytes each.
func hasBrand(brands []byte, brand string) bool {
	for ; len(brands) >= 4; brands = brands[4:] {
		if string(brands[:4]) == brand {
			return true
		}
	}
	return false
}

// isSVG looks for a file that is SVG, not for one that contains SVG, as web pages do.
func isSVG(head []byte) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	for _, start := range []string{"<svg", "<?xml", "<!--", "<!DOCTYPE svg"} {
		if bytes.HasPrefix(text, []byte(start)) {
			return bytes.Contains(text, []byte("<svg"))
		}
	}
	return false
}

func startsAny(magics ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, magic := range magics {
			if starts(magic)(head) {
				return true
			}
		}
		return false
	}
}
