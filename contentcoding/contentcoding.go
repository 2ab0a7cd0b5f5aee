package contentcoding

import (
	"fmt"
	"strconv"
	"strings"
)

// The names of the codings.
const (
	gzipCoding    = "gzip"
	deflateCoding = "deflate"
	brotliCoding  = "br"
	zstdCoding    = "zstd"
)

// Supported lists the codings, in the form of Accept-Encoding (RFC 9110, 12.5.3).
const Supported = gzipCoding + ", " + deflateCoding + ", " + brotliCoding + ", " + zstdCoding

// maxCodings is how many codings a body may have, one within the other. Senders use one, and a
// proxy may add one.
const maxCodings = 3

// ZstdWindow is how far a body of zstd may refer back within itself, in bytes. It is what every
// recipient of this coding must support, and senders must not exceed (RFC 9659).
const ZstdWindow = 8 << 20

// decoderMemory is what the decoder of a coding takes at most: its window and its tables.
var decoderMemory = map[string]int64{
	gzipCoding:    64 << 10,
	deflateCoding: 64 << 10,
	brotliCoding:  20 << 20, // a window of up to 16 MiB (RFC 7932), and 256 trees for each kind of symbol
	zstdCoding:    ZstdWindow + 1<<20,
}

// Codings are the codings of a body, the one that was applied last at the end.
type Codings []string

// An UnsupportedError is the name of a coding that is not supported.
type UnsupportedError string

// Error implements error.
func (e UnsupportedError) Error() string {
	return "Content-Encoding " + quoted(string(e)) + " is not supported"
}

// Parse parses the lines of a Content-Encoding header. Its error is an UnsupportedError, or
// reports too many.
func Parse(lines []string) (Codings, error) {
	var codings Codings
	for _, line := range lines {
		for coding := range strings.SplitSeq(line, ",") {
			coding = strings.ToLower(strings.TrimSpace(coding))
			switch coding {
			case "", "identity":
				continue
			case "x-gzip": // RFC 9110, 8.4.1.3
				coding = gzipCoding
			}
			if _, known := decoderMemory[coding]; !known {
				return nil, UnsupportedError(coding)
			}
			codings = append(codings, coding)
		}
	}
	if len(codings) > maxCodings {
		return nil, fmt.Errorf("the body has %d content codings, and may have %d", len(codings), maxCodings)
	}
	return codings, nil
}

// quoted quotes a coding.
func quoted(coding string) string {
	const most = 200
	if len(coding) > most {
		return strconv.QuoteToASCII(coding[:most]) + "..."
	}
	return strconv.QuoteToASCII(coding)
}

// Memory is how many bytes the decoders of a Reader take at most.
func (c Codings) Memory() int64 {
	sum := int64(0)
	for _, coding := range c {
		sum += decoderMemory[coding]
	}
	return sum
}
