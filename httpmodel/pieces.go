package httpmodel

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"penstock/engine"
	"penstock/sse"
)

// pieceSize is how many bytes of text one chunk has at most.
const pieceSize = 8 << 10

// pieces are the chunks of text: each piece of it, as it arrives, as {"text": …}.
type pieces struct {
	r      io.Reader
	framed bool

	buf   []byte
	held  int // bytes of a character at the front of buf, of which more has to come
	chunk []byte
}

// read implements chunks.
func (p *pieces) read(into []sse.Event) ([]sse.Event, engine.End, error) {
	if p.buf == nil {
		p.buf = make([]byte, pieceSize)
	}
	for {
		n, err := p.r.Read(p.buf[p.held:])
		text := p.buf[:p.held+n]
		whole := len(text) - unfinished(text)
		if whole > 0 {
			into = append(into, sse.Event{Data: p.encode(text[:whole])})
		}
		p.held = copy(p.buf, text[whole:])
		switch {
		case err == nil && whole == 0:
			continue
		case err == nil:
			return into, engine.End{}, nil
		case err != io.EOF: //nolint:errorlint // io.EOF itself is a clean end
			return into, engine.End{}, err
		case !p.framed:
			return into, engine.End{}, errUnframed
		case p.held > 0:
			return into, engine.End{}, malform("the text ends in the middle of a character")
		}
		return into, engine.Ended("", engine.Usage{}), nil
	}
}

// encode returns a text as a chunk.
func (p *pieces) encode(text []byte) []byte {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, replacement)
	}
	p.chunk = append(p.chunk[:0], `{"text":`...)
	p.chunk, _ = jsontext.AppendQuote(p.chunk, text) // it is UTF-8
	p.chunk = append(p.chunk, '}')
	return p.chunk
}

// unfinished returns how many bytes at the end of a text begin a character that has more.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if rest := text[len(text)-n:]; utf8.RuneStart(rest[0]) {
			if utf8.FullRune(rest) {
				return 0
			}
			return n
		}
	}
	return 0
}
