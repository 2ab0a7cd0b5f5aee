package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"math"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"penstock/clip/internal/jpeg"
)

// A picture is the content of a picture's header. Nothing has been decoded yet, and no memory
// allocated.
type picture struct {
	width, height int
	memory        int64 // bytes that decoding takes, at most
	orientation   int   // EXIF's, 1 to 8
	alwaysOrient  bool  // the orientation is part of the format: it is applied whatever the options are
	decode        func() (raster, error)
}

func openJPEG(data []byte) (picture, error) {
	j, err := jpeg.Open(data)
	if err != nil {
		return picture{}, err
	}
	return picture{width: j.Width, height: j.Height, orientation: orientation(j.Exif), memory: j.Memory(), decode: func() (raster, error) {
		memory := buffers.Get().(*[]byte)
		*memory = grown(*memory, j.Samples())
		done := func() { buffers.Put(memory) }
		planes, err := j.Decode(*memory)
		if err != nil {
			done()
			return raster{}, err
		}
		return raster{j.Width, j.Height, jpegRows(j.Model, planes, j.Width), done}, nil
	}}, nil
}

func openPNG(data []byte) (picture, error) {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return picture{}, err
	}
	perPixel := int64(4)
	switch c.ColorModel {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		perPixel = 8
	}
	if interlaced := data[28] != 0; interlaced {
		perPixel += perPixel / 2 // its largest pass is half a picture, held besides
	}
	p := picture{width: c.Width, height: c.Height, orientation: 1, memory: bytesFor(c, perPixel)}
	for rest := data[8:]; len(rest) >= 12; {
		n := int64(binary.BigEndian.Uint32(rest))
		if 12+n > int64(len(rest)) {
			break
		}
		if string(rest[4:8]) == "eXIf" {
			p.orientation = orientation(rest[8 : 8+n])
		}
		rest = rest[12+n:]
	}
	p.decode = func() (raster, error) { return read(png.Decode(bytes.NewReader(data))) }
	return p, nil
}

func openGIF(data []byte) (picture, error) {
	c, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return picture{}, err
	}
	return picture{width: c.Width, height: c.Height, orientation: 1, memory: bytesFor(c, 2), decode: func() (raster, error) {
		m, err := gif.Decode(bytes.NewReader(data))
		if err != nil {
			return raster{}, err
		}
		return gifRows(data, m.(*image.Paletted), c.Width, c.Height), nil
	}}, nil
}

func openBMP(data []byte) (picture, error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return picture{}, err
	}
	return picture{width: c.Width, height: c.Height, orientation: 1, memory: bytesFor(c, 4), decode: func() (raster, error) {
		return read(bmp.Decode(bytes.NewReader(data)))
	}}, nil
}

func openTIFF(data []byte) (picture, error) {
	c, err := tiff.DecodeConfig(bytes.NewReader(data))
	// Such a file is valid; it does not define the meaning of a channel.
	if errors.Is(err, tiff.FormatError("wrong number of samples for RGB")) {
		err = tiff.UnsupportedError("a channel without a meaning")
	}
	if err != nil {
		return picture{}, err
	}
	if tiffNumber(data, tagPlanes) == 2 {
		return picture{}, tiff.UnsupportedError("samples in separate planes")
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
	p := picture{width: c.Width, height: c.Height, orientation: orientation(data), alwaysOrient: true, memory: memory}
	compression := tiffNumber(data, tagCompression)
	fax := compression == 3 || compression == 4
	p.decode = func() (raster, error) {
		m, err := tiff.Decode(bytes.NewReader(data))
		if grey, ok := m.(*image.Gray); ok && fax && tiffNumber(data, tagPhotometric) == 1 {
			// In fax compression 1 is black. Where a file calls 1 white, libtiff shows black runs
			// as white; Go's decoder doesn't.
			for i, v := range grey.Pix {
				grey.Pix[i] = ^v
			}
		}
		return read(m, err)
	}
	return p, nil
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

// bytesFor saturates: an overflow must not make a picture look small.
func bytesFor(c image.Config, perPixel int64) int64 {
	if c.Height > 0 && int64(c.Width) > math.MaxInt64/perPixel/int64(c.Height) {
		return math.MaxInt64
	}
	return int64(c.Width) * int64(c.Height) * perPixel
}

func read(m image.Image, err error) (raster, error) {
	if err != nil {
		return raster{}, err
	}
	return rasterOf(m), nil
}
