package tokenizer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder converts tokens to bytes.
type decoder struct {
	byteLevel    bool
	byteFallback bool        // a token like <0x0A> is a byte
	replace      [][2]string // in each token
	suffix       string      // the model's end_of_word_suffix, which becomes a space
	strip        int         // spaces removed at the start of the text
}

func newDecoder(c *component, suffix string) (d decoder, err error) {
	d.suffix = suffix
	if c == nil {
		return d, errors.New("missing, but required here")
	}
	if c.Type != "Sequence" {
		return d, d.add(c)
	}
	fused := false
	for _, step := range c.Decoders {
		if step == nil {
			return d, errors.New("a step of the Sequence is null")
		}
		fused = fused || step.Type == "Fuse"
		if step.Type == "Strip" && !fused {
			return d, errors.New("a Strip before Fuse is not supported")
		}
		if err := d.add(step); err != nil {
			return d, err
		}
	}
	return d, nil
}

func (d *decoder) add(c *component) error {
	switch c.Type {
	case "ByteLevel":
		d.byteLevel = true
	case "ByteFallback":
		d.byteFallback = true
	case "Fuse": // tokens are always concatenated
	case "Replace":
		if c.Pattern.String == nil {
			return errors.New("a Replace without a String pattern is not supported")
		}
		d.replace = append(d.replace, [2]string{*c.Pattern.String, c.Content})
	case "Strip":
		if c.Content != " " || c.Start < 0 || c.Stop != 0 {
			return fmt.Errorf("a Strip of %q, %d at the start, %d at the end is not supported", c.Content, c.Start, c.Stop)
		}
		d.strip = c.Start
	default:
		return unknown(c.Type)
	}
	return nil
}

// appendBytes appends the bytes of a token of the model's vocabulary.
func (d *decoder) appendBytes(dst []byte, token string) []byte {
	if d.byteFallback && len(token) == len("<0x00>") && strings.HasPrefix(token, "<0x") && token[5] == '>' {
		if b, err := strconv.ParseUint(token[3:5], 16, 8); err == nil {
			return append(dst, byte(b))
		}
	}
	word := d.suffix != "" && strings.HasSuffix(token, d.suffix)
	if word {
		token = strings.TrimSuffix(token, d.suffix)
	}
	for _, r := range d.replace {
		token = strings.ReplaceAll(token, r[0], r[1])
	}
	var ok bool
	if d.byteLevel {
		dst, ok = appendFromByteChars(dst, token)
	}
	if !ok {
		dst = append(dst, token...)
	}
	if word {
		dst = append(dst, ' ')
	}
	return dst
}

// TokenBytes returns the bytes of a token, independent of its position in a text. They may be part
// of a character; for a special token they are its name. It returns nothing for an unknown id.
func (t *Tokenizer) TokenBytes(id int64) []byte { return t.appendBytes(nil, id) }

func (t *Tokenizer) appendBytes(dst []byte, id int64) []byte {
	if content, ok := t.added[id]; ok {
		return append(dst, content...)
	}
	token, _ := t.Token(id)
	return t.decoder.appendBytes(dst, token)
}

// Decode returns the text of ids. Invalid UTF-8 becomes U+FFFD as Unicode recommends (one for each
// maximal subpart of a broken character); unknown ids are ignored; CLIP's </w> becomes a space.
func (t *Tokenizer) Decode(ids []int64, skipSpecial bool) string {
	d := StreamDecoder{tokenizer: t, skipSpecial: skipSpecial, strip: t.decoder.strip}
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
	strip       int    // spaces still to be removed at the start
	pending     []byte // decoded bytes that have not been returned
}

// NewDecoder returns a decoder for one stream of tokens. It omits special tokens.
func (t *Tokenizer) NewDecoder() *StreamDecoder {
	return &StreamDecoder{tokenizer: t, skipSpecial: true, strip: t.decoder.strip}
}

// Push returns the text that this token completes: "" while bytes of a character are missing.
func (d *StreamDecoder) Push(id int64) string {
	d.push(id)
	return d.complete()
}

// Flush returns the rest at the end of the stream: "", or U+FFFD for an incomplete character.
func (d *StreamDecoder) Flush() string {
	if len(d.pending) == 0 {
		return ""
	}
	d.pending = d.pending[:0]
	return "\uFFFD"
}

// push appends the bytes of a token to pending.
func (d *StreamDecoder) push(id int64) {
	if d.skipSpecial && d.tokenizer.IsSpecial(id) {
		return
	}
	d.pending = d.tokenizer.appendBytes(d.pending, id)
	for d.strip > 0 && len(d.pending) > 0 {
		if d.pending[0] != ' ' {
			d.strip = 0
			break
		}
		d.pending = d.pending[1:]
		d.strip--
	}
}

// complete returns the pending text up to its last complete character, and keeps what may be the
// start of one.
func (d *StreamDecoder) complete() string {
	var text strings.Builder
	rest := d.pending
	for len(rest) > 0 && utf8.FullRune(rest) {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			size = brokenLength(rest)
		}
		text.WriteRune(r)
		rest = rest[size:]
	}
	d.pending = append(d.pending[:0], rest...)
	return text.String()
}

// brokenLength returns how many bytes at the start of p are an incomplete character; at least 1.
func brokenLength(p []byte) int {
	n := 1
	for n < len(p) && !utf8.FullRune(p[:n+1]) {
		n++
	}
	return n
}
