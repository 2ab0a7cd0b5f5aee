package contentcoding_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"penstock/contentcoding"
)

func TestParse(t *testing.T) {
	for header, want := range map[string][]string{
		"":                   nil,
		"identity":           nil,
		"gzip":               {"gzip"},
		" X-GZip , identity": {"gzip"},
		"br, zstd|deflate":   {"br", "zstd", "deflate"},
	} {
		got, err := contentcoding.Parse(strings.Split(header, "|"))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", header, got, err)
		}
	}
	for header, message := range map[string]string{
		"compress":                 `Content-Encoding "compress" is not supported`,
		"gzip,gzip|gzip,gzip":      "the body has 4 content codings, and may have 3",
		strings.Repeat("x", 1<<20): "x...",
	} {
		_, err := contentcoding.Parse(strings.Split(header, "|"))
		if err == nil || len(err.Error()) > 300 || !strings.Contains(strings.ReplaceAll(err.Error(), `"...`, "..."), message) {
			t.Errorf("%.20q: %v", header, err)
		}
	}
}

func TestLimits(t *testing.T) {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, _ = z.Write(make([]byte, 1000))
	z.Close()
	for limit, want := range map[int64]error{1000: nil, 999: contentcoding.ErrTooLarge, 0: contentcoding.ErrTooLarge} {
		r, err := contentcoding.Codings{"gzip"}.NewReader(bytes.NewReader(body.Bytes()), limit)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if !errors.Is(err, want) || int64(len(got)) > limit {
			t.Errorf("with %d: %d bytes, %v", limit, len(got), err)
		}
	}
}
