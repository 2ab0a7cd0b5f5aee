package tokenizer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder says how tokens are turned back into bytes.
type decoder struct {
	byteLevel    bool
	byteFallback bool        // <0x0A> is a byte
	replace      [][2]string // in each token
	suffix       string      // the model's end_of_word_suffix: becomes a space
	strip        int         // spaces taken away at the start of the text
}

func newDecoder(c *component, suffix string) (d decoder, err error) {
	d.suffix = suffix
	if c == nil {
		return d, errors.New("there is none; this package needs one")
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
	case "Fuse": // tokens are always joined
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

// appendBytes appends what a token of the model's vocabulary stands for.
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

// TokenBytes returns the bytes that a token stands for, wherever in a text it is: maybe a part of a character, and for
// a special token its name. It is empty where there is no such id.
func (t *Tokenizer) TokenBytes(id int64) []byte { return t.appendBytes(nil, id) }

func (t *Tokenizer) appendBytes(dst []byte, id int64) []byte {
	if content, ok := t.added[id]; ok {
		return append(dst, content...)
	}
	token, _ := t.Token(id)
	return t.decoder.appendBytes(dst, token)
}

// Decode returns the text of ids. Bytes that make no character become U+FFFD, as Unicode recommends (one for each
// maximal part of a broken character); ids that don't exist are passed over; CLIP's </w> reads as a space.
func (t *Tokenizer) Decode(ids []int64, skipSpecial bool) string {
	d := StreamDecoder{tokenizer: t, skipSpecial: skipSpecial, strip: t.decoder.strip}
	for _, id := range ids {
		d.take(id)
	}
	return d.complete() + d.Flush()
}

// StreamDecoder turns token ids into text as they arrive. All that its Push and Flush return, joined, is what Decode
// gives for all the ids. It is for one goroutine.
type StreamDecoder struct {
	tokenizer   *Tokenizer
	skipSpecial bool
	strip       int    // spaces still to be taken away at the start
	pending     []byte // what was decoded and not returned
}

// NewDecoder returns a decoder for one stream of tokens. It leaves special tokens out.
func (t *Tokenizer) NewDecoder() *StreamDecoder {
	return &StreamDecoder{tokenizer: t, skipSpecial: true, strip: t.decoder.strip}
}

// Push returns the text that is complete with this token: "" while a character still waits for bytes.
func (d *StreamDecoder) Push(id int64) string {
	d.take(id)
	return d.complete()
}

// Flush returns what is left at the end of the stream: "", or U+FFFD for a character that was never finished.
func (d *StreamDecoder) Flush() string {
	if len(d.pending) == 0 {
		return ""
	}
	d.pending = d.pending[:0]
	return "\uFFFD"
}

func (d *StreamDecoder) take(id int64) {
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

// complete returns the pending text up to its last whole character, and keeps what may be the beginning of one.
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

// brokenLength returns how many bytes at the start of p are the beginning of a character that then breaks off; at
// least 1.
func brokenLength(p []byte) int {
	n := 1
	for n < len(p) && !utf8.FullRune(p[:n+1]) {
		n++
	}
	return n
}
