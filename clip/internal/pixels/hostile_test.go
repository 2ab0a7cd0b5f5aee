package pixels

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
)

// A file may hold any number of texts, or fields of any length. To find an orientation takes memory
// for one of each kind at most.
func TestTheSearchForAnOrientationIsBounded(t *testing.T) {
	texts := make([]byte, 8)
	for range 2000 { // each an empty text, compressed
		texts = append(texts, chunkOf("zTXt", keywordExif+"\x00\x00\x78\x9c\x03\x00\x00\x00\x00\x01")...)
	}
	spaced := append(make([]byte, 8), chunkOf("tEXt", keywordExif+"\x00\nexif\n4\n"+string(bytes.Repeat([]byte("a "), 2<<20)))...)
	long := binary.LittleEndian.AppendUint32([]byte("II*\x00"), 8)
	long = append(long, 1, 0, tagOrientation&0xff, tagOrientation>>8, tiffByte, 0)
	long = binary.LittleEndian.AppendUint32(long, 4<<20)
	long = binary.LittleEndian.AppendUint32(long, 8)
	long = append(long, make([]byte, 4<<20)...)
	for name, search := range map[string]func() int{
		"many texts":   func() int { return pngOrientation(texts) },
		"a large text": func() int { return pngOrientation(spaced) },
		"a long field": func() int { return orientation(long, nil) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if o := search(); o != 1 {
			t.Errorf("%s: %d", name, o)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes", name, n)
		}
	}
}

func chunkOf(kind, body string) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	return append(append(append(chunk, kind...), body...), 0, 0, 0, 0)
}
