package fetch

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"penstock/memory"
)

// encode encodes a body in codings, the first one first.
func encode(t *testing.T, body []byte, codings ...string) []byte {
	t.Helper()
	for _, coding := range codings {
		var b bytes.Buffer
		var w io.WriteCloser
		var err error
		switch coding {
		case "gzip", "x-gzip":
			w = gzip.NewWriter(&b)
		case "deflate":
			w = zlib.NewWriter(&b)
		case "raw deflate":
			w, err = flate.NewWriter(&b, flate.DefaultCompression)
		case "br":
			w = brotli.NewWriter(&b)
		case "zstd":
			w, err = zstd.NewWriter(&b)
		}
		if err == nil {
			_, err = w.Write(body)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		body = b.Bytes()
	}
	return body
}

// encodedServer serves a body under a Content-Encoding.
func encodedServer(t *testing.T, coding string, body []byte) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		if accepted, ok := r.Header["Accept-Encoding"]; ok {
			t.Errorf("it accepts %s", accepted)
		}
		w.Header()["Content-Encoding"] = strings.Split(coding, "|")
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = w.Write(body)
	}).URL
}

func TestContentEncodingsAreUndone(t *testing.T) {
	cat := bytes.Repeat([]byte("a picture of a cat "), 50)
	for coding, codings := range map[string][]string{
		"gzip": {"gzip"}, "X-GZIP": {"gzip"}, "deflate": {"deflate"}, " Deflate ": {"raw deflate"}, "br": {"br"}, "zstd": {"zstd"},
		"identity": nil, "": nil, "gzip, br": {"gzip", "br"}, "br|identity|gzip": {"br", "gzip"}, "gzip,gzip,gzip": {"gzip", "gzip", "gzip"},
		"binary": nil, "utf-8": nil, "none": nil, "aws-chunked": nil,
	} {
		address := encodedServer(t, coding, encode(t, cat, codings...))
		f := newFetcher(t, Options{MaxSize: int64(len(cat))})
		for range 2 { // the second time from the cache
			var got []byte
			if err := fetchFrom(t.Context(), f, address, func(body []byte) error { got = bytes.Clone(body); return nil }); err != nil || !bytes.Equal(got, cat) {
				t.Errorf("%s: %.40q, %v", coding, got, err)
			}
		}
		wantAllReleased(t, f)
	}
}

func TestContentEncodingsThatFail(t *testing.T) {
	cat := bytes.Repeat([]byte("a picture of a cat "), 50)
	bomb := make([]byte, 1<<20)
	whole := encode(t, cat, "gzip")
	for name, c := range map[string]struct {
		coding string
		body   []byte
		reason string
	}{
		"not gzip":            {"gzip", cat, ReasonFailed},
		"half of gzip":        {"gzip", whole[:len(whole)/2], ReasonFailed},
		"gzip and more":       {"gzip", append(bytes.Clone(whole), 'x'), ReasonFailed},
		"nothing":             {"gzip", nil, ReasonFailed},
		"too many codings":    {"gzip, gzip, gzip, gzip", encode(t, cat, "gzip", "gzip", "gzip", "gzip"), ReasonFailed},
		"a bomb of gzip":      {"gzip", encode(t, bomb, "gzip"), ReasonTooLarge},
		"a bomb of deflate":   {"deflate", encode(t, bomb, "deflate"), ReasonTooLarge},
		"a bomb of br":        {"br", encode(t, bomb, "br"), ReasonTooLarge},
		"a bomb of zstd":      {"zstd", encode(t, bomb, "zstd"), ReasonTooLarge},
		"a bomb in a bomb":    {"gzip, gzip", encode(t, make([]byte, 16<<20), "gzip", "gzip"), ReasonTooLarge},
		"members of nothing":  {"gzip", bytes.Repeat(encode(t, nil, "gzip"), 1000), ReasonTooLarge},
		"one byte too many":   {"br", encode(t, make([]byte, 10<<10+1), "br"), ReasonTooLarge},
		"half of two codings": {"gzip, gzip", encode(t, whole, "gzip")[:60], ReasonFailed},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFetcher(t, Options{MaxSize: 10 << 10})
			called := false
			err := fetchFrom(t.Context(), f, encodedServer(t, c.coding, c.body), func([]byte) error { called = true; return nil })
			wantReason(t, err, c.reason)
			if called {
				t.Error("it was used all the same")
			}
			wantAllReleased(t, f)
		})
	}
}

// What decoders take is part of the memory of the fetch, and given back.
func TestDecodersAreInTheBudget(t *testing.T) {
	body := encode(t, []byte("cat"), "br")
	f := newFetcher(t, Options{})
	for size, want := range map[int64]bool{64 << 20: true, 10 << 20: false} {
		budget := memory.New(size)
		ctx := memory.With(t.Context(), budget.Account("a"))
		err := fetchFrom(ctx, f, encodedServer(t, "br", body)+fmt.Sprint("/", size), ignore)
		if (err == nil) != want {
			t.Errorf("with %d bytes: %v", size, err)
		}
	}
}

func TestStatusesOfWholeBodies(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		ranges []string
		ok     bool
	}{
		"200":                 {200, nil, true},
		"200 with a range":    {200, []string{"bytes 0-0/9"}, true}, // which has no meaning
		"203":                 {203, nil, true},
		"206 whole":           {206, []string{"bytes 0-2/3"}, true},
		"206 in capitals":     {206, []string{" BYTES  0-2/3 "}, true},
		"206 of more":         {206, []string{"bytes 0-2/4"}, false},
		"206 of the end":      {206, []string{"bytes 1-3/4"}, false},
		"206 of unknown size": {206, []string{"bytes 0-2/*"}, false},
		"206 of another size": {206, []string{"bytes 0-3/4"}, false},
		"206 of nothing":      {206, []string{"bytes */3"}, false},
		"206 of -1":           {206, []string{"bytes 0--1/0"}, false},
		"206 of lines":        {206, []string{"lines 0-2/3"}, false},
		"206 twice":           {206, []string{"bytes 0-2/3", "bytes 0-2/3"}, false},
		"206 alone":           {206, nil, false},
		"201":                 {201, nil, false},
		"202":                 {202, nil, false},
		"226":                 {226, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Range"] = c.ranges
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, "cat")
			})
			f := newFetcher(t, Options{})
			got := ""
			err := fetchFrom(t.Context(), f, s.URL, func(body []byte) error { got = string(body); return nil })
			if c.ok && (err != nil || got != "cat") {
				t.Errorf("got %q, %v", got, err)
			}
			if !c.ok {
				wantReason(t, err, ReasonFailed)
			}
		})
	}
}

// The range of a 206 is one of the encoded body.
func TestA206ThatIsEncoded(t *testing.T) {
	body := encode(t, []byte("cat"), "gzip")
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(body)-1, len(body)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(body)
	})
	f := newFetcher(t, Options{})
	got := ""
	if err := fetchFrom(t.Context(), f, s.URL, func(body []byte) error { got = string(body); return nil }); err != nil || got != "cat" {
		t.Errorf("got %q, %v", got, err)
	}
}
