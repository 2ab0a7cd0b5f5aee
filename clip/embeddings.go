package clip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"penstock/apierr"
	"penstock/dialect"
)

// An embedFeed is a request for embeddings with its texts tokenised and its pictures decoded, ready
// for a run.
type embedFeed struct {
	request  *dialect.EmbeddingRequest
	pictures *imageBuffer
	texts    [][]int64
}

// An embedRaw is what a run computes for one request, or the request's error.
type embedRaw struct {
	request       *dialect.EmbeddingRequest
	images, texts vectors
	tokens        int // of all texts
	err           error
}

// parseEmbeddings checks what a request for embeddings asks for.
func parseEmbeddings(c *dialect.EmbeddingCall) (*dialect.EmbeddingRequest, error) {
	r, err := c.Parse()
	if err == nil && r.Input.Tokens != nil {
		err = dialect.InvalidValue("input", "this model has a tokenizer of its own: send text, not token ids.")
	}
	return r, invalid(err)
}

// invalid returns the error of a request that cannot be parsed.
func invalid(err error) error {
	if d, ok := errors.AsType[*dialect.Error](err); ok {
		return &apierr.Error{Code: apierr.CodeInvalidInput, Reason: d.Code, Message: d.Message, Param: d.Param, Cause: err}
	}
	return err
}

// preprocessEmbeddings tokenises the texts and gathers the pictures.
func (m *Model) preprocessEmbeddings(ctx context.Context, c *dialect.EmbeddingCall) (f embedFeed, err error) {
	r, err := parseEmbeddings(c)
	if err != nil {
		return f, err
	}
	f.request = r
	for i, item := range r.Input.Items {
		if item.Text != nil && isPictureURL(*item.Text) {
			r.Input.Items[i] = dialect.EmbeddingItem{Name: item.Name, URL: item.Text}
		}
	}
	if size := m.labels.defaults.size; r.Dimensions != nil && *r.Dimensions > size {
		return f, invalidParam(ReasonBadDimensions, "dimensions", "this model's vectors have %d numbers, no more", size)
	}
	if n := len(r.Input.Items); n > maxLabels {
		return f, invalidParam(ReasonTooManyInputs, "input", "%d inputs are too many for one request: send at most %d, %d of them pictures", n, maxLabels, maxPictures)
	}
	var (
		pictures []Picture
		names    []string
	)
	for i, item := range r.Input.Items {
		name := cmp.Or(item.Name, fmt.Sprintf("input[%d]", i))
		switch {
		case item.Text != nil:
			ids, err := m.tokenise(name, *item.Text)
			if err != nil {
				return f, err
			}
			f.texts = append(f.texts, ids)
			continue
		case item.URL != nil:
			pictures = append(pictures, Picture{URL: *item.URL})
		default:
			data, err := decodeImage(*item.Image)
			if err != nil {
				return f, errorIn(name, err)
			}
			pictures = append(pictures, Picture{Data: data})
		}
		names = append(names, name)
	}
	if n := len(pictures); n > maxPictures {
		return f, invalidParam(ReasonTooMany, "input", "%d pictures are too many for one request: send at most %d", n, maxPictures)
	}
	f.pictures, err = m.gather(ctx, pictures, func(i int) string { return names[i] })
	return f, err
}

// tokenise converts a text to tokens. A text that would have to be cut is refused: its vector would
// be that of another text.
func (m *Model) tokenise(name, text string) ([]int64, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return nil, invalidParam(ReasonBadText, name, "%s is empty", name)
	case len(text) > maxText:
		return nil, invalidParam(ReasonBadText, name, "%s has %d bytes; a text may have %d", name, len(text), maxText)
	}
	ids, err := m.labels.tokens.encode(text)
	if err != nil {
		return nil, tooSlow(name, err)
	}
	if limit := m.labels.tokens.context; len(ids) > limit {
		return nil, invalidParam(ReasonBadText, name, "%s has %d tokens; this model reads %d: shorten it", name, len(ids), limit)
	}
	return ids, nil
}

func invalidParam(reason, param, format string, args ...any) error {
	e := apierr.InvalidInput(reason, format, args...)
	e.Param = apierr.Shorten(param)
	return e
}

// predictEmbeddings runs each tower once for all requests.
func (m *Model) predictEmbeddings(ctx context.Context, feeds []embedFeed) ([]embedRaw, error) {
	buffers := make([]*imageBuffer, len(feeds))
	for i, f := range feeds {
		buffers[i] = f.pictures
	}
	embedded, err := m.embedPictures(ctx, buffers)
	if err != nil {
		return nil, err
	}
	texts, err := m.labels.texts(ctx, textsOf(feeds))
	if err != nil {
		return nil, err
	}
	raws := make([]embedRaw, len(feeds))
	for i, f := range feeds {
		raws[i] = embedRaw{request: f.request, images: embedded[i].vectors, err: embedded[i].err}
		raws[i].texts, texts = texts.split(len(f.texts))
		for _, ids := range f.texts {
			raws[i].tokens += len(ids)
		}
	}
	return raws, nil
}

// postprocessEmbeddings puts the vectors into the order of the request. Shortened ones are scaled
// to the length 1 again, as at OpenAI; CLIP was not trained for that, so they lose more than others
// do.
func (m *Model) postprocessEmbeddings(_ context.Context, r embedRaw) (*dialect.EmbeddingResponse, error) {
	if r.err != nil {
		return nil, r.err
	}
	response := &dialect.EmbeddingResponse{
		Object: "list", Model: m.options.Name, Data: make([]dialect.Embedding, len(r.request.Input.Items)),
		Usage: dialect.EmbeddingUsage{PromptTokens: r.tokens, TotalTokens: r.tokens},
	}
	for i, item := range r.request.Input.Items {
		from := &r.images
		if item.Text != nil {
			from = &r.texts
		}
		var one vectors
		if one, *from = from.split(1); r.request.Dimensions != nil {
			one = vectors{slices.Clone(one.values[:*r.request.Dimensions]), *r.request.Dimensions}
			one.normalise()
		}
		response.Data[i] = dialect.Embedding{
			Object: "embedding", Index: i,
			Embedding: dialect.Vector{Values: one.values, Base64: r.request.EncodingFormat == dialect.EncodingBase64},
		}
	}
	return response, nil
}
