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
	steps     []decodeStep // of each token of the model's vocabulary
	byteLevel bool         // then its characters are bytes, in the last step
	suffix    string       // the model's end_of_word_suffix, which becomes a space
	fused     bool         // what follows is a step of the whole text
	ends      ends         // removed from the whole text
}

// decodeStep changes a token, which may be a part of a character. The first token of a text can
// differ from the others.
type decodeStep func(token string, first bool) string

// ends is what is removed at the start and at the end of a text: a character, up to so many times.
type ends struct {
	character   string
	start, stop int
}

func newDecoder(c *component, suffix string) (d decoder, err error) {
	d.suffix = suffix
	if c == nil { // the library puts a space between tokens
		d.steps = []decodeStep{spaced}
		return d, nil
	}
	return d, d.add(c)
}

func (d *decoder) add(c *component) error {
	if c == nil {
		return errors.New("a step of the Sequence is null")
	}
	if d.fused && (c.Type == "WordPiece" || c.Type == "Metaspace" || c.Type == "BPEDecoder") {
		return fmt.Errorf("a %s after Fuse is not supported", c.Type)
	}
	switch c.Type {
	case "Sequence":
		for _, step := range c.Decoders {
			if err := d.add(step); err != nil {
				return err
			}
		}
	case "ByteLevel":
		d.byteLevel = true
	case "ByteFallback":
		d.steps = append(d.steps, fromByteToken)
	case "Fuse": // tokens are always concatenated
		d.fused = true
	case "WordPiece":
		if c.Prefix == nil {
			return errors.New("a WordPiece without a prefix")
		}
		d.steps = append(d.steps, joinWordPieces(*c.Prefix, c.Cleanup))
	case "BPEDecoder":
		d.suffix = "" // its suffix is the model's
		d.steps = append(d.steps, replaceInToken(c.Suffix, " "))
		d.ends = ends{character: " ", stop: 1}
	case "Metaspace":
		m, err := readMetaspace(c)
		if err != nil {
			return err
		}
		d.steps = append(d.steps, m.decode)
	case "Replace":
		if c.Pattern.String == nil || *c.Pattern.String == "" {
			return errors.New("a Replace without a String pattern is not supported")
		}
		d.steps = append(d.steps, replaceInToken(*c.Pattern.String, c.Content))
	case "Strip":
		return d.addStrip(c)
	default:
		return unknown(c.Type)
	}
	return nil
}

func (d *decoder) addStrip(c *component) error {
	e := ends{c.Content, c.Start, c.Stop}
	if utf8.RuneCountInString(e.character) != 1 || e.start < 0 || e.stop < 0 {
		return fmt.Errorf("a Strip of %q, %d at the start, %d at the end is not supported", c.Content, c.Start, c.Stop)
	}
	switch {
	case !d.fused:
		d.steps = append(d.steps, func(token string, _ bool) string { return e.trim(token) })
	case d.ends != ends{}:
		return errors.New("a second Strip after Fuse is not supported")
	default:
		d.ends = e
	}
	return nil
}

func (e ends) trim(text string) string {
	for i := 0; i < e.start && strings.HasPrefix(text, e.character); i++ {
		text = text[len(e.character):]
	}
	return text[:len(text)-e.tail(text)]
}

// tail returns how many bytes are removed at the end of a text.
func (e ends) tail(text string) int {
	rest := text
	for i := 0; i < e.stop && strings.HasSuffix(rest, e.character); i++ {
		rest = rest[:len(rest)-len(e.character)]
	}
	return len(text) - len(rest)
}

// fromByteToken converts a token like <0x0A> to its byte.
func fromByteToken(token string, _ bool) string {
	if len(token) == len("<0x00>") && strings.HasPrefix(token, "<0x") && token[5] == '>' {
		if b, err := strconv.ParseUint(token[3:5], 16, 8); err == nil {
			return string([]byte{byte(b)})
		}
	}
	return token
}

func replaceInToken(old, content string) decodeStep {
	return func(token string, _ bool) string { return strings.ReplaceAll(token, old, content) }
}

// spaced puts a space between tokens.
func spaced(token string, first bool) string {
	if first {
		return token
	}
	return " " + token
}

// joinWordPieces puts a space before each token that begins a word, and removes it again before
// punctuation and English endings if cleanup is set.
func joinWordPieces(prefix string, cleanup bool) decodeStep {
	tidy := []string{
		" .", ".", " ?", "?", " !", "!", " ,", ",", " ' ", "'", " n't", "n't", " 'm", "'m",
		" do not", " don't", " 's", "'s", " 've", "'ve", " 're", "'re",
	}
	return func(token string, first bool) string {
		if rest, inside := strings.CutPrefix(token, prefix); inside && !first {
			token = rest
		} else {
			token = spaced(token, first)
		}
		for i := 0; cleanup && i < len(tidy); i += 2 { // one after the other, as the library does
			token = strings.ReplaceAll(token, tidy[i], tidy[i+1])
		}
		return token
	}
}

// appendBytes appends the bytes of a token of the model's vocabulary.
func (d *decoder) appendBytes(dst []byte, token string, first bool) []byte {
	word := d.suffix != "" && strings.HasSuffix(token, d.suffix)
	if word {
		token = strings.TrimSuffix(token, d.suffix)
	}
	for _, step := range d.steps {
		token = step(token, first)
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

// appendAdded appends an added token, which is never byte-level.
func (d *decoder) appendAdded(dst []byte, content string, first bool) []byte {
	for _, step := range d.steps {
		content = step(content, first)
	}
	return append(dst, content...)
}
