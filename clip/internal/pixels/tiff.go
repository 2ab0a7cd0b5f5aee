package pixels

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"math/bits"

	"golang.org/x/image/tiff"

	"penstock/clip/internal/rows"
)

func openTIFF(data []byte) (picture, error) {
	c, err := tiff.DecodeConfig(bytes.NewReader(data))
	// Such a file is valid; it does not define the meaning of a channel.
	if errors.Is(err, tiff.FormatError("wrong number of samples for RGB")) {
		err = tiff.UnsupportedError("a channel without a meaning")
	}
	if err != nil {
		return picture{}, err
	}
	if bits, _ := findField(data, tagBits); bits.count > 1 && tiffNumber(data, tagPlanes) == 2 {
		return picture{}, tiff.UnsupportedError("samples in separate planes")
	}
	compression, faxOptions := tiffNumber(data, tagCompression), tiffNumber(data, tagFaxOptions)
	if compression == 3 && faxOptions&1 != 0 {
		return picture{}, tiff.UnsupportedError("fax group 3 in two dimensions")
	}
	perPixel := int64(4)
	switch c.ColorModel {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		perPixel = 8
	}
	block, err := tiffBlock(data, c)
	if err != nil {
		return picture{}, err
	}
	// One strip or tile decompresses to up to eight bytes a pixel, into memory that grows by
	// doubling: twice of what is needed beside the half that it grew out of.
	memory := bytesFor(c, perPixel) + bytesFor(block, 24)
	fax := compression == 3 || compression == 4
	reversed := tiffNumber(data, tagFillOrder) == 2 && !fax // of faxes the decoder reverses the bits itself
	if reversed {
		memory += int64(len(data))
	}
	var xmp []byte
	if f, ok := findField(data, tagXMP); ok && (f.kind == tiffByte || f.kind == tiffUndefined) {
		xmp = f.bytes(data, 1)
	}
	p := picture{orientation: orientation(data, xmp), alwaysOrient: true}
	p.Picture = rows.Picture{Width: c.Width, Height: c.Height, Memory: memory}
	p.Decode = func() (rows.Reader, error) {
		content := data
		if reversed {
			content = reverseBits(data)
		}
		m, err := tiff.Decode(bytes.NewReader(content))
		if err != nil && compression == 3 && faxOptions != 0 {
			err = tiff.UnsupportedError("fax group 3 with lines that are filled up")
		}
		if grey, ok := m.(*image.Gray); ok && fax && tiffNumber(data, tagPhotometric) == 1 {
			// In fax compression 1 is black. Where a file calls 1 white, libtiff shows black runs
			// as white; Go's decoder doesn't.
			for i, v := range grey.Pix {
				grey.Pix[i] = ^v
			}
		}
		if err == nil && tiffNumber(data, tagExtraSamples) == associatedAlpha {
			divideByAlpha(m)
		}
		return read(m, err)
	}
	return p, nil
}

// associatedAlpha is what TIFF calls alpha that the colours have been multiplied by.
const associatedAlpha = 1

// divideByAlpha undoes the multiplication as Pillow does: of 16-bit samples with their high bytes,
// and what would be more than white is white.
func divideByAlpha(m image.Image) {
	var pix []byte
	size := 1
	switch m := m.(type) {
	case *image.RGBA:
		pix = m.Pix
	case *image.RGBA64:
		pix, size = m.Pix, 2
	}
	for ; len(pix) > 0; pix = pix[4*size:] {
		alpha := uint(pix[3*size])
		for i := range 3 {
			sample := &pix[i*size]
			if alpha == 0 {
				*sample = 0
			} else {
				*sample = byte(min(255, uint(*sample)*255/alpha))
			}
		}
	}
}

// reverseBits returns a copy of a TIFF that has the bits of each byte of its strips and tiles in
// the usual order.
func reverseBits(data []byte) []byte {
	copied := bytes.Clone(data)
	left := len(data) // strips that share their bytes could be many times as long as the file
	for _, tags := range [...]struct{ offsets, sizes uint16 }{{tagStripOffsets, tagStripSizes}, {tagTileOffsets, tagTileSizes}} {
		offsets, _ := findField(data, tags.offsets)
		sizes, _ := findField(data, tags.sizes)
		length := sizes.numbers(data)
		for i, at := range offsets.numbers(data) {
			if i >= len(length) || at > len(data) {
				break
			}
			n := min(length[i], len(data)-at, left)
			left -= n
			for j := at; j < at+n; j++ {
				copied[j] = bits.Reverse8(data[j])
			}
		}
	}
	return copied
}

// tiffBlock is the size of a TIFF's strips or tiles as the decoder sees it.
func tiffBlock(data []byte, picture image.Config) (image.Config, error) {
	width, height := tiffNumber(data, tagTileWidth), tiffNumber(data, tagTileLength)
	if width == 0 {
		width, height = picture.Width, tiffNumber(data, tagStripRows)
		if height == 0 || height > picture.Height {
			height = picture.Height
		}
	}
	if width < 0 || height < 0 {
		return image.Config{}, tiff.UnsupportedError("sizes of strips or tiles that are no numbers")
	}
	// The decoder refuses larger ones: how far they may reach beyond the picture is bounded.
	const most, beyond = 1024, 16
	return image.Config{Width: min(width, max(most, picture.Width+beyond)), Height: min(height, max(most, picture.Height+beyond))}, nil
}
