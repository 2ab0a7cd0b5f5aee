package jpeg

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// UnsupportedError names a feature of JPEG that is not supported.
type UnsupportedError string

func (e UnsupportedError) Error() string { return "jpeg: " + string(e) + " is not supported" }

func broken(format string, args ...any) error { return fmt.Errorf("jpeg: "+format, args...) }

// A Model is what the components of a picture mean.
type Model int

// The models, as libjpeg detects them. CMYK and YCCK are inverted, as Adobe's files are: 255 is no
// ink.
const (
	Grey Model = iota
	YCbCr
	RGB
	CMYK
	YCCK
)

// A Picture is a JPEG whose headers have been read.
type Picture struct {
	Width, Height int
	Model         Model
	Exif          []byte // what follows "Exif\0\0"; nil if there is none
	XMP           []byte // the packet of the last XMP segment; nil if there is none

	data        []byte
	at          int // of the first scan's marker
	progressive bool
	inRows      bool // it is decoded in rows of units
	reading     *reading
	components  []component
	hMax, vMax  int // the largest sampling factors
	restart     int // MCUs between restart markers; 0: none
	quant       [4]*[64]int32
	huffman     [2][4]*huffman // for DC and AC
}

// A component is one kind of sample: luma, a colour, an ink.
type component struct {
	id             byte
	h, v           int // sampling factors
	table          byte
	width, height  int // in samples
	across, down   int // in blocks, padded to whole MCUs
	kept           int // rows of blocks in plane
	quant          *[64]int32
	plane          []byte
	coefficients   []block // kept by progressive pictures only
	seen           bool    // in a scan
	previous       int32   // DC of the block before
	dcTable, acTab *huffman
}

// Markers, by the standard's names.
const (
	sof0, sof1, sof2 = 0xc0, 0xc1, 0xc2
	dht, dac         = 0xc4, 0xcc
	rst0, rst7       = 0xd0, 0xd7
	soi, eoi, sos    = 0xd8, 0xd9, 0xda
	dqt, dri         = 0xdb, 0xdd
	app0, app1       = 0xe0, 0xe1
	app14            = 0xee
)

// xmpName is what an XMP segment begins with.
const xmpName = "http://ns.adobe.com/xap/1.0/\x00"

// Open reads a picture's headers, up to the start of its data. Nothing is decoded yet. data must
// not be changed.
func Open(data []byte) (*Picture, error) { return new(Tables).Open(data) }

// Open is Open of a picture that refers to t.
func (t *Tables) Open(data []byte) (*Picture, error) {
	p := &Picture{data: data, quant: t.quant, huffman: t.huffman, restart: t.restart}
	if len(data) < 2 {
		return nil, io.ErrUnexpectedEOF
	}
	if data[0] != 0xff || data[1] != soi {
		return nil, broken("it does not begin as one")
	}
	p.at = 2
	adobe, jfif := -1, false
	for {
		marker, body, err := p.next()
		switch {
		case err != nil:
			return nil, err
		case marker == sos:
			if p.components == nil {
				return nil, broken("data comes before the frame's header")
			}
			p.at -= len(body) + 4
			p.chooseModel(adobe, jfif)
			p.choosePlanes(body)
			return p, nil
		case marker == eoi:
			return nil, broken("it ends before its data")
		case marker == app0 && len(body) >= 14 && string(body[:5]) == "JFIF\x00":
			jfif = true
		case marker == app1 && p.Exif == nil && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			p.Exif = body[6:]
		case marker == app1 && bytes.HasPrefix(body, []byte(xmpName)):
			p.XMP = body[len(xmpName):]
		case marker == app14 && len(body) >= 12 && string(body[:5]) == "Adobe":
			adobe = int(body[11])
		default:
			if err := p.table(marker, body); err != nil {
				return nil, err
			}
		}
	}
}

