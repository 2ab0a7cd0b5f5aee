package pixels

import (
	"bytes"
	"regexp"
	"testing"
)

// A bitmap, an icon or a cursor that lacks its end is shown whole, as what is missing is not
// needed, or refused as truncated.
func TestBitmapsCutShort(t *testing.T) {
	// Where pixels begin before the palette does, this may be cut and shown.
	bitmaps := regexp.MustCompile(`^(bmps/.*-header40-odd|bmps/fields-.*header40|bmps/rle-[48]-(odd|no-|jump|beyond)|dibs/|icos/|curs/)`)
	pictures, hashes := coloursPictures(t)
	refused := 0
	for name, data := range pictures {
		if !bitmaps.MatchString(name) || hashes[name] == "" {
			continue
		}
		_, _, whole, err := decoded(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for missing := 1; missing < len(data)-16 && missing < 200; missing++ {
			_, _, rgb, err := decoded(data[:len(data)-missing])
			switch {
			case err != nil:
				wantReason(t, err, ReasonTruncatedImage)
				refused++
			case !bytes.Equal(rgb, whole):
				t.Errorf("%s: without %d bytes it has other pixels", name, missing)
			}
		}
	}
	if refused == 0 {
		t.Error("none is refused")
	}
}
