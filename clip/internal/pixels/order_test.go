package pixels

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"penstock/clip/internal/rows"
)

// patternRows are the rows of the picture that testdata/resized/make.py resizes.
func patternRows() rows.Reader {
	return inOrder(func(y int, rgb []byte) {
		for i := range rgb {
			x, c := i/3, i%3
			rgb[i] = byte(x*x*7 + y*y*3 + x*y*5 + c*85)
		}
	})
}

// Results equal Pillow's on both sides of where it changes the order of the directions, in every
// orientation, with every filter, whole and cropped.
func TestTheOrderOfDirectionsEqualsPillows(t *testing.T) {
	var expected struct {
		Hashes [][7]any `json:"hashes"`
	}
	if err := json.Unmarshal(readFile(t, "../../testdata/resized/orders.json"), &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected.Hashes) < 1000 {
		t.Fatalf("%d hashes", len(expected.Hashes))
	}
	downFirst := 0
	for _, e := range expected.Hashes {
		n := func(i int) int { return int(e[i].(float64)) }
		s := stored{n(0), n(1), n(4)}
		s.width, s.height = s.upright()
		l := layout{width: n(2), height: n(3)}
		if !acrossFirst(s, l, filters[n(5)]) {
			downFirst++
		}
		digest := sha256.New()
		for _, box := range []layout{{boxW: l.width, boxH: l.height}, {left: 3, top: 1, boxW: 8, boxH: 9}, {left: -2, top: -3, boxW: 40, boxH: 41}} {
			box.width, box.height = l.width, l.height
			out := make([]byte, 3*box.boxW*box.boxH)
			if err := resize(patternRows(), s, box, filters[n(5)], out); err != nil {
				t.Fatal(err)
			}
			digest.Write(out)
		}
		if hash := hex.EncodeToString(digest.Sum(nil)[:6]); hash != e[6] {
			t.Errorf("%v: other pixels than Pillow's", e)
		}
	}
	if all := len(expected.Hashes); downFirst < all/4 || downFirst > all*3/4 {
		t.Errorf("%d of %d have the vertical direction first", downFirst, all)
	}
}

// The memory that is counted for resizing is what it takes, at most, and not much more.
func TestResizingTakesNoMoreThanCounted(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	side := func() int { return 1 + random.IntN(1<<random.IntN(12)) }
	for range 3000 {
		s := stored{side(), side(), 1 + random.IntN(8)}
		l := layout{width: side(), height: side(), boxW: side(), boxH: side()}
		l.left, l.top = offset(l.width, l.boxW), offset(l.height, l.boxH)
		code := random.IntN(len(filters))
		name := fmt.Sprintf("%+v to %+v, filter %d", s, l, code)
		p := planFor(s, l, filters[code])
		weights := 0
		for _, t := range append(append([]taps(nil), p.across...), p.down...) {
			weights += len(t.weights)
		}
		columns := len(p.across)
		if !p.acrossFirst {
			columns = p.to - p.from
		}
		takes := 32*(len(p.across)+len(p.down)) + 4*weights + 3*(s.width+columns+len(p.across)) + 12*columns*p.active
		if counted := resizeMemory(s, l, filters[code]); int64(takes) > counted {
			t.Errorf("%s: %d bytes are counted, it takes %d", name, counted, takes)
		}
	}
	camera := stored{16000, 12500, 6}
	l := layout{width: 224, height: 286, top: 31, boxW: 224, boxH: 224}
	if n := resizeMemory(camera, l, filters[3]); n > 4<<20 {
		t.Errorf("a picture of 200 megapixels takes %d bytes", n)
	}
}

// A picture is read to its end, although the last rows are not needed.
func TestRowsAreReadToTheEnd(t *testing.T) {
	l := layout{width: 10, height: 40, top: 15, boxW: 10, boxH: 10}
	for height := range 100 {
		read := func(rgb []byte) error {
			if height--; height < 0 {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err := resize(read, stored{25, 100, 1}, l, filters[3], make([]byte, 300)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%v", err)
		}
	}
}
