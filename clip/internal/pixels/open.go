package pixels

import (
	"context"

	"penstock/clip/internal/jpeg"
	"penstock/clip/internal/png"
	"penstock/clip/internal/rows"
)

// A picture is the content of a picture's header. Nothing has been decoded yet, and no memory
// allocated.
type picture struct {
	rows.Picture
	orientation  int  // EXIF's, 1 to 8
	alwaysOrient bool // the orientation is part of the format: it is applied whatever the options are
}

// stored describes p to what resizes it.
func (p picture) stored() stored { return stored{p.Width, p.Height, p.orientation} }

// plain makes format.open of the Open of a decoder whose files have no orientation.
func plain(open func(data []byte) (rows.Picture, error)) func(data []byte) (picture, error) {
	return func(data []byte) (picture, error) {
		p, err := open(data)
		return picture{Picture: p, orientation: 1}, err
	}
}

func openJPEG(data []byte) (picture, error) {
	j, err := jpeg.Open(data)
	if err != nil {
		return picture{}, err
	}
	p := picture{orientation: orientation(j.Exif, j.XMP)}
	p.Picture = rows.Picture{Width: j.Width, Height: j.Height, Memory: j.Memory() + jpegLines(j.Width), Decode: func(ctx context.Context) (rows.Reader, error) {
		memory := buffers.Get().(*[]byte)
		*memory = grown(*memory, j.Samples())
		planes, err := j.Decode(ctx, *memory)
		if err != nil {
			buffers.Put(memory)
			return nil, err
		}
		return lent(memory, j.Height, jpegRows(j, planes)), nil
	}}
	return p, nil
}

func openPNG(data []byte) (picture, error) {
	p, err := png.Open(data)
	if err != nil {
		return picture{}, err
	}
	return picture{Picture: p, orientation: pngOrientation(data)}, nil
}
