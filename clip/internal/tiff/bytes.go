package tiff

import (
	"compress/zlib"
	"errors"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zstd"
)

// A source is the bytes of a block, those with reversed bits set right.
type source struct {
	data     []byte
	reversed bool
}

func (s *source) ReadByte() (byte, error) {
	if len(s.data) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	b := s.data[0]
	s.data = s.data[1:]
	if s.reversed {
		b = bits.Reverse8(b)
	}
	return b, nil
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, s.data)
	s.data = s.data[n:]
	if s.reversed {
		for i := range p[:n] {
			p[i] = bits.Reverse8(p[i])
		}
	}
	return n, nil
}

// An expander decompresses the bytes of one block after the other.
type expander interface {
	io.Reader
	reset(s *source) error
}

// plain passes bytes on.
type plain struct{ *source }

func (p *plain) reset(s *source) error {
	p.source = s
	return nil
}

// A packBits expands runs of equal bytes.
type packBits struct {
	s     *source
	run   int  // bytes left of a run
	equal bool // they are all value
	value byte
}

func (p *packBits) reset(s *source) error {
	*p = packBits{s: s}
	return nil
}

func (p *packBits) Read(out []byte) (int, error) {
	for p.run == 0 {
		n, err := p.s.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case n < 128:
			p.run, p.equal = int(n)+1, false
		case n > 128:
			p.run, p.equal = 257-int(n), true
			if p.value, err = p.s.ReadByte(); err != nil {
				return 0, err
			}
		}
	}
	n := min(p.run, len(out))
	if p.equal {
		for i := range out[:n] {
			out[i] = p.value
		}
	} else {
		var err error
		if n, err = p.s.Read(out[:n]); err != nil {
			return 0, err
		}
	}
	p.run -= n
	return n, nil
}

// A deflate expands zlib's format.
type deflate struct{ io.ReadCloser }

func (d *deflate) reset(s *source) error {
	if r, ok := d.ReadCloser.(zlib.Resetter); ok {
		return r.Reset(s, nil)
	}
	var err error
	d.ReadCloser, err = zlib.NewReader(s)
	return err
}

func (d *deflate) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if errors.Is(err, zlib.ErrChecksum) && n > 0 {
		err = nil // the rows are there, which is enough for libtiff
	}
	return n, err
}

// A zstandard expands Zstandard's format.
type zstandard struct{ *zstd.Decoder }

// newZstandard returns a decoder whose window is limited to size bytes.
func newZstandard(size uint64) (*zstandard, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(size))
	return &zstandard{d}, err
}

func (z *zstandard) reset(s *source) error { return z.Reset(s) }

func (z *zstandard) Read(p []byte) (int, error) {
	n, err := z.Decoder.Read(p)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = unsupported("a Zstandard window larger than a strip")
	}
	return n, err
}
