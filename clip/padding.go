package clip

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"penstock/tokenizer"
)

// A padding is how the texts of one call of a graph become equally long.
type padding struct {
	id     int64
	own    bool // it is the text's own last token, in place of id
	left   bool // it goes before the text
	length int  // of every text; 0: as the longest one
}

// textSettings is the part of tokenizer_config.json that is used.
type textSettings struct {
	Pad     json.RawMessage `json:"pad_token"` // a string, or an object with the string as its content
	Side    string          `json:"padding_side"`
	Longest float64         `json:"model_max_length"` // 1e30 where there is no limit
}

// textSettings reads tokenizer_config.json. A folder need not have it.
func (f *folder) textSettings() (s textSettings, err error) {
	data, err := f.read("tokenizer_config.json")
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("tokenizer_config.json: %w", err)
	}
	return s, nil
}

// longestText returns how many tokens a text may have, of a model that takes that many: fewer if
// tokenizer_config.json says so.
func (f *folder) longestText(context int) (int, error) {
	s, err := f.textSettings()
	if s.Longest >= 1 && s.Longest < float64(context) {
		context = int(s.Longest)
	}
	return context, err
}

// padToken returns the token that texts are padded with; "" if the file names none.
func (s textSettings) padToken() string {
	var object struct {
		Content string `json:"content"`
	}
	var token string
	if json.Unmarshal(s.Pad, &token) != nil {
		_ = json.Unmarshal(s.Pad, &object) // null or missing: there is none
	}
	return cmp.Or(token, object.Content)
}

// padding returns how texts are padded: with the token that tokenizer_config.json names, as
// transformers does, else as tokenizer.json does. SigLIP sees the padding and XLM-R counts its
// positions without it, so for these a wrong token would silently make other vectors.
func (f *folder) padding(fam family, t *tokenizer.Tokenizer) (padding, error) {
	p := padding{own: fam.ownPad, length: fam.fixed}
	if p.own || fam.zeroPad {
		return p, nil
	}
	s, err := f.textSettings()
	if err != nil {
		return p, err
	}
	file, inFile := t.Padding()
	p.left = s.Side == "left" || s.Side == "" && file.Left
	name := s.padToken()
	id, known := t.ID(name)
	switch {
	case name != "" && known:
		p.id = id
	case inFile:
		p.id = file.ID
	case f.config.Text.Pad != nil:
		p.id = *f.config.Text.Pad
	case fam.untested:
		p.own, p.left = true, false
	default:
		return p, fmt.Errorf("folder %q: %s pads texts, but no file names the token: add tokenizer_config.json with its pad_token", filepath.Base(f.path), fam.name)
	}
	return p, nil
}

// pad makes texts equally long, one after the other, and returns that length: the one that the
// graph fixes, if it does.
func (t *towers) pad(ids [][]int64, mask bool) (flat []int64, length int) {
	if length = cmp.Or(t.length, t.padding.length); length == 0 {
		for _, text := range ids {
			length = max(length, len(text))
		}
	}
	flat = make([]int64, 0, len(ids)*length)
	for _, text := range ids {
		text = text[:min(len(text), length)]
		fill := t.padding.id
		if t.padding.own {
			fill = text[len(text)-1]
		}
		if mask {
			text, fill = slices.Repeat([]int64{1}, len(text)), 0
		}
		space := slices.Repeat([]int64{fill}, length-len(text))
		if t.padding.left {
			flat = append(append(flat, space...), text...)
		} else {
			flat = append(append(flat, text...), space...)
		}
	}
	return flat, length
}
