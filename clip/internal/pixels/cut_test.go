package pixels

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// What is left of a picture when it is cut anywhere is refused, or shows what the whole picture
// shows: what is missing came after its pixels. It never shows anything else.
func TestPicturesCutAnywhere(t *testing.T) {
	pictures, _ := coloursPictures(t)
	smallest := make(map[string]string) // of each folder and ending
	for name, data := range pictures {
		kind := filepath.Dir(name) + filepath.Ext(name)
		if best, ok := smallest[kind]; !ok || len(data) < len(pictures[best]) || len(data) == len(pictures[best]) && name < best {
			smallest[kind] = name
		}
	}
	for _, path := range oddPictures(t) {
		if data := readFile(t, path); len(data) < 3000 {
			smallest[path], pictures[path] = path, data
		}
	}
	for _, name := range smallest {
		data := pictures[name]
		_, _, want, err := decoded(data)
		if err != nil {
			continue // refused as a whole
		}
		for n := 0; n < len(data); n += 1 + len(data)/200 {
			_, _, got, err := decoded(data[:n])
			if err == nil && !bytes.Equal(got, want) && !endsInANumber(data[:n]) {
				t.Errorf("%s of %d bytes, cut after %d, shows other pixels", name, len(data), n)
				break
			}
		}
	}
}

// endsInANumber reports whether data is a plain PNM that is cut within a number: it may be a whole
// one, as no white space is needed at the end.
func endsInANumber(data []byte) bool {
	last := data[len(data)-1]
	return (bytes.HasPrefix(data, []byte("P2")) || bytes.HasPrefix(data, []byte("P3"))) && strings.IndexByte("0123456789", last) >= 0
}
