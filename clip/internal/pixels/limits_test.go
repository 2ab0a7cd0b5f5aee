package pixels

import (
	"context"
	"errors"
	"testing"

	"penstock/clip/internal/limit"
	"penstock/clip/internal/rows"
)

// wantAllReleased checks that nothing holds a limit of p or waits for one.
func wantAllReleased(t *testing.T, p *Processor) {
	t.Helper()
	for _, s := range p.Limits() {
		if s.InUse != 0 || s.Waiting != 0 {
			t.Errorf("left: %+v", s)
		}
	}
}

// Decoding waits for memory that others use, until its context ends.
func TestDecodingWaitsForMemory(t *testing.T) {
	p := newProcessor(t, clip224, Options{Memory: 1 << 20})
	others, err := new(limit.Holder).Acquire(t.Context(), p.memory, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("the client disconnected")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	data := readFile(t, "../../testdata/photos/cat_chelsea.jpg")
	rgb := make([]byte, 3*224*224)
	go func() { done <- p.Process(ctx, new(limit.Holder), data, rgb) }()
	cancel(cause)
	if err := <-done; !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	go func() { done <- p.Process(t.Context(), new(limit.Holder), data, rgb) }()
	others.Release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantAllReleased(t, p)
}

// A panic of a decoder is a broken picture. A limit that is acquired out of order is not.
func TestPanics(t *testing.T) {
	p := newProcessor(t, clip224, Options{})
	broken := format{name: "JPEG", open: func([]byte) (picture, error) { panic("broken") }}
	if _, err := p.open(broken, nil); err == nil {
		t.Error("no error")
	} else {
		wantReason(t, err, ReasonNotAnImage)
	}
	wantReason(t, p.decode(t.Context(), broken, picture{Picture: rows.Picture{Decode: func(context.Context) (rows.Reader, error) { panic("broken") }}}, nil), ReasonNotAnImage)

	defer func() {
		if recover() == nil {
			t.Error("a core was acquired while memory was held")
		}
	}()
	holder := new(limit.Holder)
	memory, err := holder.Acquire(t.Context(), p.memory, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Release()
	_ = p.Process(t.Context(), holder, readFile(t, "../../testdata/odd/rgb.jpg"), make([]byte, 3*224*224))
}
