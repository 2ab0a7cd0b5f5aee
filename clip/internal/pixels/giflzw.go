package pixels

import (
	"errors"
	"io"
)

// A code of GIF's LZW has 12 bits at most.
const (
	lzwBits  = 12
	lzwCodes = 1 << lzwBits
)

// An lzwTable holds the strings that codes stand for: each a shorter string and one index more.
type lzwTable struct {
	before [lzwCodes]uint16
	last   [lzwCodes]byte
	text   [lzwCodes]byte // a string, written from its end
}

// decode fills indices with the frame's pixels. What the data has beyond them is skipped, whatever
// it is; but the data has to be there up to its end.
func (f *gifFrame) decode(indices []byte) error {
	blocks := &gifBlocks{gifReader: gifReader{data: f.data}}
	if err := f.codes(blocks, indices); err != nil {
		return err
	}
	for more := true; more; {
		_, more = blocks.block()
	}
	if blocks.short {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// codes decodes until indices is full.
func (f *gifFrame) codes(blocks *gifBlocks, indices []byte) error {
	var (
		t          = new(lzwTable)
		clearCode  = 1 << f.width
		next, size = clearCode + 2, f.width + 1
		previous   = -1 // the code before; -1: there is none
		first      byte // the first index of its string
	)
	for at := 0; at < len(indices); {
		code, ok := blocks.code(size)
		switch {
		case !ok, code == clearCode+1:
			return io.ErrUnexpectedEOF
		case code == clearCode:
			next, size, previous = clearCode+2, f.width+1, -1
			continue
		case code > next, previous < 0 && code > clearCode:
			return errors.New("gif: a code has no meaning")
		}
		from, c := lzwCodes, code
		if code == next { // the string before, and its first index again
			from--
			t.text[from] = first
			c = previous
		}
		for ; c > clearCode; c = int(t.before[c]) {
			from--
			t.text[from] = t.last[c]
		}
		first = byte(c)
		from--
		t.text[from] = first
		at += copy(indices[at:], t.text[from:])

		if previous >= 0 && next < lzwCodes {
			t.before[next], t.last[next] = uint16(previous), first
			if next++; next == 1<<size && size < lzwBits {
				size++
			}
		}
		previous = code
	}
	return nil
}

// gifBlocks reads codes, the low bit first, from data that comes in blocks.
type gifBlocks struct {
	gifReader
	body []byte
	bits uint
	n    int
}

// code returns the next n bits. ok is false where the data ends.
func (b *gifBlocks) code(n int) (code int, ok bool) {
	for b.n < n {
		if len(b.body) == 0 {
			if b.body, ok = b.block(); !ok {
				return 0, false
			}
		}
		b.bits |= uint(b.body[0]) << b.n
		b.body = b.body[1:]
		b.n += 8
	}
	code = int(b.bits & (1<<n - 1))
	b.bits >>= n
	b.n -= n
	return code, true
}
