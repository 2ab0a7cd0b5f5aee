package pixels

import (
	"encoding/binary"
	"math/bits"
	"testing"
)

// bitWriter writes the bits of lossless WebP: the low bit first.
type bitWriter struct {
	bytes []byte
	n     int
}

func (w *bitWriter) write(value, count int) {
	for i := range count {
		if w.n%8 == 0 {
			w.bytes = append(w.bytes, 0)
		}
		w.bytes[w.n/8] |= byte(value>>i&1) << (w.n % 8)
		w.n++
	}
}

// code256 writes the prefix code of 256 symbols of 8 bits each, in 15 bytes: their lengths are all
// coded as "as before", which takes no bits where it is the only length code. rest is set where the
// alphabet has more symbols.
func (w *bitWriter) code256(rest bool) {
	w.write(0, 1) // not a simple code
	w.write(5, 4) // the lengths of nine length codes follow, the last being "as before"
	w.write(0, 3*8)
	w.write(1, 3)
	if rest {
		w.write(1, 1)
		w.write(2, 3)
		w.write(43-2, 6) // so many length codes are enough
	} else {
		w.write(0, 1)
	}
	for range 42 {
		w.write(3, 2) // six symbols
	}
	w.write(1, 2) // four
}

// code1 writes a prefix code of one symbol, 0.
func (w *bitWriter) code1() { w.write(1, 4) }

// manyCodes is a lossless WebP of 1 by 10397 black pixels, where each four pixels have a group of
// prefix codes of their own.
func manyCodes(groups int) []byte {
	w := &bitWriter{bytes: []byte{0x2f}, n: 8}
	w.write(0, 14)            // the width and
	w.write(4*groups-3-1, 14) // the height, less one
	w.write(0, 1+3)           // no alpha, version 0
	w.write(0, 1)             // no transform
	w.write(0, 1)             // no colour cache
	w.write(1, 1)             // groups of codes,
	w.write(0, 3)             // for tiles of 4 by 4
	w.write(0, 1)             // and the image that selects them, in red and green: no colour cache
	w.code256(true)
	w.code256(false)
	w.code1()
	w.code1()
	w.code1()
	for i := range groups {
		w.write(int(bits.Reverse8(uint8(i))), 8)
		w.write(int(bits.Reverse8(uint8(i>>8))), 8)
	}
	for range groups {
		w.code256(true)
		w.code256(false)
		w.code256(false)
		w.code256(false)
		w.code1()
	}
	for range 4*groups - 3 {
		w.write(0, 4*8)
	}
	body := append([]byte("WEBPVP8L"), binary.LittleEndian.AppendUint32(nil, uint32(len(w.bytes)))...)
	body = append(body, w.bytes...)
	if len(body)%2 == 1 {
		body = append(body, 0)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// A small lossless picture may have prefix codes that take a hundred times the memory of its
// pixels: they count.
func TestCodesOfLosslessPicturesCount(t *testing.T) {
	const groups = 2600
	data := manyCodes(groups)
	pic, err := openWebP(data)
	if err != nil {
		t.Fatal(err)
	}
	const symbols = 4 * 256
	if least := int64(groups * (symbols*16 + 5*512)); pic.Memory < least || pic.Memory > 2*least {
		t.Errorf("%d bytes are counted of what takes %d", pic.Memory, least)
	}
	wantReason(t, process(t, data, Options{Memory: 32 << 20}), ReasonTooManyPixels)
	if err := process(t, data, Options{Memory: 80 << 20}); err != nil {
		t.Error(err)
	}
}
