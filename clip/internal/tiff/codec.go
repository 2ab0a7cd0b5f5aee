package tiff

import (
	"errors"
	"io"
	"math/bits"
)

// Compressions.
const (
	compressionNone       = 1
	compressionRLE        = 2 // fax codes without ends of lines, each line from a byte on
	compressionGroup3     = 3
	compressionGroup4     = 4
	compressionLZW        = 5
	compressionJPEG       = 7
	compressionDeflate    = 8
	compressionRLEWords   = 32771 // each line from an even byte on
	compressionPackBits   = 32773
	compressionOldDeflate = 32946
	compressionZstandard  = 50000
)

// refusedCompressions are known and not read.
var refusedCompressions = map[int]string{
	6: "JPEG compression of the old style", 9: "JBIG compression", 10: "JBIG compression", 32766: "NeXT compression", 32809: "ThunderScan compression",
	34676: "SGI's log compression", 34677: "SGI's log compression", 34712: "JPEG 2000 compression", 34887: "LERC compression", 34925: "LZMA compression",
	50001: "WebP compression", 50002: "JPEG XL compression",
}

// A decoder decodes one strip or tile after the other.
type decoder interface {
	// start begins with a block, of which count rows will be read.
	start(block []byte, count int) error
	// row fills a row of the block.
	row(row []byte) error
}

// A codec makes decoders for a compression.
type codec interface {
	memory() int64 // of one decoder
	decoder() (decoder, error)
}

func newCodec(l *layout, data []byte, colours Colours) (codec, error) {
	switch l.compression {
	case compressionNone, compressionLZW, compressionDeflate, compressionOldDeflate, compressionPackBits, compressionZstandard:
		return newByteCodec(l)
	case compressionRLE, compressionRLEWords, compressionGroup3, compressionGroup4:
		return newFaxCodec(l)
	case compressionJPEG:
		return newJPEGCodec(l, data, colours)
	}
	if name, ok := refusedCompressions[l.compression]; ok {
		return nil, unsupported("%s", name)
	}
	return nil, unsupported("compression %d", l.compression)
}

// A byteCodec is for compressions of bytes, which know nothing of pixels.
type byteCodec struct {
	*layout
	predict func(row []byte) // nil if there is no predictor
	shared  bool             // pixels share chroma samples
}

func newByteCodec(l *layout) (codec, error) {
	c := byteCodec{layout: l, shared: l.halfX*l.halfY > 1}
	if c.shared {
		for _, n := range [...]int{l.halfX, l.halfY} {
			if n != 1 && n != 2 && n != 4 {
				return nil, unsupported("chroma for %dx%d pixels", l.halfX, l.halfY)
			}
		}
		if l.planar || l.samples != 3 || l.bits != 8 {
			return nil, unsupported("chroma of less size in such a layout")
		}
	}
	switch l.compression {
	case compressionNone, compressionPackBits: // have no predictor
		return c, nil
	}
	if l.predictor != predictorNone && c.shared {
		return nil, unsupported("a predictor of shared chroma")
	}
	var err error
	c.predict, err = predictor(l)
	return c, err
}

// window is how far back Zstandard may refer: a power of two.
func (c byteCodec) window() uint64 {
	const least, most = 1 << 23, 1 << 27 // the least is what libzstd uses up to level 19
	size := int64(c.rowBytes(c.blockW, c.stored())) * int64(c.blockH)
	return 1 << bits.Len64(uint64(min(max(size, least), most)-1))
}

func (c byteCodec) memory() int64 {
	const tables = 96 << 10 // of an LZW or deflate decoder
	n := int64(tables)
	if c.compression == compressionZstandard {
		n += 2*int64(c.window()) + 4<<20
	}
	if c.shared {
		n += int64(c.clumpBytes()) + 3*int64(c.halfY)*int64(c.blockW+c.halfX)
	}
	return n
}

func (c byteCodec) decoder() (decoder, error) {
	d := &byteDecoder{byteCodec: c}
	switch c.compression {
	case compressionNone:
		d.expander = new(plain)
	case compressionLZW:
		d.expander = new(lzw)
	case compressionDeflate, compressionOldDeflate:
		d.expander = new(deflate)
	case compressionPackBits:
		d.expander = new(packBits)
	case compressionZstandard:
		z, err := newZstandard(c.window())
		if err != nil {
			return nil, err
		}
		d.expander = z
	}
	if c.shared {
		return &clumpDecoder{byteDecoder: d, clumps: make([]byte, c.clumpBytes())}, nil
	}
	return d, nil
}

// A byteDecoder makes rows of decompressed bytes.
type byteDecoder struct {
	byteCodec
	source
	expander
}

func (d *byteDecoder) start(block []byte, _ int) error {
	d.source = source{block, d.layout.reversed}
	return d.reset(&d.source)
}

func (d *byteDecoder) row(row []byte) error {
	if _, err := io.ReadFull(d.expander, row); err != nil {
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	if d.predict != nil {
		d.predict(row)
	}
	return nil
}
