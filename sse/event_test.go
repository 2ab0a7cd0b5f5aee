package sse_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"penstock/sse"
)

// An event in pieces is the same bytes as one in a row, and no piece is larger than it may be.
func TestAnEventInPieces(t *testing.T) {
	id, err := sse.ParseID("S")
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{
		"", "\n", "\r\n", "\r\r\n\n", "a", strings.Repeat("x", 57), strings.Repeat("x", 58), strings.Repeat("x", 59),
		strings.Repeat("long ", 100), strings.Repeat("a\nb\r\nc\rd", 40), strings.Repeat("\n", 100), "x\r" + strings.Repeat("y", 200) + "\n",
	} {
		for _, name := range []string{"", "done"} {
			for _, stream := range []sse.ID{{}, id} {
				e := sse.Event{Name: sse.MustName(name), Data: []byte(data)}
				want := append([]byte("before"), e.Append(nil, sse.ID{})...)
				if stream == id {
					want = e.AppendNumbered([]byte("before"), id, 7)
				}
				var got []byte
				rest, err := e.AppendInPieces([]byte("before"), stream, 7, 64, func(piece []byte) ([]byte, error) {
					if len(piece) < 64 || len(piece) > 64+len("data: ") {
						t.Errorf("%q comes in a piece of %d bytes", data, len(piece))
					}
					got = append(got, piece...)
					return piece[:0], nil
				})
				if got = append(got, rest...); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%v: %q in place of %q", err, got, want)
				}
			}
		}
	}
	full := errors.New("full")
	if _, err := (sse.Event{Data: make([]byte, 100)}).AppendInPieces(nil, sse.ID{}, 0, 64, func([]byte) ([]byte, error) { return nil, full }); !errors.Is(err, full) {
		t.Errorf("an error of flush gives %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for name, data := range map[string]string{
		"one line":   strings.Repeat("x", 200),
		"many lines": strings.Repeat("a line\n", 1<<20),
	} {
		e := sse.Event{Data: []byte(data)}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			var buf []byte
			for b.Loop() {
				buf = e.Append(buf[:0], sse.ID{})
			}
		})
	}
}
