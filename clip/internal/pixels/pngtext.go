package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
)

// Keywords of PNG's text chunks that hold an orientation: ImageMagick's EXIF data as hexadecimal
// digits, from before PNG had a chunk for it, and Adobe's XMP packet.
const (
	keywordExif = "Raw profile type exif"
	keywordXMP  = "XML:com.adobe.xmp"
)

// maxText bounds how much text a PNG's compressed chunks may become, all together. What is beyond
// it is not read.
const maxText = 1 << 20

// pngOrientation scans a PNG's chunks for an orientation. EXIF data in its own chunk takes
// precedence over EXIF data in a text, and both over XMP; of several of a kind the last one counts.
func pngOrientation(data []byte) int {
	var exif, profile, xmp []byte
	left := maxText
	for rest := data[8:]; len(rest) >= 12; {
		n := int64(binary.BigEndian.Uint32(rest))
		if 12+n > int64(len(rest)) {
			break
		}
		kind, body := string(rest[4:8]), rest[8:8+n]
		rest = rest[12+n:]
		if kind == "eXIf" {
			exif = body
			continue
		}
		if kind != "tEXt" && kind != "zTXt" && kind != "iTXt" {
			continue
		}
		keyword, value, _ := bytes.Cut(body, []byte{0})
		if name := string(keyword); name != keywordExif && name != keywordXMP {
			continue
		}
		text := pngText(kind, value, &left)
		if string(keyword) == keywordXMP {
			xmp = text
		} else {
			profile = exifOfProfile(text)
		}
	}
	if exif == nil {
		exif = profile
	}
	return orientation(exif, xmp)
}

// pngText returns the text of a chunk, given what follows its keyword. left is how many bytes may
// still be decompressed.
func pngText(kind string, value []byte, left *int) []byte {
	compressed := kind == "zTXt"
	if kind == "iTXt" { // whether it is compressed, how, its language, and the keyword in it
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
		return value
	}
	if len(value) == 0 || value[0] != 0 {
		return nil
	}
	r, err := zlib.NewReader(bytes.NewReader(value[1:]))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(*left)))
	*left -= len(text)
	if err != nil {
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
	digits := bytes.Join(bytes.Fields(lines[3]), nil)
	exif := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(exif, digits); err != nil {
		return nil
	}
	return exif
}
