//go:build e2e

// Command golang is openai-go behind Penstock: what its user observes, one JSON line for each
// check.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

// observation is one line of the output.
type observation struct {
	Check      string      `json:"check"`
	Text       string      `json:"text"`
	Thought    string      `json:"thought"`
	Finish     string      `json:"finish"`
	Tokens     int64       `json:"tokens"`
	Calls      []string    `json:"calls"`
	Vectors    [][]float64 `json:"vectors"`
	Ignored    string      `json:"ignored"`
	Error      string      `json:"error"`
	Message    string      `json:"message"`
	Status     int         `json:"status"`
	Code       string      `json:"code"`
	RetryAfter string      `json:"retry_after"`
}

// user is a program that uses the client. OPENAI_BASE_URL is Penstock's address and /v1.
type user struct {
	client openai.Client
	stdin  *bufio.Reader
}

type verb func(ctx context.Context, u user, s *observation, model string) error

const prompt = "Tell me a long story about a lighthouse."

func request(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:       model,
		Temperature: openai.Float(0),
		Messages:    []openai.ChatCompletionMessageParamUnion{openai.UserMessage(prompt)},
	}
}

func chat(ctx context.Context, u user, s *observation, model string) error {
	q := request(model)
	q.MaxTokens = openai.Int(16)
	response, err := u.client.Chat.Completions.New(ctx, q)
	if err != nil {
		return err
	}
	s.Text, s.Finish, s.Tokens = response.Choices[0].Message.Content, response.Choices[0].FinishReason, response.Usage.TotalTokens
	return nil
}

func stream(ctx context.Context, u user, s *observation, model string) error {
	q := request(model)
	q.MaxTokens = openai.Int(16)
	q.StreamOptions.IncludeUsage = openai.Bool(true)
	chunks := u.client.Chat.Completions.NewStreaming(ctx, q)
	for chunks.Next() {
		chunk := chunks.Current()
		for _, choice := range chunk.Choices {
			s.Text += choice.Delta.Content
			s.Finish = choice.FinishReason
		}
		s.Tokens += chunk.Usage.TotalTokens
	}
	return chunks.Err()
}

func think(ctx context.Context, u user, s *observation, model string) error {
	chunks := u.client.Chat.Completions.NewStreaming(ctx, request(model))
	for chunks.Next() {
		for _, choice := range chunks.Current().Choices {
			s.Text += choice.Delta.Content
			var thought string // no field of OpenAI's own
			if raw := choice.Delta.JSON.ExtraFields["reasoning_content"].Raw(); raw != "" {
				if err := json.Unmarshal([]byte(raw), &thought); err != nil {
					return err
				}
			}
			s.Thought += thought
		}
	}
	return chunks.Err()
}

func weatherRequest(model string) openai.ChatCompletionNewParams {
	q := request(model)
	q.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
		Name: "get_weather",
		Parameters: shared.FunctionParameters{
			"type":       "object",
			"properties": map[string]any{"city": map[string]any{"type": "string"}},
			"required":   []string{"city"},
		},
	})}
	return q
}

func tools(ctx context.Context, u user, s *observation, model string) error {
	q := weatherRequest(model)
	response, err := u.client.Chat.Completions.New(ctx, q)
	if err != nil {
		return err
	}
	return u.sendResults(ctx, s, q, response.Choices[0].Message)
}

func streamTools(ctx context.Context, u user, s *observation, model string) error {
	q := weatherRequest(model)
	chunks := u.client.Chat.Completions.NewStreaming(ctx, q)
	var response openai.ChatCompletionAccumulator
	for chunks.Next() {
		response.AddChunk(chunks.Current())
	}
	if err := chunks.Err(); err != nil {
		return err
	}
	return u.sendResults(ctx, s, q, response.Choices[0].Message)
}

func (u user) sendResults(
	ctx context.Context, s *observation, q openai.ChatCompletionNewParams, message openai.ChatCompletionMessage,
) error {
	q.Messages = append(q.Messages, message.ToParam())
	for _, call := range message.ToolCalls {
		var arguments struct{ City string }
		if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil {
			return err
		}
		s.Calls = append(s.Calls, call.Function.Name+" "+arguments.City)
		q.Messages = append(q.Messages, openai.ToolMessage("21 degrees", call.ID))
	}
	response, err := u.client.Chat.Completions.New(ctx, q)
	if err != nil {
		return err
	}
	s.Text = response.Choices[0].Message.Content
	return nil
}

func story(model string) responses.ResponseNewParams {
	return responses.ResponseNewParams{
		Model: model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(prompt)}, MaxOutputTokens: openai.Int(16),
	}
}

func respond(ctx context.Context, u user, s *observation, model string) error {
	response, err := u.client.Responses.New(ctx, story(model))
	if err != nil {
		return err
	}
	s.Text, s.Finish, s.Tokens = response.OutputText(), string(response.Status), response.Usage.TotalTokens
	return nil
}

