package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ParseFolder reads the tokenizer of a model's folder: tokenizer.json, or without it CLIP's
// vocab.json and merges.txt, or BERT's vocab.txt; of these two, tokenizer_config.json names the
// special tokens and says whether BERT's text is in lower case. The function read returns a file's
// contents; its error is fs.ErrNotExist for a file that does not exist.
func ParseFolder(read func(name string) ([]byte, error)) (*Tokenizer, error) {
	data, err := read("tokenizer.json")
	if err == nil {
		return Parse(data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	names := tokenNames{LowerCase: true, ChineseChars: true}
	if err := readOptional(read, "tokenizer_config.json", func(data []byte) error {
		return json.Unmarshal(data, &names, jsontext.AllowDuplicateNames(true))
	}); err != nil {
		return nil, err
	}
	vocab, err := read("vocab.json")
	if err == nil {
		return parseCLIP(read, vocab, names)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if vocab, err = read("vocab.txt"); err == nil {
			return parseBERT(vocab, names)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no tokenizer: looked for tokenizer.json, vocab.json with merges.txt, and vocab.txt: %w", fs.ErrNotExist)
	}
	return nil, err
}

func readOptional(read func(name string) ([]byte, error), name string, use func(data []byte) error) error {
	data, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = use(data)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tokenNames is the part of tokenizer_config.json that is used.
type tokenNames struct {
	Start        tokenName `json:"bos_token"`
	End          tokenName `json:"eos_token"`
	Unknown      tokenName `json:"unk_token"`
	Pad          tokenName `json:"pad_token"`
	Class        tokenName `json:"cls_token"`
	Separator    tokenName `json:"sep_token"`
	Mask         tokenName `json:"mask_token"`
	LowerCase    bool      `json:"do_lower_case"`
	ChineseChars bool      `json:"tokenize_chinese_chars"`
	StripAccents *bool     `json:"strip_accents"`
}

// tokenName is written as a string, or as an object with the string as its content.
type tokenName string

// UnmarshalJSONFrom reads either form.
func (n *tokenName) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '{' {
		return json.UnmarshalDecode(dec, (*string)(n))
	}
	var object struct {
		Content string `json:"content"`
	}
	err := json.UnmarshalDecode(dec, &object)
	*n = tokenName(object.Content)
	return err
}

// clipWords is how CLIP's tokenizer splits a text.
const clipWords = `<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`

// parseCLIP builds what transformers builds for a CLIPTokenizer.
func parseCLIP(read func(name string) ([]byte, error), vocab []byte, names tokenNames) (*Tokenizer, error) {
	merges, err := read("merges.txt")
	if err != nil {
		return nil, fmt.Errorf("merges.txt, which belongs to vocab.json: %w", err)
	}
	f := new(file)
	if err := json.Unmarshal(vocab, &f.Model.Vocab, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fmt.Errorf("vocab.json: %w", err)
	}
	if f.Model.Vocab.scores != nil || !hasSuffixed(f.Model.Vocab.ids, "</w>") {
		return nil, errors.New("vocab.json has no token with </w>, so it is not CLIP's; other models need a tokenizer.json")
	}
	for i, line := range lines(merges) {
		if i == 0 && strings.HasPrefix(line, "#version") || line == "" {
			continue
		}
		left, right, found := strings.Cut(line, " ")
		if !found || strings.Contains(right, " ") {
			return nil, fmt.Errorf("merges.txt: line %d has not two tokens", i+1)
		}
		f.Model.Merges = append(f.Model.Merges, [2]string{left, right})
	}
	end := cmp.Or(string(names.End), "<|endoftext|>")
	f.Model.Type, f.Model.Suffix, f.Model.UnkToken = "BPE", "</w>", cmp.Or(string(names.Unknown), end)
	spaces, words := `\s+`, clipWords
	f.Normalizer = &component{Type: "Sequence", Normalizers: []*component{
		{Type: "NFC"}, {Type: "Replace", Pattern: pattern{Regex: &spaces}, Content: " "}, {Type: "Lowercase"},
	}}
	f.PreTokenizer = &component{Type: "Sequence", Pretokenizers: []*component{
		{Type: "Split", Pattern: pattern{Regex: &words}, Behavior: "Removed", Invert: true}, {Type: "ByteLevel"},
	}}
	f.Decoder = &component{Type: "ByteLevel"}
	start := cmp.Or(string(names.Start), "<|startoftext|>")
	return buildAround(f, start, end, f.Model.UnkToken, string(names.Pad))
}

// parseBERT builds what transformers builds for a BertTokenizer.
func parseBERT(vocab []byte, names tokenNames) (*Tokenizer, error) {
	all := lines(vocab)
	if len(all) > maxID+1 {
		return nil, fmt.Errorf("vocab.txt has over %d lines", maxID+1)
	}
	f := &file{Model: modelFile{Type: "WordPiece", Prefix: "##", UnkToken: cmp.Or(string(names.Unknown), "[UNK]")}}
	f.Model.Vocab.ids = make(map[string]int32, len(all))
	for id, token := range all {
		f.Model.Vocab.ids[token] = int32(id)
	}
	f.Normalizer = &component{
		Type: "BertNormalizer", CleanText: true, ChineseChars: names.ChineseChars,
		StripAccents: names.StripAccents, Lowercase: names.LowerCase,
	}
	f.PreTokenizer = &component{Type: "BertPreTokenizer"}
	f.Decoder = &component{Type: "WordPiece", Prefix: &f.Model.Prefix, Cleanup: true}
	return buildAround(f, cmp.Or(string(names.Class), "[CLS]"), cmp.Or(string(names.Separator), "[SEP]"),
		f.Model.UnkToken, cmp.Or(string(names.Pad), "[PAD]"), cmp.Or(string(names.Mask), "[MASK]"))
}

// buildAround builds a tokenizer that puts start and end around a text. These and the tokens of
// more that are in the vocabulary are special.
func buildAround(f *file, start, end string, more ...string) (*Tokenizer, error) {
	around := [2]int32{}
	for i, token := range []string{start, end} {
		id, known := f.Model.Vocab.ids[token]
		if !known {
			return nil, fmt.Errorf("the special token %q is not in the vocabulary", token)
		}
		around[i] = id
	}
	added := map[string]bool{}
	for _, token := range append([]string{start, end}, more...) {
		if id, known := f.Model.Vocab.ids[token]; known && token != "" && !added[token] {
			added[token] = true
			f.AddedTokens = append(f.AddedTokens, addedToken{ID: int64(id), Content: token, Special: true})
		}
	}
	f.PostProcessor = &component{Type: "BertProcessing", Cls: namedID(around[0]), Sep: namedID(around[1])}
	return build(f)
}

func hasSuffixed(vocab map[string]int32, suffix string) bool {
	for token := range vocab {
		if len(token) > len(suffix) && strings.HasSuffix(token, suffix) {
			return true
		}
	}
	return false
}

// lines returns the lines of a file without their ends.
func lines(data []byte) []string {
	text := strings.ReplaceAll(strings.TrimPrefix(string(data), "\uFEFF"), "\r\n", "\n")
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
