package qoi_test

import (
	"context"
	"fmt"

	"penstock/clip/internal/qoi"
)

func Example() {
	red := "\xfe\xff\x00\x00"
	twice := "\xc1"
	file := "qoif\x00\x00\x00\x03\x00\x00\x00\x01\x03\x00" + red + twice + "\x00\x00\x00\x00\x00\x00\x00\x01"
	p, err := qoi.Open([]byte(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := p.Decode(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	row := make([]byte, 3*p.Width)
	for range p.Height {
		err = next(row)
		fmt.Printf("%d %v\n", row, err)
	}
	// Output: [255 0 0 255 0 0 255 0 0] <nil>
}
