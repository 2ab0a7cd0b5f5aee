package gateway

import (
	"bytes"
	"strings"
)

// framing follows the bytes that a client sends on a connection, so as to know where heads of
// requests begin and end. It takes what net/http will accept; what it takes otherwise, net/http
// refuses and closes the connection.
//
// A head with both Content-Length and Transfer-Encoding must be refused: a proxy in front that
// believes the one where net/http believes the other, and drops the first from what its handlers
// see, takes a part of the body for the next request. framing makes such a head malformed as it
// passes, so that net/http answers it with 400 in its turn, and closes.
type framing struct {
	state   framingState
	begun   bool  // within a head, or within a frame or a block of headers of HTTP/2
	first   bool  // a request's head has been seen
	tls     bool  // the connection begins as TLS does
	bytes   int   // of the head so far
	left    int64 // bytes of a body, a chunk or a frame
	length  int64 // by Content-Length
	sized   bool  // there is a Content-Length
	chunked bool  // there is a Transfer-Encoding
	header  uint8 // what the line's header is: one of the below

	line [maxName]byte // what the line begins with; of a request line, what it ends with
	n    int           // bytes of the line, at most maxName of them in it

	frame    [9]byte // the head of a frame of HTTP/2
	unended  bool    // a block of headers goes on in the next frame
	preamble int     // bytes of HTTP/2's preface yet to come
	resets   int     // frames that reset a stream
}

// maxName is longer than each name of a header that framing looks for.
const maxName = len("transfer-encoding") + 1

const (
	headerOther uint8 = iota
	headerLength
	headerEncoding
)

type framingState uint8

const (
	inRequestLine framingState = iota
	inName
	inValue
	inBody
	inChunkSize
	inChunkExtension
	inChunk
	inTrailer
	inHTTP2
)

// http2Start is the request line of HTTP/2's preface, and http2Rest what follows it.
const (
	http2Start = "PRI * HTTP/2.0\r"
	http2Rest  = "\r\nSM\r\n\r\n"
)

// scan follows p, of which it may change a byte.
func (f *framing) scan(p []byte) {
	for i := 0; i < len(p); {
		switch f.state {
		case inBody, inChunk:
			n := min(f.left, int64(len(p)-i))
			f.left -= n
			i += int(n)
			if f.left == 0 {
				f.passed()
			}
		case inHTTP2:
			i += f.http2(p[i:])
		case inValue, inChunkExtension:
			end := bytes.IndexByte(p[i:], '\n')
			if end < 0 {
				f.value(p[i:])
				return
			}
			f.value(p[i : i+end])
			f.lineEnds()
			i += end + 1
		default:
			p[i] = f.next(p[i])
			i++
		}
	}
}

// passed continues after a body or a chunk.
func (f *framing) passed() {
	if f.state == inChunk {
		f.state, f.left = inChunkSize, 0
		return
	}
	f.reset()
}

// reset waits for the next head.
func (f *framing) reset() {
	f.state, f.begun, f.bytes = inRequestLine, false, 0
	f.left, f.length, f.sized, f.chunked, f.n = 0, 0, false, false, 0
}

// value follows a header's value, or an extension of a chunk.
func (f *framing) value(p []byte) {
	f.bytes += len(p)
	if f.state != inValue || f.header != headerLength {
		return
	}
	for _, b := range p {
		if '0' <= b && b <= '9' && f.length < 1<<58 {
			f.length = f.length*10 + int64(b-'0')
		}
	}
}

// lineEnds continues after the line end of a value or an extension.
func (f *framing) lineEnds() {
	f.n = 0
	if f.state == inValue {
		f.state = inName
		return
	}
	f.chunkBegins()
}

// chunkBegins continues after the line with a chunk's size. A line end follows the chunk's bytes.
func (f *framing) chunkBegins() {
	f.n = 0
	if f.left == 0 {
		f.state = inTrailer
		return
	}
	f.state, f.left = inChunk, f.left+2
}

