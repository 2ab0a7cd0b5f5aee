package tiff_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"log"

	encoder "golang.org/x/image/tiff"

	"penstock/clip/internal/tiff"
)

func ExampleOpen() {
	m := image.NewGray(image.Rect(0, 0, 2, 2))
	m.SetGray(1, 0, color.Gray{Y: 200})
	var file bytes.Buffer
	if err := encoder.Encode(&file, m, nil); err != nil {
		log.Fatal(err)
	}

	p, err := tiff.Open(file.Bytes(), nil)
	if err != nil {
		log.Fatal(err)
	}
	next, err := p.Decode(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	rgb := make([]byte, 3*p.Width)
	for range p.Height {
		if err := next(rgb); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d\n", rgb)
	}
	// Output:
	// [0 0 0 200 200 200]
	// [0 0 0 0 0 0]
}
