package tiff

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	stdjpeg "image/jpeg"
	"testing"

	"penstock/clip/internal/jpeg"
	"penstock/clip/internal/rows"
)

// A strip may be higher than it should be, as the last one of some writers is. Many may not: a few
// bytes would take as long as a picture of all those rows.
func TestRowsTooManyInStripsAreBounded(t *testing.T) {
	var block bytes.Buffer
	if err := stdjpeg.Encode(&block, image.NewGray(image.Rect(0, 0, 16, 48)), nil); err != nil {
		t.Fatal(err)
	}
	for strips, ok := range map[int]bool{1: true, 2: false, 9: false} {
		if err := decodeAll(stripsOf(block.Bytes(), 16, 8, strips), 16, 8*strips); (err == nil) != ok {
			t.Errorf("%d strips: %v", strips, err)
		}
	}
}

// A JPEG has at least 8 rows, however few its strip has.
func TestStripsLowerThanAnyJPEGAreRefused(t *testing.T) {
	var block bytes.Buffer
	if err := stdjpeg.Encode(&block, image.NewGray(image.Rect(0, 0, 16, 7)), nil); err != nil {
		t.Fatal(err)
	}
	var unsupported rows.UnsupportedError
	if err := decodeAll(stripsOf(block.Bytes(), 16, 7, 2), 16, 14); !errors.As(err, &unsupported) {
		t.Errorf("two strips of 7 rows: %v", err)
	}
	if err := decodeAll(stripsOf(block.Bytes(), 16, 7, 1), 16, 7); err != nil {
		t.Errorf("one strip of 7 rows: %v", err)
	}
}

func decodeAll(data []byte, width, height int) error {
	p, err := Open(data, func(*jpeg.Picture, []jpeg.Plane) rows.Reader { return nil })
	if err != nil {
		return err
	}
	read, err := p.Decode(context.Background())
	for range height {
		if err == nil {
			err = read(make([]byte, 3*width))
		}
	}
	return err
}

// stripsOf is a grey TIFF whose strips are all the same JPEG.
func stripsOf(block []byte, width, height, strips int) []byte {
	const head, entries, end = 8, 9, 4
	lists := head + 2 + entries*classicEntry + end
	at := uint32(lists + 8*strips)
	order := binary.LittleEndian
	out := order.AppendUint16([]byte("II"), magic)
	out = order.AppendUint16(order.AppendUint32(out, head), entries)
	add := func(tag uint16, count, value int) {
		out = order.AppendUint16(order.AppendUint16(out, tag), kindLong)
		out = order.AppendUint32(order.AppendUint32(out, uint32(count)), uint32(value))
	}
	add(tagWidth, 1, width)
	add(tagHeight, 1, height*strips)
	add(tagBits, 1, 8)
	add(tagCompression, 1, compressionJPEG)
	add(tagPhotometric, 1, blackIsZero)
	add(tagSamples, 1, 1)
	add(tagStripRows, 1, height)
	if strips == 1 {
		add(tagStripOffsets, 1, int(at))
		add(tagStripSizes, 1, len(block))
	} else {
		add(tagStripOffsets, strips, lists)
		add(tagStripSizes, strips, lists+4*strips)
	}
	out = order.AppendUint32(out, 0)
	for _, value := range []uint32{at, uint32(len(block))} {
		for range strips {
			out = order.AppendUint32(out, value)
		}
	}
	return append(out, block...)
}
