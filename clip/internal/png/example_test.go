package png_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	stdpng "image/png"

	"penstock/clip/internal/png"
)

func Example() {
	picture := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	picture.Set(1, 0, color.NRGBA{R: 255, G: 128, A: 255})
	var file bytes.Buffer
	if err := stdpng.Encode(&file, picture); err != nil {
		fmt.Println(err)
		return
	}

	p, err := png.Open(file.Bytes())
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := p.Decode(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	rgb := make([]byte, 3*p.Width)
	for range p.Height {
		if err := read(rgb); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d\n", rgb)
	}
	// Output: [0 0 0 255 128 0]
}
