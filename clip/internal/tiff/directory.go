package tiff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"penstock/clip/internal/rows"
)

func broken(format string, args ...any) error { return fmt.Errorf("tiff: "+format, args...) }

func unsupported(format string, args ...any) error {
	return rows.UnsupportedError(fmt.Sprintf(format, args...))
}

// The tags that decide on pixels.
const (
	tagWidth          = 256
	tagHeight         = 257
	tagBits           = 258
	tagCompression    = 259
	tagPhotometric    = 262
	tagFillOrder      = 266
	tagStripOffsets   = 273
	tagOrientation    = 274
	tagSamples        = 277
	tagStripRows      = 278
	tagStripSizes     = 279
	tagPlanes         = 284
	tagFaxOptions     = 292
	tagFax4Options    = 293
	tagPredictor      = 317
	tagColourMap      = 320
	tagTileWidth      = 322
	tagTileHeight     = 323
	tagTileOffsets    = 324
	tagTileSizes      = 325
	tagExtraSamples   = 338
	tagSampleFormat   = 339
	tagJPEGTables     = 347
	tagCoefficients   = 529
	tagSubsampling    = 530
	tagBlackWhite     = 532
	tagXMP            = 700
	classicEntry      = 12
	bigEntry          = 20
	magic, magicOfBig = 42, 43
)

// A directory has the fields that describe a picture. The values lie in the file: nothing is
// copied, so that it takes no memory to list a million strips.
type directory struct {
	order  binary.ByteOrder
	fields map[uint16]field
}

// A field is a list of values.
type field struct {
	order  binary.ByteOrder
	kind   uint16
	count  int
	values []byte
}

// sizes are how many bytes a value takes, by its type.
var sizes = [...]int{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

// Types of values. There are as well texts and signed numbers, which no tag here has.
const (
	kindByte      = 1
	kindShort     = 3
	kindLong      = 4
	kindRational  = 5
	kindUndefined = 7
	kindFloat     = 11
	kindDouble    = 12
	kindOffset    = 13
	kindLong8     = 16
	kindOffset8   = 18
)

// readDirectory reads the first directory of a file. Its entries may be in any order.
func readDirectory(data []byte) (directory, error) {
	if len(data) < 16 {
		return directory{}, io.ErrUnexpectedEOF
	}
	d := directory{order: binary.LittleEndian, fields: make(map[uint16]field)}
	if data[0] == 'M' {
		d.order = binary.BigEndian
	}
	var at, count uint64
	size := uint64(classicEntry)
	switch d.order.Uint16(data[2:]) {
	case magic:
		if at = uint64(d.order.Uint32(data[4:])); at+2 > uint64(len(data)) {
			return directory{}, io.ErrUnexpectedEOF
		}
		count = uint64(d.order.Uint16(data[at:]))
		at += 2
	case magicOfBig:
		size = bigEntry
		if at = d.order.Uint64(data[8:]); at > uint64(len(data)-8) {
			return directory{}, io.ErrUnexpectedEOF
		}
		count = d.order.Uint64(data[at:])
		at += 8
	default:
		return directory{}, broken("it does not begin as one")
	}
	if (uint64(len(data))-at)/size < count {
		return directory{}, io.ErrUnexpectedEOF
	}
	for entry := data[at : at+count*size]; len(entry) > 0; entry = entry[size:] {
		if err := d.add(data, entry[:size]); err != nil {
			return directory{}, err
		}
	}
	return d, nil
}

// add reads an entry. Of two with one tag the first counts, as in libtiff.
func (d directory) add(data, entry []byte) error {
	tag := d.order.Uint16(entry)
	if _, ok := d.fields[tag]; ok || !known(tag) {
		return nil
	}
	f := field{order: d.order, kind: d.order.Uint16(entry[2:])}
	if int(f.kind) >= len(sizes) || sizes[f.kind] == 0 {
		return nil
	}
	count, value := uint64(d.order.Uint32(entry[4:])), entry[8:]
	if len(entry) == bigEntry {
		count, value = d.order.Uint64(entry[4:]), entry[12:]
	}
	size := uint64(sizes[f.kind])
	if count > uint64(len(data))/size {
		return fmt.Errorf("tiff: the values of tag %d: %w", tag, io.ErrUnexpectedEOF)
	}
	f.count = int(count)
	if need := count * size; need <= uint64(len(value)) {
		f.values = value[:need]
	} else {
		at := uint64(d.order.Uint32(value))
		if len(entry) == bigEntry {
			at = d.order.Uint64(value)
		}
		if at > uint64(len(data))-need {
			return fmt.Errorf("tiff: the values of tag %d: %w", tag, io.ErrUnexpectedEOF)
		}
		f.values = data[at : at+need]
	}
	d.fields[tag] = f
	return nil
}

func known(tag uint16) bool {
	switch tag {
	case tagWidth, tagHeight, tagBits, tagCompression, tagPhotometric, tagFillOrder, tagStripOffsets, tagOrientation, tagSamples,
		tagStripRows, tagStripSizes, tagPlanes, tagFaxOptions, tagFax4Options, tagPredictor, tagColourMap, tagTileWidth, tagTileHeight, tagTileOffsets,
		tagTileSizes, tagExtraSamples, tagSampleFormat, tagJPEGTables, tagCoefficients, tagSubsampling, tagBlackWhite, tagXMP:
		return true
	}
	return false
}

// at returns value i if it is a whole number, and -1 if it is not, or is missing.
func (f field) at(i int) int64 {
	if i >= f.count {
		return -1
	}
	switch f.kind {
	case kindByte:
		return int64(f.values[i])
	case kindShort:
		return int64(f.order.Uint16(f.values[2*i:]))
	case kindLong, kindOffset:
		return int64(f.order.Uint32(f.values[4*i:]))
	case kindLong8, kindOffset8:
		if v := f.order.Uint64(f.values[8*i:]); v <= math.MaxInt64 {
			return int64(v)
		}
	}
	return -1
}

// real returns value i as a fraction or a whole number.
func (f field) real(i int) float32 {
	switch {
	case i >= f.count:
		return 0
	case f.kind == kindRational:
		return float32(float64(f.order.Uint32(f.values[8*i:])) / float64(f.order.Uint32(f.values[8*i+4:])))
	case f.kind == kindFloat:
		return math.Float32frombits(f.order.Uint32(f.values[4*i:]))
	case f.kind == kindDouble:
		return float32(math.Float64frombits(f.order.Uint64(f.values[8*i:])))
	}
	return float32(f.at(i))
}

// bytes returns the content of a field of bytes.
func (f field) bytes() []byte {
	if f.kind == kindByte || f.kind == kindUndefined {
		return f.values
	}
	return nil
}

var errNumber = errors.New("tiff: a size or a number has no valid value")

// number returns the only value of a tag, or what it is by default where the tag is missing.
func (d directory) number(tag uint16, missing int) (int, error) {
	f, ok := d.fields[tag]
	if !ok {
		return missing, nil
	}
	v := f.at(0)
	if v < 0 || v > math.MaxInt32 {
		if v == math.MaxUint32 && tag == tagStripRows { // all of them
			return math.MaxInt32, nil
		}
		return 0, fmt.Errorf("%w: tag %d", errNumber, tag)
	}
	return int(v), nil
}
