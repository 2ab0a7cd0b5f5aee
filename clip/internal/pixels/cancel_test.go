package pixels

import (
	"context"
	"errors"
	"testing"

	"penstock/clip/internal/rows"
)

func TestDecodingEndsWithItsContext(t *testing.T) {
	p := newProcessor(t, clip224, Options{})
	gone := errors.New("the client has gone away")
	ctx, cancel := context.WithCancelCause(t.Context())
	read := 0
	pic := picture{orientation: 1, Picture: rows.Picture{Width: 10, Height: 1000, Decode: func(context.Context) (rows.Reader, error) {
		return func([]byte) error {
			if read++; read == 100 {
				cancel(gone)
			}
			return nil
		}, nil
	}}}
	if err := p.decode(ctx, format{name: "test"}, pic, make([]byte, 3*224*224)); !errors.Is(err, gone) {
		t.Errorf("got %v, want the cause of the context", err)
	}
	if read != 100 {
		t.Errorf("%d rows were read, want the 100 until the context ended", read)
	}
}

// Of pictures that are decoded whole, the decoders examine the context.
func TestWholeDecodingEndsWithItsContext(t *testing.T) {
	p := newProcessor(t, clip224, Options{})
	gone := errors.New("the client has gone away")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	pictures, _ := coloursPictures(t)
	for name, data := range map[string][]byte{
		"JPEG": readFile(t, "../../testdata/odd/progressive.jpg"), "PNG": pictures["png/0-1-none-interlaced.png"],
	} {
		f, err := identify(data)
		if err != nil {
			t.Fatal(err)
		}
		pic, err := p.open(f, data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pic.Decode(ctx); !errors.Is(err, gone) {
			t.Errorf("%s: got %v, want the cause of the context", name, err)
		}
	}
}
