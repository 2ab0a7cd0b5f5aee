package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzChunked compares the decoder with net/http's, for any body in any pieces. That one does not
// read the lines after the last chunk.
func FuzzChunked(f *testing.F) {
	for _, body := range []string{
		"", "0\r\n\r\n", "2\r\nok\r\n0\r\n\r\n", "1\r\no\r\n01\r\nk\r\n000\r\nX-Trailer: yes\r\n\r\n", "2;name=value\r\nok\r\n0 \t;x\r\n\r\n",
		"a\r\n0123456789\r\n0\r\n\r\nmore", "A\r\n0123456789\r\nf\r\n0123", "2\r\nokk\r\n", "2\r\nok\n0\r\n\r\n", "2\nok\r\n", "2\r\rok", "\r\n", "g\r\n", "-1\r\n", "0x2\r\nok\r\n",
		"ffffffffffffffff\r\n", "fffffffffffffffff\r\n", "7fffffffffffffff\r\nx", "0\r\nbare\n\n", ";\r\n", " 2\r\nok\r\n",
		strings.Repeat("1;extension=goes_on_and_on\r\nx\r\n", 2000) + "0\r\n\r\n", "1" + strings.Repeat(" ", 4095) + "\r\nx\r\n", strings.Repeat("0", 20_000), strings.Repeat("1\r\nx\r\n", 10_000) + "0\r\n\r\n",
		"5000\r\n" + strings.Repeat("y", 0x5000) + "\r\n0\r\n\r\n",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		want, wrong := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(body)))
		for name, split := range map[string]func(io.Reader) io.Reader{
			"at once":      func(r io.Reader) io.Reader { return r },
			"byte by byte": iotest.OneByteReader,
			"in halves":    iotest.HalfReader,
		} {
			c := &chunked{from: bufio.NewReaderSize(split(bytes.NewReader(body)), readBuffer)}
			got, err := io.ReadAll(c)
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: %d bytes, not %d", name, len(got), len(want))
			}
			if (wrong == nil) != (err == nil || c.state == trailer) {
				t.Fatalf("%s: %v, and in net/http %v", name, err, wrong)
			}
		}
	})
}

func TestAChunkedBodyEndsWithItsTrailer(t *testing.T) {
	for body, want := range map[string]error{
		"2\r\nok\r\n0\r\n\r\n":                                  nil,
		"2\r\nok\r\n0\r\nX-A: a\r\nX-B: b\r\n\r\n":              nil,
		"2\r\nok\r\n0\r\n":                                      io.ErrUnexpectedEOF,
		"2\r\nok\r\n0\r\nX-A: a\r\n":                            io.ErrUnexpectedEOF,
		"2\r\nok\r\n0\r\n" + strings.Repeat("X-A: a\r\n", 3000): errChunked,
		"2\r\nok\r\n0\r\nX-A: a\n\r\n":                          errChunked,
	} {
		in := bufio.NewReaderSize(strings.NewReader(body+"next"), readBuffer)
		if want != nil {
			in = bufio.NewReaderSize(strings.NewReader(body), readBuffer)
		}
		got, err := io.ReadAll(&chunked{from: in})
		if string(got) != "ok" || !errors.Is(err, want) {
			t.Errorf("%.40q: %q, %v", body, got, err)
		}
		if rest, _ := io.ReadAll(in); want == nil && string(rest) != "next" {
			t.Errorf("%.40q: %q follows it", body, rest)
		}
	}
}
