package acceptance

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/sashabaranov/go-openai"
)

// sdk returns the package go-openai's client, as a user would configure it.
func (c client) sdk() *openai.Client {
	config := openai.DefaultConfig("unused")
	config.BaseURL = c.URL + "/v1"
	config.HTTPClient = c.HTTP
	return openai.NewClientWithConfig(config)
}

func seed(n int) *int { return &n }

// The package go-openai works, unchanged, with the local model.
func TestOpenAIClient(t *testing.T) {
	c, _ := start(t, bothModels)
	sdk := c.sdk()
	t.Run("chat", func(t *testing.T) { testChat(t, c, sdk) })
	t.Run("completion", func(t *testing.T) { testCompletion(t, c, sdk) })
	t.Run("models", func(t *testing.T) { testModels(t, c, sdk) })
	t.Run("embeddings", func(t *testing.T) { testEmbeddings(t, c, sdk) })
	t.Run("errors", func(t *testing.T) { testErrors(t, c, sdk) })
}

// testEmbeddings embeds texts, as numbers and as base64, and finds the text that is nearest to
// another.
func testEmbeddings(t *testing.T, c client, sdk *openai.Client) {
	request := openai.EmbeddingRequestStrings{Model: "clip", Input: []string{"a photo of a cat", "a photo of a dog", "a photo of a small cat"}}
	plain, err := sdk.CreateEmbeddings(c.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	request.EncodingFormat = openai.EmbeddingEncodingFormatBase64
	packed, err := sdk.CreateEmbeddings(c.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Data) != 3 || plain.Object != "list" || plain.Usage.PromptTokens < 3*6 || plain.Usage != packed.Usage {
		t.Fatalf("got %d vectors, usage %+v and %+v", len(plain.Data), plain.Usage, packed.Usage)
	}
	product := func(i, j int) float32 {
		p, err := plain.Data[i].DotProduct(&packed.Data[j])
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if one, cat, dog := product(2, 2), product(2, 0), product(2, 1); one < 0.999 || one > 1.001 || cat < dog {
		t.Errorf("a small cat has the product %g with itself, %g with a cat, %g with a dog", one, cat, dog)
	}
}

func testChat(t *testing.T, c client, sdk *openai.Client) {
	request := openai.ChatCompletionRequest{
		Model: "smollm2", MaxCompletionTokens: 12, Seed: seed(5),
		Messages: []openai.ChatCompletionMessage{
			{Role: openai.ChatMessageRoleSystem, Content: "You are a poet."},
			{Role: openai.ChatMessageRoleUser, Content: "Write a long poem about the sea."},
		},
	}
	whole, err := sdk.CreateChatCompletion(c.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Choices) != 1 || whole.Object != "chat.completion" || whole.Model != "smollm2" || whole.ID == "" || whole.Created == 0 {
		t.Fatalf("got %+v", whole)
	}
	choice := whole.Choices[0]
	if choice.Message.Role != openai.ChatMessageRoleAssistant || choice.Message.Content == "" || choice.FinishReason != openai.FinishReasonLength {
		t.Errorf("got %+v", choice)
	}
	if u := whole.Usage; u.CompletionTokens != 12 || u.PromptTokens < 10 || u.TotalTokens != u.PromptTokens+12 {
		t.Errorf("usage %+v", u)
	}

	request.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	s, err := sdk.CreateChatCompletionStream(c.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var (
		text, role, id string
		finish         openai.FinishReason
		usage          *openai.Usage
	)
	for {
		chunk, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if id == "" {
			id = chunk.ID
		}
		if chunk.ID != id || chunk.Object != "chat.completion.chunk" || usage != nil {
			t.Errorf("a chunk is %+v", chunk)
		}
		if usage = chunk.Usage; usage != nil {
			continue
		}
		role += chunk.Choices[0].Delta.Role
		text += chunk.Choices[0].Delta.Content
		finish += chunk.Choices[0].FinishReason
	}
	if text != choice.Message.Content || role != openai.ChatMessageRoleAssistant || finish != openai.FinishReasonLength {
		t.Errorf("streamed: %q, role %q, finish reason %q; whole: %q", text, role, finish, choice.Message.Content)
	}
	if usage == nil || usage.CompletionTokens != whole.Usage.CompletionTokens || usage.TotalTokens != whole.Usage.TotalTokens {
		t.Errorf("streamed usage %+v, whole %+v", usage, whole.Usage)
	}
}

func testCompletion(t *testing.T, c client, sdk *openai.Client) {
	request := openai.CompletionRequest{Model: "smollm2", Prompt: "1, 2, 3, 4, 5, 6, 7,", MaxTokens: 10, Seed: seed(5), Stop: []string{"10"}}
	whole, err := sdk.CreateCompletion(c.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Choices) != 1 || whole.Object != "text_completion" || whole.Choices[0].Text == "" || whole.Choices[0].FinishReason == "" || whole.Usage.TotalTokens == 0 {
		t.Errorf("got %+v", whole)
	}
	s, err := sdk.CreateCompletionStream(c.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text, finish := "", ""
	for {
		chunk, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text += chunk.Choices[0].Text
		finish += chunk.Choices[0].FinishReason
	}
	if text != whole.Choices[0].Text || finish != whole.Choices[0].FinishReason {
		t.Errorf("streamed: %q, finish reason %q; whole: %+v", text, finish, whole.Choices[0])
	}
}

func testModels(t *testing.T, c client, sdk *openai.Client) {
	list, err := sdk.ListModels(c.Context())
	if err != nil || len(list.Models) != 2 || list.Models[0].ID != "clip" || list.Models[1].ID != "smollm2" || list.Models[1].Object != "model" {
		t.Errorf("the models are %+v, %v", list.Models, err)
	}
	if model, err := sdk.GetModel(c.Context(), "smollm2"); err != nil || model.ID != "smollm2" {
		t.Errorf("the model is %+v, %v", model, err)
	}
}

func testErrors(t *testing.T, c client, sdk *openai.Client) {
	hello := []openai.ChatCompletionMessage{{Role: openai.ChatMessageRoleUser, Content: "Hello"}}
	for _, test := range []struct {
		name    string
		request openai.ChatCompletionRequest
		status  int
		code    string
		param   string
	}{
		{"an unknown model", openai.ChatCompletionRequest{Model: "gpt-4o", Messages: hello}, http.StatusNotFound, "model_not_found", "model"},
		{"a model that cannot chat", openai.ChatCompletionRequest{Model: "clip", Messages: hello}, http.StatusNotFound, "model_not_supported", "model"},
		{"no model", openai.ChatCompletionRequest{Messages: hello}, http.StatusBadRequest, "missing_required_parameter", "model"},
		{"no messages", openai.ChatCompletionRequest{Model: "smollm2"}, http.StatusBadRequest, "", "messages"},
		{"a temperature too high", openai.ChatCompletionRequest{Model: "smollm2", Messages: hello, Temperature: 3}, http.StatusBadRequest, "decimal_above_max_value", "temperature"},
		{"several choices", openai.ChatCompletionRequest{Model: "smollm2", Messages: hello, N: 2}, http.StatusBadRequest, "unsupported_value", "n"},
		{"tools", openai.ChatCompletionRequest{Model: "smollm2", Messages: hello, Tools: []openai.Tool{{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{Name: "f", Parameters: json.RawMessage(`{}`)}}}}, http.StatusBadRequest, "unsupported_parameter", "tools"},
	} {
		_, err := sdk.CreateChatCompletion(c.Context(), test.request)
		_, streamErr := sdk.CreateChatCompletionStream(c.Context(), test.request)
		for form, err := range map[string]error{"whole": err, "streamed": streamErr} {
			apiError, ok := errors.AsType[*openai.APIError](err)
			if !ok {
				t.Errorf("%s, %s: %v", test.name, form, err)
				continue
			}
			if code, _ := apiError.Code.(string); apiError.HTTPStatusCode != test.status || (test.code != "" && code != test.code) || apiError.Param == nil || *apiError.Param != test.param || apiError.Type != "invalid_request_error" || apiError.Message == "" {
				t.Errorf("%s, %s: %d %+v", test.name, form, apiError.HTTPStatusCode, apiError)
			}
		}
	}
}
