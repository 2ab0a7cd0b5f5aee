package engine

import (
	"testing"

	"penstock/stream"
)

// A reader may go at the moment when its stream ends, and what is reported of both may come in
// either order: a stream that is over is not kept.
func TestAStreamThatIsOverIsNoAbsence(t *testing.T) {
	streams := stream.New(stream.Options{})
	ctx, p, err := streams.Create(t.Context(), stream.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p.End(ctx, stream.Terminal{Outcome: stream.OutcomeDone})
	a := newAbsences()
	a.note("a", p.Stream())
	a.note("a", p.Stream()) // of its reader, late
	if len(a.elements) > 0 || len(a.byCaller) > 0 {
		t.Error("the stream is kept")
	}
}
