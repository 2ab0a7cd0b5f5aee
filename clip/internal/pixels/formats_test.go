package pixels

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

const oddFolder = "../../testdata/odd"

// oddPictures are pictures of all kinds; beside each is what Pillow shows of it.
func oddPictures(tb testing.TB) []string {
	tb.Helper()
	wanted, err := filepath.Glob(filepath.Join(oddFolder, "*.png.png"))
	if err != nil || len(wanted) == 0 {
		tb.Fatalf("no pictures in %s: %v", oddFolder, err)
	}
	all, err := filepath.Glob(filepath.Join(oddFolder, "*.*.png"))
	if err != nil {
		tb.Fatal(err)
	}
	for i := range all {
		all[i] = strings.TrimSuffix(all[i], ".png")
	}
	return all
}

// Pictures of all kinds equal Pillow's, before they are resized.
func TestDecodingEqualsPillow(t *testing.T) {
	for _, path := range oddPictures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data := readFile(t, path)
			want := decodePNG(t, readFile(t, path+".png"))
			f, err := identify(data)
			if err != nil {
				t.Fatal(err)
			}
			pic, err := f.open(data)
			if err != nil {
				t.Fatal(err)
			}
			width, height, got, err := shown(f, pic)
			if err != nil {
				t.Fatal(err)
			}
			if size := want.Bounds().Size(); width != size.X || height != size.Y {
				t.Fatalf("it is %dx%d, not %v", width, height, size)
			}
			mean, worst := difference(got, rgbOf(want))
			if worst > 0 {
				t.Errorf("mean difference %.3f of 255, largest %d", mean, worst)
			}
		})
	}
}

// Resizing equals Pillow's to the bit, with every filter, up and down.
func TestResizingEqualsPillow(t *testing.T) {
	original := rgbOf(decodePNG(t, readFile(t, "../../testdata/odd/rgb.bmp.png")))
	row := func(y int, rgb []byte) { copy(rgb, original[y*len(rgb):]) }
	for code, f := range filters {
		for _, size := range []struct{ w, h int }{{23, 17}, {61, 41}, {40, 90}, {200, 41}} {
			name := fmt.Sprintf("%d-%dx%d", code, size.w, size.h)
			t.Run(name, func(t *testing.T) {
				want := rgbOf(decodePNG(t, readFile(t, "../../testdata/resized/"+name+".png")))
				got := make([]byte, 3*size.w*size.h)
				l := layout{width: size.w, height: size.h, boxW: size.w, boxH: size.h}
				if err := resize(inOrder(row), stored{61, 41, 1}, l, f, got); err != nil {
					t.Fatal(err)
				}
				if mean, worst := difference(got, want); worst > 0 {
					t.Errorf("mean difference %.3f of 255, largest %d", mean, worst)
				}
			})
		}
	}
}
