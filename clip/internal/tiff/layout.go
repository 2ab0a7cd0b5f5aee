package tiff

import (
	"math"
)

// Photometric interpretations.
const (
	whiteIsZero = 0
	blackIsZero = 1
	asRGB       = 2
	asPalette   = 3
	asInks      = 5
	asYCbCr     = 6
	asLab       = 8
)

// Formats of samples.
const (
	formatUnsigned = 1
	formatSigned   = 2
	formatFloat    = 3
)

// Kinds of further samples.
const (
	extraNone       = -1
	extraAssociated = 1 // alpha that the colours have been multiplied by
)

// maxSamples is how many samples a pixel may have: more than Pillow reads, few enough for the time
// that a picture takes to be of the order of its pixels.
const maxSamples = 16

// A layout is how the pixels lie in a file.
type layout struct {
	directory
	width, height      int
	compression        int
	photometric        int
	samples            int // of a pixel, all alike
	bits, format       int // of a sample
	extra              int // the kind of the first sample beyond the colours
	planar             bool
	reversed           bool // the lowest bit of a byte is the first
	predictor          int
	halfX, halfY       int // YCbCr: how many pixels share a chroma sample
	blockW, blockH     int // of a strip or tile
	across, down       int // how many of them
	offsets, sizeField field
}

func readLayout(d directory) (*layout, error) {
	l := &layout{directory: d, halfX: 1, halfY: 1}
	var planes, order int
	for _, n := range []struct {
		to      *int
		tag     uint16
		missing int
	}{
		{&l.width, tagWidth, 0},
		{&l.height, tagHeight, 0},
		{&l.compression, tagCompression, compressionNone},
		{&l.photometric, tagPhotometric, whiteIsZero},
		{&l.samples, tagSamples, 1},
		{&planes, tagPlanes, 1},
		{&order, tagFillOrder, 1},
		{&l.predictor, tagPredictor, 1},
	} {
		var err error
		if *n.to, err = d.number(n.tag, n.missing); err != nil {
			return nil, err
		}
	}
	if l.width < 1 || l.height < 1 {
		return nil, broken("it has no size")
	}
	if l.samples < 1 || l.samples > maxSamples {
		return nil, unsupported("%d samples in a pixel", l.samples)
	}
	l.planar = planes == 2 && l.samples > 1
	l.reversed = order == 2
	if err := l.readSamples(); err != nil {
		return nil, err
	}
	return l, l.readBlocks()
}

// readSamples reads what a pixel consists of.
func (l *layout) readSamples() error {
	var err error
	if l.bits, err = l.same(tagBits, 1, l.samples); err != nil {
		return err
	}
	formats := l.fields[tagSampleFormat].count
	if l.format, err = l.same(tagSampleFormat, formatUnsigned, formats); err != nil {
		return err
	}
	switch l.bits {
	case 1, 2, 4, 12:
		if l.samples > 1 {
			return unsupported("pixels of several samples of %d bits", l.bits)
		}
	case 8, 16, 32:
	default:
		return unsupported("samples of %d bits", l.bits)
	}
	colours := map[int]int{whiteIsZero: 1, blackIsZero: 1, asRGB: 3, asPalette: 1, asInks: 4, asYCbCr: 3, asLab: 3}[l.photometric]
	if colours == 0 {
		return unsupported("photometric interpretation %d", l.photometric)
	}
	if l.photometric == asYCbCr && l.samples == 1 { // luma alone
		l.photometric, colours = blackIsZero, 1
	}
	if l.samples < colours {
		return broken("its pixels have too few samples")
	}
	extras := l.fields[tagExtraSamples]
	undeclared := l.samples > colours && extras.count == 0
	if l.samples > colours+extras.count && (!undeclared || l.photometric != asRGB || l.samples != 4) {
		return unsupported("a channel without a meaning")
	}
	l.extra = extraNone
	if l.samples > colours && extras.count > 0 {
		l.extra = int(extras.at(0))
	}
	if undeclared && l.planar && l.compression != compressionNone {
		l.extra = extraAssociated // as libtiff has it
	}
	if l.planar { // planes that are not needed are not read
		needed := colours
		if l.extra == extraAssociated {
			needed++
		}
		l.samples = min(l.samples, needed)
		l.planar = l.samples > 1
	}
	if l.photometric == asYCbCr && l.fields[tagSubsampling].count >= 2 {
		f := l.fields[tagSubsampling]
		l.halfX, l.halfY = int(f.at(0)), int(f.at(1))
	} else if l.photometric == asYCbCr && l.compression != compressionNone && !l.planar {
		l.halfX, l.halfY = 2, 2
	}
	return nil
}

// same returns the value that the first count values of a tag have in common. One alone is that of
// all.
func (l *layout) same(tag uint16, missing, count int) (int, error) {
	f, ok := l.fields[tag]
	if !ok {
		return missing, nil
	}
	if f.count < count && f.count != 1 {
		return 0, unsupported("fewer values of tag %d than samples", tag)
	}
	first := f.at(0)
	for i := 1; i < min(f.count, count); i++ {
		if f.at(i) != first {
			return 0, unsupported("samples that differ in tag %d", tag)
		}
	}
	if first < 0 || first > math.MaxInt16 {
		return 0, errNumber
	}
	return int(first), nil
}

// readBlocks reads how the picture is divided into strips or tiles.
func (l *layout) readBlocks() error {
	strips, tiles := l.fields[tagStripOffsets], l.fields[tagTileOffsets]
	var err error
	if strips.count > 0 && tiles.count == 0 {
		l.blockW, l.offsets, l.sizeField = l.width, strips, l.fields[tagStripSizes]
		if l.blockH, err = l.number(tagStripRows, l.height); err != nil {
			return err
		}
		if l.blockH == 0 {
			return broken("its strips have no rows")
		}
		l.blockH = min(l.blockH, l.height)
	} else {
		l.offsets, l.sizeField = tiles, l.fields[tagTileSizes]
		if l.offsets.count == 0 {
			l.offsets, l.sizeField = strips, l.fields[tagStripSizes]
		}
		if l.blockW, err = l.number(tagTileWidth, 0); err != nil {
			return err
		}
		if l.blockH, err = l.number(tagTileHeight, 0); err != nil {
			return err
		}
		if l.blockW == 0 || l.blockH == 0 {
			return broken("it has neither strips nor tiles")
		}
	}
	l.across, l.down = (l.width-1)/l.blockW+1, (l.height-1)/l.blockH+1
	// How much of the tiles lies beyond the picture is bounded: it is decoded as well.
	const most, beyond = 4, 1 << 24
	if int64(l.across)*int64(l.blockW) > int64(l.width)*most+beyond/int64(l.height) {
		return unsupported("tiles far larger than the picture")
	}
	if l.across > 1 && l.blockW*l.bits%8 != 0 {
		return unsupported("tiles that end within a byte")
	}
	blocks := int64(l.across) * int64(l.down)
	if l.planar {
		blocks *= int64(l.samples)
	}
	if int64(l.offsets.count) < blocks {
		return broken("it has %d strips or tiles, not %d", l.offsets.count, blocks)
	}
	return nil
}

// stored is how many samples of a pixel lie together.
func (l *layout) stored() int {
	if l.planar {
		return 1
	}
	return l.samples
}

// rowBytes is the size of a row of width pixels whose samples lie together.
func (l *layout) rowBytes(width, samples int) int { return (width*samples*l.bits + 7) / 8 }
