package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// charsMap is SentencePiece's precompiled_charsmap: replacements of character sequences, found with
// a double-array trie (Darts). Each unit of the trie is a node; a child is at its parent's position
// XOR the parent's offset XOR the byte that leads there.
type charsMap struct {
	units        []uint32
	replacements string // each ends with a zero byte
}

func newPrecompiled(c *component) (rewrite, error) {
	m, err := readCharsMap(c.CharsMap)
	if err != nil {
		return nil, fmt.Errorf("its precompiled_charsmap: %w", err)
	}
	return func(p piece, _ time.Time) (piece, error) {
		to := p.changed(m.rewrite)
		if p.first > 0 && (to.first == 0 || m.replacesMore(p)) { // so the library counts in these cases
			_, to.first = utf8.DecodeRuneInString(to.text)
		}
		return to, nil
	}, nil
}

func readCharsMap(encoded string) (*charsMap, error) {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	if len(data) < 4 {
		return nil, errors.New("it is empty")
	}
	size, rest := binary.LittleEndian.Uint32(data), data[4:]
	if size < 4 || size%4 != 0 || uint64(size) > uint64(len(rest)) {
		return nil, fmt.Errorf("a trie of %d bytes in %d bytes", size, len(rest))
	}
	m := &charsMap{units: make([]uint32, size/4), replacements: string(rest[size:])}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(rest[4*i:])
	}
	if !utf8.ValidString(m.replacements) {
		return nil, errors.New("its replacements are not UTF-8")
	}
	return m, nil
}

// rewrite replaces what users see as one character, if the map has the shortest of its beginnings;
// otherwise, each of its code points that the map has. That is the library's reading of the map and
// not SentencePiece's, which takes the longest.
func (m *charsMap) rewrite(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for all := graphemes.FromString(text); all.Next(); {
		cluster := all.Value()
		if len(cluster) < 6 {
			if to, ok := m.find(cluster); ok {
				b.WriteString(to)
				continue
			}
		}
		for cluster != "" {
			_, size := utf8.DecodeRuneInString(cluster)
			char := cluster[:size]
			if to, ok := m.find(char); ok {
				char = to
			}
			b.WriteString(char)
			cluster = cluster[size:]
		}
	}
	return b.String()
}

// replacesMore reports whether the first replacement is that of more than the first character.
func (m *charsMap) replacesMore(p piece) bool {
	all := graphemes.FromString(p.text)
	all.Next()
	_, replaced := m.find(all.Value())
	return replaced && len(all.Value()) < 6 && len(all.Value()) > p.first
}

// find returns the replacement of the shortest beginning of text that has one.
func (m *charsMap) find(text string) (string, bool) {
	at := offsetOf(m.units[0])
	for i := range len(text) {
		at ^= uint32(text[i])
		if text[i] == 0 || at >= uint32(len(m.units)) {
			return "", false
		}
		unit := m.units[at]
		if unit&(1<<31|0xFF) != uint32(text[i]) {
			return "", false
		}
		if at ^= offsetOf(unit); unit&(1<<8) != 0 {
			return m.replacement(at)
		}
	}
	return "", false
}

func (m *charsMap) replacement(leaf uint32) (string, bool) {
	if leaf >= uint32(len(m.units)) {
		return "", false
	}
	start := m.units[leaf] & (1<<31 - 1)
	if start > uint32(len(m.replacements)) {
		return "", false
	}
	to, _, _ := strings.Cut(m.replacements[start:], "\x00")
	return strings.ToValidUTF8(to, ""), true // a broken map may point into a character
}

func offsetOf(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }
