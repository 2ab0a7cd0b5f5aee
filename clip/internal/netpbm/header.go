package netpbm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"penstock/clip/internal/rows"
)

// A layout is how the values of a file stand.
type layout int

const (
	plainBits layout = iota
	plain            // decimal numbers
	bits
	binary
	floats
)

// A kind is what a magic number means.
type kind struct {
	layout   layout
	channels int
	grey     bool // a maximum above 255 makes it a picture of 16 bits
}

// unread are the indices of a palette that is not in the file: Pillow, which writes them for its
// tests, shows nothing but black.
const unread = "PyP"

// kindOf returns the meaning of a magic number, without channels if it is none.
func kindOf(magic string) kind {
	switch magic {
	case "P1":
		return kind{plainBits, 1, false}
	case "P2":
		return kind{plain, 1, true}
	case "P3":
		return kind{plain, 3, false}
	case "P4":
		return kind{bits, 1, false}
	case "P5":
		return kind{binary, 1, true}
	case "P6":
		return kind{binary, 3, false}
	case "Pf":
		return kind{floats, 1, false}
	case "P0CMYK", "PyCMYK", "PyRGBA":
		return kind{binary, 4, false}
	}
	return kind{}
}

// magicOf returns the magic number that data begins with, and what follows it and the white space
// that ends it. The longest may be without.
func magicOf(data []byte) (string, []byte) {
	const longest = 6
	for i := range min(longest, len(data)) {
		if isSpace(data[i]) {
			return string(data[:i]), data[i+1:]
		}
	}
	n := min(longest, len(data))
	return string(data[:n]), data[n:]
}

// Is reports whether a file that begins with head is of these kinds: its magic number is followed
// by what begins with a digit. A comment between the two may be longer than head.
func Is(head []byte) bool {
	if len(head) < 2 || head[0] != 'P' {
		return false
	}
	magic, rest := magicOf(head)
	if kindOf(magic).channels == 0 && magic != unread {
		return false
	}
	s := scanner{rest: rest}
	first, err := s.next()
	for err == nil && isSpace(first) {
		first, err = s.next()
	}
	return err != nil || isDigit(first)
}

// A header is what comes before the values.
type header struct {
	kind
	magic         string
	width, height int
	most          int  // the maximum value
	little        bool // floats have their low byte first
	values        []byte
}

// Open reads a picture's header.
func Open(data []byte) (rows.Picture, error) {
	h, err := readHeader(data)
	if err != nil {
		return rows.Picture{}, err
	}
	return rows.Picture{Width: h.width, Height: h.height, Memory: h.memory(), Decode: func(context.Context) (rows.Reader, error) {
		return h.decode()
	}}, nil
}

func readHeader(data []byte) (h header, err error) {
	magic, rest := magicOf(data)
	if magic == unread {
		return h, rows.UnsupportedError("indices of a palette that is not there")
	}
	h.magic, h.kind = magic, kindOf(magic)
	if h.channels == 0 {
		return h, errors.New("it has another magic number")
	}
	s := scanner{rest: rest}
	if h.width, err = s.number(); err != nil {
		return h, fmt.Errorf("width: %w", err)
	}
	if h.height, err = s.number(); err != nil {
		return h, fmt.Errorf("height: %w", err)
	}
	switch h.layout {
	case bits, plainBits:
		h.most = 1
	case floats:
		token, err := s.token()
		if err != nil {
			return h, fmt.Errorf("scale: %w", err)
		}
		scale, err := strconv.ParseFloat(token, 64)
		if err != nil || scale == 0 || math.IsNaN(scale) || math.IsInf(scale, 0) {
			return h, fmt.Errorf("a scale of %q", token)
		}
		h.little = scale < 0
	default:
		if h.most, err = s.number(); err != nil {
			return h, fmt.Errorf("maximum: %w", err)
		}
		if h.most < 1 || h.most > math.MaxUint16 {
			return h, fmt.Errorf("a maximum of %d", h.most)
		}
	}
	h.values = s.rest
	return h, nil
}
