package pixels

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"strings"
	"testing"
)

// What is tolerated beyond a picture's data is not tolerated instead of it: a picture of any kind
// that lacks a part of its data is refused as truncated, a WebP that lacks its last byte too.
func TestPicturesCutShort(t *testing.T) {
	pictures, _ := coloursPictures(t)
	for name, data := range pictures {
		whole := len(data)
		switch folder, _, _ := strings.Cut(name, "/"); folder {
		case "webp":
		case "gif":
			whole -= len(";") // not needed
		case "model", "no-tables", "restart", "size":
		default:
			continue
		}
		if _, _, _, err := decoded(data[:whole]); err != nil {
			t.Fatalf("%s, whole: %v", name, err)
		}
		for _, missing := range []int{1, 2, 3, 10, whole / 2} {
			_, _, _, err := decoded(data[:max(4, whole-missing)])
			if err == nil {
				t.Errorf("%s is decoded although %d bytes are missing", name, missing)
			} else {
				wantReason(t, err, ReasonTruncatedImage)
			}
		}
	}
}

// A WebP whose header knows of less than its chunks have, is cut short as well. What follows its
// end is not read.
func TestTheEndOfAWebP(t *testing.T) {
	pictures, _ := coloursPictures(t)
	for name, data := range pictures {
		if !strings.HasPrefix(name, "webp/") {
			continue
		}
		for _, missing := range []int{1, 2, 9} {
			cut := bytes.Clone(data[:len(data)-missing])
			binary.LittleEndian.PutUint32(cut[4:], uint32(len(cut)-8))
			_, _, _, err := decoded(cut)
			wantReason(t, err, ReasonTruncatedImage)
			whole := bytes.Clone(data)
			copy(whole[4:], cut[4:8])
			_, _, _, err = decoded(whole)
			wantReason(t, err, ReasonTruncatedImage)
		}
	}
	upright, turned := pictures["orientation/exif-1.webp"], pictures["orientation/exif-6.webp"]
	at := bytes.Index(turned, []byte("EXIF"))
	width, height, _, err := decoded(append(bytes.Clone(upright), turned[at:]...))
	if err != nil || width != 5 || height != 3 {
		t.Errorf("it is %dx%d, %v", width, height, err)
	}
}

// A text of a PNG is read up to a bound, compressed or not.
func TestTextsOfAPNGAreBounded(t *testing.T) {
	for size, want := range map[int]int{0: 0, maxText: maxText, maxText + 1: 0, 3 * maxText: 0} {
		plain := bytes.Repeat([]byte{' '}, size)
		for _, c := range []textChunk{{"tEXt", plain}, {"zTXt", deflated(t, plain)}} {
			if n := len(c.text()); n != want {
				t.Errorf("%s of %d bytes: %d are read, not %d", c.kind, size, n, want)
			}
		}
	}
}

// deflated is what follows the keyword of a compressed text.
func deflated(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteByte(0)
	w := zlib.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
