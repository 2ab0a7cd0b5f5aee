package tokenizer

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// TokenBytes returns the bytes of a token, independent of its position in a text. They may be part
// of a character; for a special token they are its name. It returns nothing for an unknown id.
func (t *Tokenizer) TokenBytes(id int64) []byte {
	if content, ok := t.added[id]; ok && t.special[id] {
		return []byte(content)
	}
	return t.appendBytes(nil, id, false)
}

func (t *Tokenizer) appendBytes(dst []byte, id int64, first bool) []byte {
	if content, ok := t.added[id]; ok {
		return t.decoder.appendAdded(dst, content, first)
	}
	token, ok := t.Token(id)
	if !ok {
		return dst
	}
	return t.decoder.appendBytes(dst, token, first)
}

// Decode returns the text of ids. Invalid UTF-8 becomes U+FFFD as Unicode recommends (one for each
// maximal subpart of a broken character); unknown ids are ignored; CLIP's </w> becomes a space.
func (t *Tokenizer) Decode(ids []int64, skipSpecial bool) string {
	d := StreamDecoder{tokenizer: t, skipSpecial: skipSpecial, strip: t.decoder.ends.start}
	for _, id := range ids {
		d.push(id)
	}
	return d.complete() + d.Flush()
}

// StreamDecoder converts token ids to text as they arrive. The results of Push and Flush,
// concatenated, are what Decode returns for all the ids. It is not safe for concurrent use.
type StreamDecoder struct {
	tokenizer   *Tokenizer
	skipSpecial bool
	started     bool   // a token was pushed
	strip       int    // how many characters may still be removed at the start
	pending     []byte // decoded bytes that have not been returned
	tail        string // decoded text that is removed if it is the end
}

// NewDecoder returns a decoder for one stream of tokens. It omits special tokens.
func (t *Tokenizer) NewDecoder() *StreamDecoder {
	return &StreamDecoder{tokenizer: t, skipSpecial: true, strip: t.decoder.ends.start}
}

// Push returns the text that this token completes: "" while bytes of a character are missing.
func (d *StreamDecoder) Push(id int64) string {
	d.push(id)
	return d.complete()
}

// Flush returns the rest at the end of the stream: "", or U+FFFD for an incomplete character.
func (d *StreamDecoder) Flush() string {
	tail := d.tail
	d.tail = ""
	if len(d.pending) == 0 {
		return ""
	}
	d.pending = d.pending[:0]
	return tail + "\uFFFD"
}

// push appends the bytes of a token to pending.
func (d *StreamDecoder) push(id int64) {
	if d.skipSpecial && d.tokenizer.IsSpecial(id) {
		return
	}
	if _, known := d.tokenizer.Token(id); !known {
		return
	}
	d.pending = d.tokenizer.appendBytes(d.pending, id, !d.started)
	d.started = true
	character := d.tokenizer.decoder.ends.character
	for d.strip > 0 && len(d.pending) > 0 {
		rest, found := bytes.CutPrefix(d.pending, []byte(character))
		if !found {
			if !strings.HasPrefix(character, string(d.pending)) {
				d.strip = 0
			}
			break
		}
		d.pending = rest
		d.strip--
	}
}

// complete returns the pending text up to its last complete character, and keeps what may be the
// start of one.
func (d *StreamDecoder) complete() string {
	var text strings.Builder
	rest := d.pending
	if d.strip > 0 { // it is the beginning of the character that may be removed
		return ""
	}
	text.WriteString(d.tail)
	for len(rest) > 0 && utf8.FullRune(rest) {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			size = brokenLength(rest)
		}
		text.WriteRune(r)
		rest = rest[size:]
	}
	d.pending = append(d.pending[:0], rest...)
	whole := text.String()
	end := len(whole) - d.tokenizer.decoder.ends.tail(whole)
	d.tail = whole[end:]
	return whole[:end]
}

// brokenLength returns how many bytes at the start of p are an incomplete character; at least 1.
func brokenLength(p []byte) int {
	n := 1
	for n < len(p) && !utf8.FullRune(p[:n+1]) {
		n++
	}
	return n
}
