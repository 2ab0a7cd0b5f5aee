package pixels

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"testing"

	"penstock/apierr"
)

const coloursFolder = "../../testdata/colours"

// coloursArchives are the archives of pictures, each beside the hashes of what Pillow shows.
var coloursArchives = []struct{ pictures, hashes string }{
	{"pictures.tar.gz", "expected.json"},
	{"tiffs.tar.gz", "tiffs.json"},
	{"bmp_ico.tar.gz", "bmp_ico.json"},
	{"qoi.tar.gz", "qoi.json"},
	{"netpbm_tga.tar.gz", "netpbm_tga.json"},
}

// coloursPictures returns pictures of every combination of colour model, marker, sampling, alpha,
// depth, layout and compression, and the hash of what Pillow shows of each: "" if it refuses it.
func coloursPictures(tb testing.TB) (pictures map[string][]byte, hashes map[string]string) {
	tb.Helper()
	pictures, hashes = make(map[string][]byte), make(map[string]string)
	for _, a := range coloursArchives {
		var expected struct {
			Pillow   string            `json:"pillow"`
			Pictures map[string]string `json:"pictures"`
		}
		if err := json.Unmarshal(readFile(tb, filepath.Join(coloursFolder, a.hashes)), &expected); err != nil {
			tb.Fatal(err)
		}
		maps.Copy(hashes, expected.Pictures)
		compressed, err := gzip.NewReader(bytes.NewReader(readFile(tb, filepath.Join(coloursFolder, a.pictures))))
		if err != nil {
			tb.Fatal(err)
		}
		for archive := tar.NewReader(compressed); ; {
			head, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				tb.Fatal(err)
			}
			if pictures[head.Name], err = io.ReadAll(archive); err != nil {
				tb.Fatal(err)
			}
		}
		if len(expected.Pictures) == 0 || len(pictures) != len(hashes) {
			tb.Fatalf("%s: %d pictures, %d hashes", a.pictures, len(pictures), len(hashes))
		}
	}
	return pictures, hashes
}

// decoded returns the rows of a picture, upright.
func decoded(data []byte) (width, height int, rgb []byte, err error) {
	f, err := identify(data)
	if err != nil {
		return 0, 0, nil, err
	}
	defer f.recovered(&err)
	pic, err := f.open(data)
	if err != nil {
		return 0, 0, nil, f.failure(err)
	}
	return shown(f, pic)
}

// shown returns the rows of a picture that has been opened, upright.
func shown(f format, pic picture) (width, height int, rgb []byte, err error) {
	defer f.recovered(&err)
	read, err := pic.Decode(context.Background())
	if err == nil {
		width, height = pic.stored().upright()
		rgb = make([]byte, 3*width*height)
		err = resize(read, pic.stored(), layout{width: width, height: height, boxW: width, boxH: height}, filters[0], rgb)
	}
	if err != nil {
		return 0, 0, nil, f.failure(err)
	}
	return width, height, rgb, nil
}

// Every combination of what decides on colours equals Pillow's result to the bit, or is refused as
// unsupported. None has other colours.
func TestEveryCombinationEqualsPillow(t *testing.T) {
	pictures, hashes := coloursPictures(t)
	for name, data := range pictures {
		t.Run(name, func(t *testing.T) {
			width, height, rgb, err := decoded(data)
			var e *apierr.Error
			switch {
			case err != nil && hashes[name] == "":
				if !errors.As(err, &e) || e.Reason != ReasonUnsupportedImage {
					t.Error(err)
				}
				return
			case err != nil:
				t.Fatal(errors.Unwrap(err))
			}
			size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
			hash := sha256.Sum256(append(size, rgb...))
			if got := hex.EncodeToString(hash[:6]); got != hashes[name] {
				t.Errorf("it is %dx%d and has other pixels than Pillow's", width, height)
			}
		})
	}
}