// next returns the next marker and the body of its segment, and advances past it.
func (p *Picture) next() (marker byte, body []byte, err error) {
	// What lies between segments is skipped, as libjpeg does.
	for p.at+1 < len(p.data) && (p.data[p.at] != 0xff || p.data[p.at+1] == 0 || p.data[p.at+1] == 0xff) {
		p.at++
	}
	if p.at+2 > len(p.data) {
		return 0, nil, io.ErrUnexpectedEOF
	}
	marker = p.data[p.at+1]
	if marker == eoi || marker == soi || marker == 1 || marker >= rst0 && marker <= rst7 {
		p.at += 2
		return marker, nil, nil
	}
	if p.at+4 > len(p.data) {
		return 0, nil, io.ErrUnexpectedEOF
	}
	size := int(binary.BigEndian.Uint16(p.data[p.at+2:]))
	if size < 2 {
		return 0, nil, broken("a segment has no length")
	}
	if p.at+2+size > len(p.data) {
		return 0, nil, io.ErrUnexpectedEOF
	}
	body = p.data[p.at+4 : p.at+2+size]
	p.at += 2 + size
	return marker, body, nil
}

// table applies a segment that sets something up. Segments that do not affect the samples are
// skipped.
func (p *Picture) table(marker byte, body []byte) error {
	switch marker {
	case sof0, sof1, sof2:
		return p.frame(body, marker == sof2)
	case dht:
		return p.huffmanTables(body)
	case dqt:
		return p.quantTables(body)
	case dri:
		if len(body) < 2 {
			return broken("a restart interval has no value")
		}
		p.restart = int(binary.BigEndian.Uint16(body))
	case 0xc3, 0xc5, 0xc6, 0xc7:
		return UnsupportedError("lossless or hierarchical coding")
	case 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf, dac:
		return UnsupportedError("arithmetic coding")
	}
	return nil
}

func (p *Picture) frame(body []byte, progressive bool) error {
	if p.components != nil {
		return broken("it has two frames")
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) {
		return broken("the frame's header has the wrong length")
	}
	if body[0] != 8 {
		return UnsupportedError(fmt.Sprintf("%d bits a sample", body[0]))
	}
	p.progressive = progressive
	p.Height, p.Width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	if p.Height == 0 || p.Width == 0 {
		return UnsupportedError("a picture without a size")
	}
	if n := body[5]; n != 1 && n != 3 && n != 4 {
		return UnsupportedError(fmt.Sprintf("a picture of %d components", n))
	}
	for c := body[6:]; len(c) > 0; c = c[3:] {
		n := component{id: c[0], h: int(c[1] >> 4), v: int(c[1] & 15), table: c[2]}
		if n.h < 1 || n.h > 4 || n.v < 1 || n.v > 4 || n.table > 3 {
			return broken("a component's factors are invalid")
		}
		for _, other := range p.components {
			if other.id == n.id {
				return broken("two components have one name")
			}
		}
		p.hMax, p.vMax = max(p.hMax, n.h), max(p.vMax, n.v)
		p.components = append(p.components, n)
	}
	for i := range p.components {
		c := &p.components[i]
		if p.hMax%c.h != 0 || p.vMax%c.v != 0 {
			return UnsupportedError("sampling by fractions")
		}
		c.width, c.height = ceil(p.Width*c.h, p.hMax), ceil(p.Height*c.v, p.vMax)
		c.across, c.down = ceil(p.Width, 8*p.hMax)*c.h, ceil(p.Height, 8*p.vMax)*c.v
	}
	return nil
}

func ceil(n, by int) int { return (n + by - 1) / by }

func (p *Picture) quantTables(body []byte) error {
	for len(body) > 0 {
		wide, id := int(body[0]>>4), body[0]&15
		size := 64 * (1 + wide)
		if wide > 1 || id > 3 || len(body) < 1+size {
			return broken("a quantisation table is invalid")
		}
		t := new([64]int32)
		for i := range t {
			if wide == 1 {
				t[natural[i]] = int32(binary.BigEndian.Uint16(body[1+2*i:]))
			} else {
				t[natural[i]] = int32(body[1+i])
			}
		}
		p.quant[id] = t
		body = body[1+size:]
	}
	return nil
}

// chooseModel follows default_decompress_parms of libjpeg's jdapimin.c. adobe is the transform of
// an Adobe segment, or -1.
func (p *Picture) chooseModel(adobe int, jfif bool) {
	switch len(p.components) {
	case 1:
		p.Model = Grey
	case 3:
		rgb := p.components[0].id == 'R' && p.components[1].id == 'G' && p.components[2].id == 'B'
		p.Model = YCbCr
		if !jfif && (adobe == 0 || adobe < 0 && rgb) {
			p.Model = RGB
		}
	case 4:
		p.Model = CMYK
		if adobe > 0 {
			p.Model = YCCK
		}
	}
}
