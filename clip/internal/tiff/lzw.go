package tiff

import "io"

// An lzw expands TIFF's kind of LZW: codes of 9 to 12 bits, the highest bit first, widened one code
// early. Files from before TIFF 5 have the lowest bit first and are widened in time; as in libtiff
// they are recognised by their first code, which clears the table.
type lzw struct {
	s       *source
	old     bool
	have    uint32
	n       uint // bits in have
	width   uint
	next    int // the code that the next string gets
	last    int // the code before, -1 after clearing
	prefix  [lzwCodes]uint16
	suffix  [lzwCodes]byte
	pending [lzwCodes]byte // a string, at its end
	at      int            // of what is not yet read of it
}

const (
	lzwCodes     = 1 << 12
	lzwClear     = 256
	lzwEnd       = 257
	lzwFirst     = 258
	lzwNarrowest = 9
	lzwWidest    = 12
)

func (l *lzw) reset(s *source) error {
	l.s, l.have, l.n, l.at = s, 0, 0, lzwCodes
	l.old = len(s.data) >= 2 && !s.reversed && s.data[0] == 0 && s.data[1]&1 != 0
	if s.reversed {
		l.old = len(s.data) >= 2 && s.data[0] == 0 && s.data[1]&0x80 != 0
	}
	l.clear()
	return nil
}

func (l *lzw) clear() { l.width, l.next, l.last = lzwNarrowest, lzwFirst, -1 }

func (l *lzw) code() (int, error) {
	for l.n < l.width {
		b, err := l.s.ReadByte()
		if err != nil {
			return 0, err
		}
		if l.old {
			l.have |= uint32(b) << l.n
		} else {
			l.have = l.have<<8 | uint32(b)
		}
		l.n += 8
	}
	mask := uint32(1)<<l.width - 1
	l.n -= l.width
	if l.old {
		code := int(l.have & mask)
		l.have >>= l.width
		return code, nil
	}
	return int(l.have >> l.n & mask), nil
}

func (l *lzw) Read(p []byte) (int, error) {
	for l.at == lzwCodes {
		if err := l.expand(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.pending[l.at:])
	l.at += n
	return n, nil
}

// expand reads a code and puts its string into pending.
func (l *lzw) expand() error {
	code, err := l.code()
	switch {
	case err != nil:
		return err
	case code == lzwEnd:
		return io.ErrUnexpectedEOF
	case code == lzwClear:
		l.clear()
		return nil
	case code > l.next, code >= lzwClear && l.last < 0, code == l.next && l.next == lzwCodes:
		return broken("an LZW code is not in the table")
	}
	at, c := lzwCodes, code
	if code == l.next { // the string before, and its own first byte, which is put in below
		at--
		c = l.last
	}
	for c >= lzwFirst {
		at--
		l.pending[at], c = l.suffix[c], int(l.prefix[c])
	}
	at--
	l.pending[at] = byte(c)
	if code == l.next {
		l.pending[lzwCodes-1] = byte(c)
	}
	l.at = at
	if l.last >= 0 && l.next < lzwCodes {
		l.prefix[l.next], l.suffix[l.next] = uint16(l.last), byte(c)
		l.next++
		early := 1
		if l.old {
			early = 0
		}
		if l.next+early >= 1<<l.width && l.width < lzwWidest {
			l.width++
		}
	}
	l.last = code
	return nil
}
