package tokenizer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// file is the shape of tokenizer.json, as Hugging Face's tokenizers library writes it.
type file struct {
	Truncation    *truncation  `json:"truncation"`
	Padding       *paddingFile `json:"padding"`
	AddedTokens   []addedToken `json:"added_tokens"`
	Normalizer    *component   `json:"normalizer"`
	PreTokenizer  *component   `json:"pre_tokenizer"`
	PostProcessor *component   `json:"post_processor"`
	Decoder       *component   `json:"decoder"`
	Model         modelFile    `json:"model"`
}

// component is any step of the pipeline. Its Type decides which of the other fields are used.
type component struct {
	Type string `json:"type"`

	// Sequence, by its four names
	Normalizers   []*component `json:"normalizers"`
	Pretokenizers []*component `json:"pretokenizers"`
	Processors    []*component `json:"processors"`
	Decoders      []*component `json:"decoders"`

	Pattern          pattern `json:"pattern"`           // Replace, Split
	Content          string  `json:"content"`           // Replace, Strip (decoder)
	Prepend          string  `json:"prepend"`           // Prepend
	Behavior         string  `json:"behavior"`          // Split, Punctuation
	Invert           bool    `json:"invert"`            // Split
	IndividualDigits bool    `json:"individual_digits"` // Digits
	AddPrefixSpace   *bool   `json:"add_prefix_space"`  // ByteLevel, Metaspace
	UseRegex         *bool   `json:"use_regex"`         // ByteLevel; absent: true
	Start            int     `json:"start"`             // Strip (decoder)
	Stop             int     `json:"stop"`              // Strip (decoder)

	CharsMap     string `json:"precompiled_charsmap"` // Precompiled
	StripLeft    bool   `json:"strip_left"`           // Strip (normalizer)
	StripRight   bool   `json:"strip_right"`          // Strip (normalizer)
	CleanText    bool   `json:"clean_text"`           // BertNormalizer
	ChineseChars bool   `json:"handle_chinese_chars"` // BertNormalizer
	StripAccents *bool  `json:"strip_accents"`        // BertNormalizer; absent: as lowercase
	Lowercase    bool   `json:"lowercase"`            // BertNormalizer

	Replacement   string  `json:"replacement"`    // Metaspace
	PrependScheme string  `json:"prepend_scheme"` // Metaspace
	Split         *bool   `json:"split"`          // Metaspace; absent: true
	Prefix        *string `json:"prefix"`         // WordPiece
	Suffix        string  `json:"suffix"`         // BPEDecoder
	Cleanup       bool    `json:"cleanup"`        // WordPiece

	Cls           namedID                  `json:"cls"`            // RobertaProcessing, BertProcessing
	Sep           namedID                  `json:"sep"`            // RobertaProcessing, BertProcessing
	Single        []templatePiece          `json:"single"`         // TemplateProcessing
	SpecialTokens map[string]templateToken `json:"special_tokens"` // TemplateProcessing
}

// pattern is what Replace and Split match: exactly one of a literal string and a regular
// expression.
type pattern struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

// namedID is written ["<|endoftext|>", 49407].
type namedID int64

// UnmarshalJSONFrom reads the pair and keeps its second element.
func (n *namedID) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var pair [2]jsontext.Value
	if err := json.UnmarshalDecode(dec, &pair); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], (*int64)(n))
}

type templatePiece struct {
	SpecialToken *struct {
		ID string `json:"id"`
	} `json:"SpecialToken"`
	Sequence *struct {
		ID string `json:"id"`
	} `json:"Sequence"`
}

type templateToken struct {
	IDs []int64 `json:"ids"`
}

type modelFile struct {
	Type         string     `json:"type"`
	Dropout      float64    `json:"dropout"`
	UnkToken     string     `json:"unk_token"`
	Prefix       string     `json:"continuing_subword_prefix"`
	Suffix       string     `json:"end_of_word_suffix"`
	FuseUnk      bool       `json:"fuse_unk"`
	ByteFallback bool       `json:"byte_fallback"`
	IgnoreMerges bool       `json:"ignore_merges"`
	UnkID        *int32     `json:"unk_id"`                   // Unigram
	MaxChars     *int       `json:"max_input_chars_per_word"` // WordPiece
	Vocab        vocabulary `json:"vocab"`
	Merges       mergeList  `json:"merges"`
}

// mergeList holds the two tokens of every merge, the most frequent first.
type mergeList [][2]string

// UnmarshalJSONFrom reads merges in either form: "a b", or ["a", "b"] for tokens that may contain
// spaces.
func (m *mergeList) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		merge, err := readMerge(dec)
		if err != nil {
			return fmt.Errorf("merge %d: %w", len(*m), err)
		}
		*m = append(*m, merge)
	}
	_, err := dec.ReadToken()
	return err
}

var errMergeShape = errors.New(`it should be "left right" or ["left", "right"]`)

func readMerge(dec *jsontext.Decoder) (merge [2]string, err error) {
	if dec.PeekKind() == '[' {
		return merge, json.UnmarshalDecode(dec, &merge)
	}
	token, err := dec.ReadToken()
	if err != nil {
		return merge, err
	}
	if token.Kind() != '"' {
		return merge, errMergeShape
	}
	left, right, found := strings.Cut(token.String(), " ")
	if !found || strings.Contains(right, " ") {
		return merge, errMergeShape
	}
	return [2]string{left, right}, nil
}

// parseFile reads a tokenizer.json. Checking for duplicate names would take a third of the time, so
// it is not done.
func parseFile(data []byte) (*file, error) {
	f := new(file)
	if err := json.Unmarshal(data, f, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fmt.Errorf("read tokenizer.json: %w", err)
	}
	return f, nil
}
