package gguf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// tokenizerFile is tokenizer.json.
type tokenizerFile struct {
	Version       string       `json:"version"`
	Truncation    *struct{}    `json:"truncation"`
	Padding       *struct{}    `json:"padding"`
	AddedTokens   []addedToken `json:"added_tokens"`
	Normalizer    *struct{}    `json:"normalizer"`
	PreTokenizer  step         `json:"pre_tokenizer"`
	PostProcessor *struct{}    `json:"post_processor"`
	Decoder       step         `json:"decoder"`
	Model         struct {
		Type                    string   `json:"type"`
		Dropout                 *float64 `json:"dropout"`
		UnknownToken            *string  `json:"unk_token"`
		ContinuingSubwordPrefix *string  `json:"continuing_subword_prefix"`
		EndOfWordSuffix         *string  `json:"end_of_word_suffix"`
		FuseUnknown             bool     `json:"fuse_unk"`
		ByteFallback            bool     `json:"byte_fallback"`
		IgnoreMerges            bool     `json:"ignore_merges"`
		Vocabulary              ids      `json:"vocab"`
		Merges                  []string `json:"merges"`
	} `json:"model"`
}

type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// A step is a pre-tokenizer or decoder of any type, with the fields of that type.
type step struct {
	Type             string `json:"type"`
	Steps            []step `json:"pretokenizers,omitempty"`
	IndividualDigits *bool  `json:"individual_digits,omitempty"`
	AddPrefixSpace   *bool  `json:"add_prefix_space,omitempty"`
	TrimOffsets      *bool  `json:"trim_offsets,omitempty"`
	UseRegex         *bool  `json:"use_regex,omitempty"`
}

// ids are tokens by id. In JSON they are an object from token to id, in the order of ids.
type ids []string

func (tokens ids) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	separator := byte('{')
	for id, token := range tokens {
		key, err := encode(token)
		if err != nil {
			return nil, err
		}
		out.WriteByte(separator)
		out.Write(key)
		out.WriteByte(':')
		out.WriteString(strconv.Itoa(id))
		separator = ','
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// encode returns value as JSON, without HTML escapes and without a newline at the end.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// tokenizerSettings is tokenizer_config.json.
type tokenizerSettings struct {
	Class        string `json:"tokenizer_class"`
	BOS          string `json:"bos_token,omitempty"`
	EOS          string `json:"eos_token,omitempty"`
	Pad          string `json:"pad_token,omitempty"`
	AddBOS       bool   `json:"add_bos_token"`
	AddEOS       bool   `json:"add_eos_token"`
	MaxLength    int64  `json:"model_max_length"`
	ChatTemplate string `json:"chat_template,omitempty"`
}

// modelSettings is config.json.
type modelSettings struct {
	ModelType      string  `json:"model_type"`
	HiddenSize     int64   `json:"hidden_size"`
	Layers         int64   `json:"num_hidden_layers"`
	Heads          int64   `json:"num_attention_heads"`
	KVHeads        int64   `json:"num_key_value_heads"`
	HeadDim        int64   `json:"head_dim"`
	Intermediate   int64   `json:"intermediate_size"`
	VocabularySize int64   `json:"vocab_size"`
	MaxPositions   int64   `json:"max_position_embeddings"`
	Epsilon        float64 `json:"rms_norm_eps"`
	RopeTheta      float64 `json:"rope_theta"`
	TiedEmbeddings bool    `json:"tie_word_embeddings"`
	BOS            *int64  `json:"bos_token_id"`
	EOS            *int64  `json:"eos_token_id"`
}

// generationSettings is generation_config.json: start and end tokens, and the recommended sampling
// parameters that the file has.
type generationSettings struct {
	BOS               *int64   `json:"bos_token_id,omitempty"`
	EOS               tokenIDs `json:"eos_token_id,omitempty"`
	Pad               *int64   `json:"pad_token_id,omitempty"`
	Temperature       *float64 `json:"temperature,omitempty"`
	TopP              *float64 `json:"top_p,omitempty"`
	TopK              *int64   `json:"top_k,omitempty"`
	MinP              *float64 `json:"min_p,omitempty"`
	RepetitionPenalty *float64 `json:"repetition_penalty,omitempty"`
}

// settings returns the contents of the three files for l and v.
func (f *file) settings(l *llama, v *vocabulary) (modelSettings, tokenizerSettings, generationSettings, error) {
	m := &metadata{values: f.metadata}
	bos, eos, pad := v.id(m, "bos"), v.id(m, "eos"), v.id(m, "padding")
	model := modelSettings{
		ModelType: "llama", HiddenSize: l.width, Layers: l.layers, Heads: l.heads, KVHeads: l.kvHeads, HeadDim: l.head,
		Intermediate: l.inner, VocabularySize: l.vocabulary, MaxPositions: l.context, Epsilon: l.epsilon, RopeTheta: l.ropeBase,
		TiedEmbeddings: l.tied, BOS: bos, EOS: eos,
	}
	tokens := tokenizerSettings{
		Class: "GPT2Tokenizer", BOS: v.token(bos), EOS: v.token(eos), Pad: v.token(pad), MaxLength: l.context,
		AddBOS: optional(m, "tokenizer.ggml.add_bos_token", false), AddEOS: optional(m, "tokenizer.ggml.add_eos_token", false),
		ChatTemplate: optional(m, "tokenizer.chat_template", ""),
	}
	generation := generationSettings{
		BOS: bos, Pad: pad,
		Temperature: given[float64](m, "general.sampling.temp"), TopP: given[float64](m, "general.sampling.top_p"),
		TopK: given[int64](m, "general.sampling.top_k"), MinP: given[float64](m, "general.sampling.min_p"),
		RepetitionPenalty: given[float64](m, "general.sampling.penalty_repeat"),
	}
	// A model may end its turn, or a message, with a token other than the end of text.
	ends := map[int64]bool{}
	for _, end := range []*int64{eos, v.id(m, "eot"), v.id(m, "eom")} {
		if end != nil && !ends[*end] {
			ends[*end] = true
			generation.EOS = append(generation.EOS, *end)
		}
	}
	return model, tokens, generation, m.err
}

// given returns the value of key, or nil if it is missing.
func given[T metadatum](m *metadata, key string) *T {
	if _, found := m.values[key]; !found {
		return nil
	}
	value := required[T](m, key)
	return &value
}

// id returns the token with a role such as "bos", or nil.
func (v *vocabulary) id(m *metadata, role string) *int64 {
	key := "tokenizer.ggml." + role + "_token_id"
	id := given[int64](m, key)
	if id != nil && m.err == nil && (*id < 0 || *id >= int64(len(v.tokens))) {
		m.err = fmt.Errorf("metadata %s is %d: there are %d tokens", key, *id, len(v.tokens))
	}
	return id
}

func (v *vocabulary) token(id *int64) string {
	if id == nil || *id < 0 || *id >= int64(len(v.tokens)) {
		return ""
	}
	return v.tokens[*id]
}

// tokenIDs are one or several tokens. In JSON a single one is a number, as most programs expect.
type tokenIDs []int64

func (t tokenIDs) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]int64(t))
}