// next follows one byte, and returns it or what takes its place.
func (f *framing) next(b byte) byte {
	switch f.state { //nolint:exhaustive // scan has the others
	case inRequestLine:
		f.requestLine(b)
	case inName:
		return f.name(b)
	case inChunkSize:
		switch digit := strings.IndexByte("0123456789abcdef", b|0x20); {
		case b == '\n':
			f.chunkBegins()
		case digit >= 0 && b > ' ' && f.left < 1<<56:
			f.left = f.left<<4 | int64(digit)
		case b != '\r':
			f.state = inChunkExtension
		}
	case inTrailer:
		f.keep(b)
		if b == '\n' {
			if f.blank() {
				f.reset()
			}
			f.n = 0
		}
	}
	return b
}

// keep adds a byte to the line.
func (f *framing) keep(b byte) {
	f.bytes++
	if f.n < maxName {
		f.line[f.n] = b
	}
	f.n = min(f.n+1, 2*maxName)
}

// blank reports whether the line that ends here is empty.
func (f *framing) blank() bool { return f.n == 1 || f.n == 2 && f.line[0] == '\r' }

// requestLine follows a byte of a request line. Of it, the line's end is kept.
func (f *framing) requestLine(b byte) {
	if b != '\n' {
		if f.bytes == 0 {
			f.tls = !f.first && b == 0x16 // a handshake record
		}
		f.bytes++
		f.begun = true
		if f.n == maxName {
			copy(f.line[:], f.line[1:])
			f.n--
		}
		f.line[f.n] = b
		f.n++
		return
	}
	line := string(bytes.TrimSuffix(f.line[:f.n], []byte("\r")))
	whole := f.bytes <= maxName
	switch {
	case line == "": // net/http skips a line end or two between requests
		f.reset()
		return
	case !f.first && whole && string(f.line[:f.n]) == http2Start:
		f.state, f.preamble = inHTTP2, len(http2Rest)
		return
	}
	f.first, f.state, f.n = true, inName, 0
	if !strings.HasSuffix(line, " HTTP/1.1") {
		f.sized = true // with a Transfer-Encoding, HTTP/1.0 is as faulty as with both
	}
}

// name follows a byte of a header's name.
func (f *framing) name(b byte) byte {
	switch {
	case b == '\n':
		f.keep(b)
		if f.blank() {
			f.headEnds()
		}
		f.n = 0
		return b
	case b == ':':
		switch name := f.line[:min(f.n, maxName)]; {
		case bytes.EqualFold(name, []byte("content-length")):
			f.header, f.sized, f.length = headerLength, true, 0
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			f.header, f.chunked = headerEncoding, true
		default:
			f.header = headerOther
		}
		if f.header != headerOther && f.sized && f.chunked {
			return 0 // no name of a header has it
		}
		f.state = inValue
		f.bytes++
		return b
	case f.n == 0 && f.header != headerOther && (b == ' ' || b == '\t'):
		b = 0 // the value would go on in this line
	}
	f.keep(b)
	return b
}

// headEnds continues after a head.
func (f *framing) headEnds() {
	f.header = headerOther
	switch {
	case f.chunked:
		f.begun, f.state, f.left = false, inChunkSize, 0
	case f.length > 0:
		f.begun, f.state, f.left = false, inBody, f.length
	default:
		f.reset()
	}
}

// http2 follows bytes of HTTP/2, of which it may change one, and returns how many.
func (f *framing) http2(p []byte) (n int) {
	if f.preamble > 0 {
		if p[0] != http2Rest[len(http2Rest)-f.preamble] {
			p[0] = 0 // net/http would take it for HTTP/1, and go on with requests of that
		}
		f.preamble--
		f.n = 0
		f.begun = f.preamble > 0
		return 1
	}
	if f.left == 0 {
		f.frame[f.n] = p[0]
		f.n++
		f.begun = true
		if f.n < len(f.frame) {
			return 1
		}
		f.n = 0
		f.left = int64(f.frame[0])<<16 | int64(f.frame[1])<<8 | int64(f.frame[2])
		n = 1
	} else {
		n = int(min(f.left, int64(len(p))))
		f.left -= int64(n)
	}
	if f.left == 0 {
		const headers, resetStream, pushPromise, continuation, endHeaders = 1, 3, 5, 9, 4
		switch f.frame[3] {
		case resetStream:
			f.resets++
		case headers, pushPromise, continuation:
			f.unended = f.frame[4]&endHeaders == 0
		}
		f.begun = f.unended
	}
	return n
}
