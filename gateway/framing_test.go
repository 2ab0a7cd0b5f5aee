package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// scanned returns what framing lets through of a connection whose bytes arrive in pieces of a size.
func scanned(text string, size int) (string, *framing) {
	f := &framing{}
	b := []byte(text)
	for rest := b; len(rest) > 0; {
		n := min(size, len(rest))
		f.scan(rest[:n])
		rest = rest[n:]
	}
	return string(b), f
}

const (
	twoLengths  = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	otherOrder  = "POST / HTTP/1.1\nHost: a\ntransfer-ENCODING: chunked\nX: y\ncontent-LENGTH: 5\n\n0\r\n\r\n"
	oldEncoding = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	folded      = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n 2\r\n\r\nhello, world"
	plain       = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	inBodyText  = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 103\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n.........................."
	chunks      = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n1B\r\nContent-Length: 5\r\nTransfer\r\n0\r\nContent-Length: 1\r\n\r\n"
	noHTTP2     = "PRI * HTTP/2.0\r\nX: y\r\n\r\n"
	bareHTTP2   = "PRI * HTTP/2.0\nX: y\n\r\n"
	bare        = "GET http://a:80/Content-Length:5 HTTP/1.1\r\nHost: a\r\nX-Content-Length: 5\r\nTransfer-Encodings: chunked\r\n\r\n"
)

func TestAHeadWithTwoLengthsIsMadeMalformedAndNothingElseIs(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		bad  bool
	}{
		"both":                         {twoLengths, true},
		"both, the other way round":    {otherOrder, true},
		"an encoding in HTTP/1.0":      {oldEncoding, true},
		"a length of two lines":        {folded, true},
		"a length":                     {plain, false},
		"both, within a body":          {inBodyText + bare, false},
		"chunks":                       {chunks + bare, false},
		"other headers":                {bare + plain, false},
		"both, after a body":           {plain + "\r\n" + twoLengths, true},
		"both, after chunks":           {chunks + chunks + otherOrder, true},
		"both, as if over HTTP/2":      {noHTTP2 + twoLengths, true},
		"both, in what has no CR":      {bareHTTP2 + twoLengths, true},
		"both, after requests without": {bare + bare + inBodyText + twoLengths, true},
	} {
		for _, size := range []int{1, 2, 7, 1 << 20} {
			got, _ := scanned(c.text, size)
			if (got != c.text) != c.bad {
				t.Errorf("%s, in pieces of %d bytes:\n%q", name, size, got)
			}
			if err := parse(got, nil); c.bad == errors.Is(err, io.EOF) {
				t.Errorf("%s: net/http: %v", name, err)
			}
		}
	}
}

// parse reads requests as net/http does, and calls head with where each head lies. It returns why
// there are no more: io.EOF at a clean end.
func parse(text string, head func(from, to int)) error {
	under := strings.NewReader(text)
	r := bufio.NewReader(under)
	at := func() int { return len(text) - under.Len() - r.Buffered() }
	for method := ""; ; {
		if method == "POST" {
			skip, _ := r.Peek(4)
			_, _ = r.Discard(len(skip) - len(bytes.TrimLeft(skip, "\r\n")))
		}
		from := at()
		request, err := http.ReadRequest(r)
		if err != nil {
			return err
		}
		if head != nil {
			head(from, at())
		}
		if method = request.Method; method == "PRI" && len(request.Header) == 0 {
			return io.EOF
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return err
		}
	}
}

var (
	hasLength   = regexp.MustCompile(`(?mi)^content-length:`)
	hasEncoding = regexp.MustCompile(`(?mi)^transfer-encoding:`)
)

// Whatever arrives, no head with both is let through in a form that net/http accepts, and no byte
// of a request that it accepts is changed.
func FuzzFraming(f *testing.F) {
	for _, text := range []string{twoLengths, otherOrder, oldEncoding, folded, plain, inBodyText, chunks, bare, chunks + twoLengths, noHTTP2 + twoLengths, bareHTTP2 + plain, plain + otherOrder, bare + folded} {
		f.Add(text, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		got, _ := scanned(text, int(size)+1)
		_ = parse(got, func(from, to int) {
			head := got[from:to]
			if hasLength.MatchString(head) && hasEncoding.MatchString(head) {
				t.Errorf("net/http takes %q", head)
			}
			if head != text[from:to] {
				t.Errorf("%q became %q", text[from:to], head)
			}
		})
		if strings.Contains(text, "PRI") {
			return
		}
		// What is changed is malformed already, or in a head with both.
		_ = parse(text, func(from, to int) {
			head := text[from:to]
			both := hasLength.MatchString(head) && hasEncoding.MatchString(head)
			old := hasEncoding.MatchString(head) && !strings.Contains(head, " HTTP/1.1")
			if got[from:to] != head && !both && !old && !regexp.MustCompile(`\n[ \t]`).MatchString(head) && got[:from] == text[:from] {
				t.Errorf("%q became %q", head, got[from:to])
			}
		})
	})
}

func BenchmarkFramingOfAHead(b *testing.B) {
	head := []byte("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: OpenAI/Python 1.99\r\nAccept: application/json\r\n" +
		"Content-Type: application/json\r\nX-Stainless-Lang: python\r\nX-Stainless-Async: false\r\nAuthorization: Bearer sk-0123456789012345678901234567890123456789\r\n" +
		"Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello")
	b.SetBytes(int64(len(head)))
	for f := (&framing{}); b.Loop(); {
		f.scan(head)
	}
}
