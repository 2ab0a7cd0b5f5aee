package pixels

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"golang.org/x/image/bmp"

	"penstock/clip/internal/jpeg"
	"penstock/clip/internal/rows"
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
	return picture{width: j.Width, height: j.Height, orientation: orientation(j.Exif, j.XMP), memory: j.Memory(), decode: func() (raster, error) {
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
	p := picture{width: c.Width, height: c.Height, orientation: pngOrientation(data), memory: bytesFor(c, perPixel)}
	p.decode = func() (raster, error) { return read(png.Decode(bytes.NewReader(data))) }
	return p, nil
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

func bytesFor(c image.Config, perPixel int64) int64 { return rows.Bytes(c.Width, c.Height, perPixel) }

func read(m image.Image, err error) (raster, error) {
	if err != nil {
		return raster{}, err
	}
	return rasterOf(m), nil
}
