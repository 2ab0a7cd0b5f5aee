package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/sashabaranov/go-openai"
)

// go-openai builds the request: its URL, its key, its headers. Around that it has traps,
// and this file is where they are taken out:
//
//   - It encodes its own structs, which know only some of the fields there are. So it
//     is given empty ones, and exchange puts the client's bytes in their place.
//   - Its streams return io.EOF for [DONE] and for a cut connection alike, take comment
//     lines for errors and give up after 300 of them, and lose what its types don't
//     know. So it never sees an answer: exchange keeps that, and ends the call with
//     errTaken.
//   - It reads error answers without a bound and forgets their headers. The same.
//   - It refuses some model names and parameters by its own lists. Empty structs hold
//     none of them.
//   - http.Client, its default, follows redirects, with our key. So exchange speaks
//     to the transport itself.

// errTaken ends go-openai's part in a request.
var errTaken = errors.New("the answer has been taken over")

// endpoint is a route of OpenAI's, and go-openai's call that goes there.
type endpoint struct {
	streams bool
	call    func(ctx context.Context, c *openai.Client) error
}

var (
	chatStream = &endpoint{true, func(ctx context.Context, c *openai.Client) error {
		_, err := c.CreateChatCompletionStream(ctx, openai.ChatCompletionRequest{}) //nolint:bodyclose // exchange keeps the body
		return err
	}}
	chatWhole = &endpoint{false, func(ctx context.Context, c *openai.Client) error {
		_, err := c.CreateChatCompletion(ctx, openai.ChatCompletionRequest{})
		return err
	}}
	completionStream = &endpoint{true, func(ctx context.Context, c *openai.Client) error {
		_, err := c.CreateCompletionStream(ctx, openai.CompletionRequest{Prompt: ""}) //nolint:bodyclose // exchange keeps the body
		return err
	}}
	completionWhole = &endpoint{false, func(ctx context.Context, c *openai.Client) error {
		_, err := c.CreateCompletion(ctx, openai.CompletionRequest{Prompt: ""})
		return err
	}}
	responseStream = &endpoint{true, func(ctx context.Context, c *openai.Client) error {
		_, err := c.CreateResponseStream(ctx, openai.CreateResponseRequest{}) //nolint:bodyclose // exchange keeps the body
		return err
	}}
	responseWhole = &endpoint{false, func(ctx context.Context, c *openai.Client) error {
		_, err := c.CreateResponse(ctx, openai.CreateResponseRequest{})
		return err
	}}
	embeddings = &endpoint{false, func(ctx context.Context, c *openai.Client) error {
		_, err := c.CreateEmbeddings(ctx, openai.EmbeddingRequest{})
		return err
	}}
)

// exchange is one request and its answer, between go-openai and the network.
type exchange struct {
	transport http.RoundTripper
	body      []byte
	answer    *http.Response
}

// Do implements openai.HTTPDoer. It always returns an error: the transport's, or
// errTaken.
func (x *exchange) Do(r *http.Request) (*http.Response, error) {
	body := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
	r.Body, _ = body()
	r.GetBody = body // lets the transport ask again when a kept connection turns out closed
	r.ContentLength = int64(len(x.body))
	r.Header.Set("User-Agent", "penstock")
	answer, err := x.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	x.answer = answer
	return nil, errTaken
}

// post sends body to the endpoint of a server and returns the answer as it came.
func (e *endpoint) post(ctx context.Context, t http.RoundTripper, baseURL, key string, body []byte) (*http.Response, error) {
	x := &exchange{transport: t, body: body}
	config := openai.DefaultConfig(key)
	config.BaseURL = baseURL
	config.HTTPClient = x
	if err := e.call(ctx, openai.NewClientWithConfig(config)); !errors.Is(err, errTaken) {
		return nil, fmt.Errorf("ask the upstream: %w", err)
	}
	return x.answer, nil
}
