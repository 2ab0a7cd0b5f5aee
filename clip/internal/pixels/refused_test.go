package pixels

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"penstock/apierr"
)

// wantRefused checks that a file is refused by its name, with advice.
func wantRefused(t *testing.T, data []byte, name string) {
	t.Helper()
	err := process(t, data, Options{})
	wantReason(t, err, ReasonUnsupportedImage)
	var e *apierr.Error
	if !errors.As(err, &e) || !strings.HasPrefix(e.Message, "the picture is "+name+", ") || !strings.HasSuffix(e.Message, ")") {
		t.Errorf("%v, not %s with advice", err, name)
	}
}

// Files as their encoders write them are refused by name.
func TestEncodersFilesAreRefusedByName(t *testing.T) {
	var names map[string]string
	if err := json.Unmarshal(readFile(t, filepath.Join(coloursFolder, "avif.json")), &names); err != nil {
		t.Fatal(err)
	}
	compressed, err := gzip.NewReader(bytes.NewReader(readFile(t, filepath.Join(coloursFolder, "avif.tar.gz"))))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(compressed)
	for range names {
		head, err := archive.Next()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(head.Name, func(t *testing.T) { wantRefused(t, data, names[head.Name]) })
	}
}

func TestFilesAreRefusedByName(t *testing.T) {
	for data, name := range map[string]string{
		// Brands of phones and programs: the major one, its version, and the compatible ones.
		"\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1MiHEmiafMiHBheic":         "HEIC",
		"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic":                     "HEIC",
		"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif":                     "AVIF",
		"\x00\x00\x00\x18ftypheix\x00\x00\x00\x00mif1heix":                     "HEIC",
		"\x00\x00\x00\x18ftypmsf1\x00\x00\x00\x00msf1hevc":                     "a HEIC sequence",
		"\x00\x00\x00\x1cftyphevc\x00\x00\x00\x00msf1hevcmif1":                 "a HEIC sequence",
		"\x00\x00\x00\x2cftypavis\x00\x00\x00\x00avifavismsf1iso8mif1miafMA1B": "an animated AVIF",
		"\x00\x00\x00\x14ftypmif1\x00\x00\x00\x00mif1":                         "HEIF",
		"\x00\x00\x00\x10ftypavci\x00\x00\x00\x00":                             "HEIF",
		"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom":                     "Canon's raw format",
		"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ":                         "a QuickTime video",
		"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41":             "an MP4 video",
		"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom":                     "an MP4 video",
		"\x00\x00\x00\x14ftyp3gp4\x00\x00\x00\x003gp4":                         "an MP4 video",
		"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat":                             "a QuickTime video",
		"\x00\x00\x01\x00ftypheic\x00\x00\x00\x00mif1heic":                     "HEIC", // begins like an icon
		"\x00\x00\x00\x00ftypheic":                                             "HEIC", // of no length
		"\xff\xff\xff\xffftypmif1\x00\x00\x00\x00heic":                         "HEIC", // of too great a length
		"\x00\x00\x00\x10ftypmif1\x00\x00\x00\x00heic":                         "HEIF", // the brand is beyond the box
		"\xff\x0a\xfa\x1f": "JPEG XL",
		"\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x14ftypjxl ": "JPEG XL",
		"\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x14ftypjpx ": "JPEG 2000",
		"\xff\x4f\xff\x51\x00\x2f":                               "JPEG 2000",
		"II\xbc\x01":                                             "JPEG XR",
		"BPG\xfb":                                                "BPG",
		"FLIF1":                                                  "FLIF",
		"v/1\x01\x02":                                            "OpenEXR",
		"#?RADIANCE\n":                                           "Radiance HDR",
		"#?RGBE\n":                                               "Radiance HDR",
		"SIMPLE  =                    T":                         "FITS",
		strings.Repeat("\x00", 128) + "DICM":                     "DICOM",
		"8BPS\x00\x02":                                           "a Photoshop file",
		"gimp xcf v011":                                          "a GIMP file",
		"\xc5\xd0\xd3\xc6":                                       "PostScript",
		"AT&TFORM\x00\x00\x00\x00DJVU":                           "DjVu",
		"\xd7\xcd\xc6\x9a\x00\x00":                               "a Windows metafile",
		"\x01\x00\x00\x00" + strings.Repeat("\x00", 36) + " EMF": "a Windows metafile",
		"FUJIFILMCCD-RAW 0201":                      "Fujifilm's raw format",
		"IIU\x00\x18\x00\x00\x00":                   "Panasonic's raw format",
		"IIRO\x08\x00\x00\x00":                      "Olympus's raw format",
		"II\x1a\x00\x00\x00HEAPCCDR":                "Canon's raw format",
		"\x00MRM\x00\x00":                           "Minolta's raw format",
		"FOVb\x00\x00":                              "Sigma's raw format",
		"RIFF\x00\x00\x00\x00AVI LIST":              "an AVI video",
		"\x1a\x45\xdf\xa3\x9f":                      "a Matroska or WebM video",
		"\x00\x00\x01\xba\x44":                      "an MPEG video",
		"\x30\x26\xb2\x75\x8e\x66\xcf\x11":          "a Windows Media video",
		"FLV\x01\x05":                               "a Flash video",
		"OggS\x00\x02":                              "an Ogg video",
		"<svg xmlns='http://www.w3.org/2000/svg'/>": "SVG",
		"\xef\xbb\xbf\n<?xml version='1.0'?>\n<!-- drawn -->\n<svg>":       "SVG",
		"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'svg11.dtd'><svg>": "SVG",
	} {
		wantRefused(t, []byte(data), name)
	}
	// A page that has SVG in it is no picture.
	wantReason(t, process(t, []byte("<!doctype html><title>cat</title><svg/>"), Options{}), ReasonNotAnImage)
}
