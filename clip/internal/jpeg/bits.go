package jpeg

import (
	"encoding/binary"
	"io"
)

// bits reads the entropy-coded data of a scan. After the end of the data it returns zeros, and err
// is set.
type bits struct {
	data []byte
	at   int
	have uint64 // the low n bits are read and not yet used
	n    int
	err  error
}

// fill buffers at least 32 bits, unless the data, or its segment, ends.
func (b *bits) fill() {
	if b.n <= 32 && b.at+4 <= len(b.data) {
		four := binary.BigEndian.Uint32(b.data[b.at:])
		if inverted := ^four; (inverted-0x01010101)&four&0x80808080 == 0 { // none of the four is 0xff
			b.have = b.have<<32 | uint64(four)
			b.at += 4
			b.n += 32
			return
		}
	}
	for b.n <= 48 && b.at < len(b.data) {
		c := b.data[b.at]
		if c == 0xff {
			if b.at+1 >= len(b.data) || b.data[b.at+1] != 0 {
				return // a marker, or the end
			}
			b.at++
		}
		b.at++
		b.have = b.have<<8 | uint64(c)
		b.n += 8
	}
}

// stop records the first error.
func (b *bits) stop(err error) {
	b.n = 0
	if b.err == nil {
		b.err = err
	}
}

// runOut records that more bits were requested than there are.
func (b *bits) runOut() {
	if b.at+1 >= len(b.data) || b.data[b.at+1] == eoi {
		b.stop(io.ErrUnexpectedEOF)
	} else {
		b.stop(broken("a scan is cut short by a marker"))
	}
}

// take returns the next n bits, n at most 16.
func (b *bits) take(n int) int32 {
	if b.n < n {
		if b.fill(); b.n < n {
			b.runOut()
			return 0
		}
	}
	b.n -= n
	return int32(b.have>>b.n) & (1<<n - 1)
}

// extended returns the number that the next n bits encode.
func (b *bits) extended(n int) int32 { return extend(b.take(n), n) }

// extend is the standard's EXTEND: of n bits, the upper half is positive, the lower negative.
func extend(v int32, n int) int32 {
	if n > 0 && v < 1<<(n-1) {
		v -= 1<<n - 1
	}
	return v
}

// look is how many bits are looked up in one step.
const look = 9

// A huffman is a table of codes.
type huffman struct {
	fast   [1 << look]uint16 // by the next bits: the code's length above its value; 0 if it is longer
	limit  [17]int32         // one more than the last code of each length; -1 if there is none
	first  [17]int32         // the value that the code 0 of each length would have
	values []byte
}

func (p *Picture) huffmanTables(body []byte) error {
	for len(body) > 0 {
		if len(body) < 17 {
			return broken("a Huffman table is cut short")
		}
		class, id := body[0]>>4, body[0]&15
		if class > 1 || id > 3 {
			return broken("a Huffman table has an invalid class or number")
		}
		counts := body[1:17]
		total := 0
		for _, n := range counts {
			total += int(n)
		}
		if total > 256 || len(body) < 17+total {
			return broken("a Huffman table has invalid lengths")
		}
		t, err := newHuffman(counts, body[17:17+total])
		if err != nil {
			return err
		}
		p.huffman[class][id] = t
		body = body[17+total:]
	}
	return nil
}

// newHuffman makes a table from the number of codes of each length, and their values in order.
func newHuffman(counts, values []byte) (*huffman, error) {
	t := &huffman{values: values}
	code, index := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(counts[length-1])
		t.first[length] = index - code
		t.limit[length] = -1
		if n > 0 {
			t.limit[length] = code + n
		}
		for ; n > 0; n-- {
			if code >= 1<<length {
				return nil, broken("a Huffman table has more codes than there can be")
			}
			if length <= look {
				entry := uint16(length)<<8 | uint16(values[index])
				from := code << (look - length)
				for i := range int32(1) << (look - length) {
					t.fast[from+i] = entry
				}
			}
			code++
			index++
		}
		code <<= 1
	}
	return t, nil
}

// symbol returns the next symbol.
func (b *bits) symbol(t *huffman) int {
	if b.n < 16 {
		b.fill()
	}
	var next int32 // 16 bits, missing ones as zeros
	if b.n >= 16 {
		next = int32(b.have>>(b.n-16)) & 0xffff
	} else {
		next = int32(b.have<<(16-b.n)) & 0xffff
	}
	length, value := 0, 0
	if entry := t.fast[next>>(16-look)]; entry != 0 {
		length, value = int(entry>>8), int(entry&0xff)
	}
	for n := look + 1; length == 0 && n <= 16; n++ {
		if code := next >> (16 - n); code < t.limit[n] {
			length, value = n, int(t.values[code+t.first[n]])
		}
	}
	switch {
	case length > b.n, length == 0 && b.n < 16:
		b.runOut()
		return 0
	case length == 0:
		b.stop(broken("a code is in no table"))
		return 0
	}
	b.n -= length
	return value
}

// coded returns the next symbol, and the number that follows it, whose length in bits is the
// symbol's lower half.
func (b *bits) coded(t *huffman) (symbol int, number int32) {
	const enough = look + 15 // for a code that is looked up, and the longest number
	if b.n < enough {
		b.fill()
	}
	if b.n >= enough {
		if entry := t.fast[b.have>>(b.n-look)&(1<<look-1)]; entry != 0 {
			symbol = int(entry & 0xff)
			size := symbol & 15
			b.n -= int(entry>>8) + size
			return symbol, extend(int32(b.have>>b.n)&(1<<size-1), size)
		}
	}
	symbol = b.symbol(t)
	return symbol, b.extended(symbol & 15)
}