func streamRespond(ctx context.Context, u user, s *observation, model string) error {
	events := u.client.Responses.NewStreaming(ctx, story(model))
	for events.Next() {
		switch event := events.Current().AsAny().(type) {
		case responses.ResponseTextDeltaEvent:
			s.Text += event.Delta
		case responses.ResponseCompletedEvent:
			s.Finish, s.Tokens = string(event.Response.Status), event.Response.Usage.TotalTokens
		case responses.ResponseIncompleteEvent:
			s.Finish, s.Tokens = string(event.Response.Status), event.Response.Usage.TotalTokens
		case responses.ResponseFailedEvent:
			s.Code, s.Message = string(event.Response.Error.Code), event.Response.Error.Message
		case responses.ResponseErrorEvent:
			s.Code, s.Message = event.Code, event.Message
		}
	}
	return events.Err()
}

func embed(ctx context.Context, u user, s *observation, model string) error {
	response, err := u.client.Embeddings.New(ctx, openai.EmbeddingNewParams{
		Model: model, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", "two"}},
	})
	if err != nil {
		return err
	}
	for _, row := range response.Data {
		s.Vectors = append(s.Vectors, row.Embedding)
	}
	return nil
}

func models(ctx context.Context, u user, s *observation, model string) error {
	one, err := u.client.Models.Get(ctx, model)
	if err != nil {
		return err
	}
	all, err := u.client.Models.List(ctx)
	if err != nil {
		return err
	}
	for _, m := range all.Data {
		if m.ID == model {
			s.Text = one.ID
		}
	}
	return nil
}

func extras(ctx context.Context, u user, s *observation, model string) error {
	q := request(model)
	q.MaxTokens = openai.Int(16)
	q.User, q.PromptCacheKey, q.Store = openai.String("someone"), openai.String("lighthouse"), openai.Bool(false)
	q.ServiceTier, q.Metadata = openai.ChatCompletionNewParamsServiceTierAuto, shared.Metadata{"purpose": "test"}
	q.SetExtraFields(map[string]any{"chat_template_kwargs": map[string]any{"enable_thinking": false}})
	var raw *http.Response
	response, err := u.client.Chat.Completions.New(ctx, q, option.WithResponseInto(&raw))
	if err != nil {
		return err
	}
	s.Text, s.Ignored = response.Choices[0].Message.Content, raw.Header.Get("X-Penstock-Ignored")
	return nil
}

func abort(ctx context.Context, u user, _ *observation, model string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := u.client.Chat.Completions.NewStreaming(ctx, request(model))
	for range 3 {
		chunks.Next()
	}
	return chunks.Err()
}

func timeout(ctx context.Context, u user, _ *observation, model string) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	_, err := u.client.Chat.Completions.New(ctx, request(model))
	return err
}

// check runs a verb and prints the observation.
func (u user) check(name string, v verb, model string) {
	s := observation{Check: name + " " + model}
	if err := v(context.Background(), u, &s, model); err != nil {
		s.Error, s.Message = fmt.Sprintf("%T", err), s.Message+err.Error()
		var rejected *openai.Error
		var broken *ssestream.StreamError
		switch {
		case errors.As(err, &rejected):
			s.Status, s.Code, s.Message = rejected.StatusCode, rejected.Code, rejected.Message
			if s.Status == 429 {
				s.RetryAfter = rejected.Response.Header.Get("Retry-After")
			}
		case errors.As(err, &broken):
			var event struct{ Error struct{ Code string } }
			if err := json.Unmarshal(broken.Event.Data, &event); err != nil {
				log.Fatal(err)
			}
			s.Code = event.Error.Code
		case errors.Is(err, context.DeadlineExceeded):
			s.Error = "context.DeadlineExceeded"
		case errors.Is(err, io.ErrUnexpectedEOF):
			s.Error = "io.ErrUnexpectedEOF"
		}
	}
	line, err := json.Marshal(s)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
	if name == "abort" || name == "timeout" {
		// The upstream has noticed the disconnect, which this program's exit would cause too.
		if _, err := u.stdin.ReadString('\n'); err != nil {
			log.Fatal(err)
		}
	}
}

func main() {
	u := user{openai.NewClient(option.WithMaxRetries(0)), bufio.NewReader(os.Stdin)}
	for _, c := range []struct {
		name   string
		verb   verb
		models string
	}{
		{"models", models, "plain"},
		{"chat", chat, "plain"},
		{"stream", stream, "plain patient"},
		{"think", think, "thinks"},
		{"tools", tools, "tools"},
		{"stream_tools", streamTools, "tools"},
		{"respond", respond, "plain"},
		{"stream_respond", streamRespond, "plain"},
		{"embed", embed, "plain"},
		{"chat", chat, "refuses missing busy locked broken down cut torn"},
		{"stream", stream, "refuses busy down silent late cut stalls"},
		{"stream_tools", streamTools, "halts"},
		{"respond", respond, "refuses"},
		{"stream_respond", streamRespond, "refuses late cut"},
		{"abort", abort, "endless"},
		{"timeout", timeout, "slow"},
		{"chat", chat, "smollm2"},
		{"stream", stream, "smollm2"},
		{"respond", respond, "smollm2"},
		{"stream_respond", streamRespond, "smollm2"},
		{"extras", extras, "smollm2"},
		{"abort", abort, "smollm2"},
		{"tools", tools, "smollm2"},
	} {
		for model := range strings.FieldsSeq(c.models) {
			u.check(c.name, c.verb, model)
		}
	}
}
