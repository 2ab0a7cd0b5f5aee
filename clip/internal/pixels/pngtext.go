package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"unicode"
)

// Keywords of PNG's text chunks that hold an orientation: ImageMagick's EXIF data as hexadecimal
// digits, from before PNG had a chunk for it, and Adobe's XMP packet.
const (
	keywordExif = "Raw profile type exif"
	keywordXMP  = "XML:com.adobe.xmp"
)

// maxText bounds a text that is read, without its compression. A larger one is ignored.
const maxText = 1 << 20

// A textChunk is a PNG's text: the kind of its chunk, and what follows its keyword there.
type textChunk struct {
	kind  string
	value []byte
}

// pngOrientation scans a PNG's chunks for an orientation. EXIF data in its own chunk takes
// precedence over EXIF data in a text, and both over XMP; of several of a kind the last one counts.
// No other is decompressed: a file has room for a million.
func pngOrientation(data []byte) int {
	var exif []byte
	var profile, xmp textChunk
	for rest := data[8:]; len(rest) >= 12; {
		n := int64(binary.BigEndian.Uint32(rest))
		if 12+n > int64(len(rest)) {
			break
		}
		kind, body := string(rest[4:8]), rest[8:8+n]
		rest = rest[12+n:]
		switch kind {
		case "eXIf":
			exif = body
		case "tEXt", "zTXt", "iTXt":
			keyword, value, _ := bytes.Cut(body, []byte{0})
			switch string(keyword) {
			case keywordExif:
				profile = textChunk{kind, value}
			case keywordXMP:
				xmp = textChunk{kind, value}
			}
		}
	}
	if exif == nil {
		exif = exifOfProfile(profile.text())
	}
	return orientation(exif, xmp.text())
}

// text returns the text without its compression: nil if it is invalid or too large.
func (c textChunk) text() []byte {
	value := c.value
	compressed := c.kind == "zTXt"
	if c.kind == "iTXt" { // whether it is compressed, how, its language, and the keyword in it
		if len(value) < 2 {
			return nil
		}
		compressed = value[0] != 0
		_, after, _ := bytes.Cut(value[2:], []byte{0})
		_, text, _ := bytes.Cut(after, []byte{0})
		if value = text; compressed {
			value = append([]byte{0}, text...)
		}
	}
	if !compressed {
		if len(value) > maxText {
			return nil
		}
		return value
	}
	if len(value) == 0 || value[0] != 0 {
		return nil
	}
	r, err := zlib.NewReader(bytes.NewReader(value[1:]))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil || len(text) > maxText {
		return nil
	}
	return text
}

// exifOfProfile decodes the text of a raw profile: an empty line, its name, its length, and lines
// of hexadecimal digits.
func exifOfProfile(text []byte) []byte {
	lines := bytes.SplitN(text, []byte("\n"), 4)
	if len(lines) < 4 {
		return nil
	}
	digits := bytes.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, lines[3])
	exif := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(exif, digits); err != nil {
		return nil
	}
	return exif
}
