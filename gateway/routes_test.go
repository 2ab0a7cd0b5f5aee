package gateway_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// generated is what a client has of a generation, whatever the dialect.
type generated struct {
	Text               string
	Finish             string
	Prompt, Completion int // tokens
}

// route is a dialect as its clients use it.
type route struct {
	request func(model, prompt string, stream bool) *http.Request
	whole   func(body []byte) (generated, error)
	// event adds what an event brings. code is the error's, if it is one.
	event func(g *generated, name string, data []byte) (code string, err error)
	// code is the path to the code in an error's body.
	code func(body []byte) string
}

func routes() map[string]route {
	native := route{
		request: func(model, prompt string, stream bool) *http.Request {
			accept := "application/json"
			if stream {
				accept = "text/event-stream"
			}
			return request("POST", "/v1/models/"+model+":predict", `{"prompt":`+quote(prompt)+`,`+limits+`}`, "Accept", accept)
		},
		whole: wholeNative, event: eventNative, code: codeAt("error", "code"),
	}
	get := native
	get.request = func(model, prompt string, stream bool) *http.Request {
		r := request("GET", `/v1/models/`+model+`/stream?max_tokens=5&logit_bias=%7B"66":100%7D&prompt=`+prompt, "")
		if !stream {
			r.Header.Set("Accept", "application/json")
		}
		return r
	}
	chat := route{
		request: openAIRequest(chatPath, func(prompt string) string {
			return `"messages":[{"role":"user","content":` + quote(prompt) + `}],` + limits
		}),
		whole: wholeChunk, event: eventChunk, code: codeAt("error", "code"),
	}
	completions := chat
	completions.request = openAIRequest("/v1/completions", func(prompt string) string { return `"prompt":` + quote(prompt) + `,` + limits })
	return map[string]route{
		"native": native, "native GET": get, "chat": chat, "completions": completions,
		"responses": {
			request: openAIRequest("/v1/responses", func(prompt string) string {
				return `"input":` + quote(prompt) + `,"max_output_tokens":5`
			}),
			whole: wholeResponse, event: eventResponse, code: codeAt("error", "code"),
		},
		"toy": {
			request: func(model, prompt string, stream bool) *http.Request {
				body := "model " + model + "\nask " + prompt + "\n"
				if stream {
					body += "stream\n"
				}
				return request("POST", "/toy", body)
			},
			whole: wholeToy, event: eventToy, code: func(body []byte) string { return messageToy(string(body)) },
		},
	}
}

// limits make the local test model repeat one letter five times.
const limits = `"max_tokens":5,"logit_bias":{"66":100}`

func openAIRequest(path string, input func(prompt string) string) func(model, prompt string, stream bool) *http.Request {
	return func(model, prompt string, stream bool) *http.Request {
		options := ""
		if stream {
			options = `,"stream":true`
			if path != "/v1/responses" {
				options += `,"stream_options":{"include_usage":true}`
			}
		}
		return request("POST", path, `{"model":`+quote(model)+`,`+input(prompt)+options+`}`)
	}
}

func codeAt(path ...string) func([]byte) string {
	return func(body []byte) string {
		for _, name := range path {
			var object map[string]json.RawMessage
			if json.Unmarshal(body, &object) != nil {
				return ""
			}
			body = object[name]
		}
		return strings.Trim(string(body), `"`)
	}
}

type openAIUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Input      int `json:"input_tokens"`
	Output     int `json:"output_tokens"`
}

func wholeNative(body []byte) (generated, error) {
	var r struct {
		Output, Reason string
		Usage          openAIUsage
	}
	err := json.Unmarshal(body, &r)
	return generated{r.Output, r.Reason, r.Usage.Prompt, r.Usage.Completion}, err
}

func eventNative(g *generated, name string, data []byte) (string, error) {
	var e struct {
		Text, Reason, Code string
		Usage              openAIUsage
	}
	err := json.Unmarshal(data, &e)
	g.Text += e.Text
	if name == "done" {
		g.Finish, g.Prompt, g.Completion = e.Reason, e.Usage.Prompt, e.Usage.Completion
	}
	return e.Code, err
}

// chunk is a chat's or a text completion's, whole or in part.
type chunk struct {
	Choices []struct {
		Text           string
		Message, Delta struct{ Content string }
		FinishReason   string `json:"finish_reason"`
	}
	Usage openAIUsage
	Error struct{ Code string }
}

func (c chunk) addTo(g *generated) {
	for _, choice := range c.Choices {
		g.Text += choice.Text + choice.Message.Content + choice.Delta.Content
		g.Finish += choice.FinishReason
	}
	g.Prompt += c.Usage.Prompt
	g.Completion += c.Usage.Completion
}

func wholeChunk(body []byte) (g generated, err error) {
	var c chunk
	err = json.Unmarshal(body, &c)
	c.addTo(&g)
	return g, err
}

func eventChunk(g *generated, _ string, data []byte) (string, error) {
	if string(data) == "[DONE]" {
		return "", nil
	}
	var c chunk
	err := json.Unmarshal(data, &c)
	c.addTo(g)
	return c.Error.Code, err
}

type responseObject struct {
	Status string
	Output []struct{ Content []struct{ Text string } }
	Usage  openAIUsage
}

func (r responseObject) generated() (g generated) {
	for _, item := range r.Output {
		for _, part := range item.Content {
			g.Text += part.Text
		}
	}
	g.Finish, g.Prompt, g.Completion = "stop", r.Usage.Input, r.Usage.Output
	if r.Status == "incomplete" {
		g.Finish = "length"
	}
	return g
}

func wholeResponse(body []byte) (generated, error) {
	var r responseObject
	err := json.Unmarshal(body, &r)
	return r.generated(), err
}

func eventResponse(g *generated, name string, data []byte) (string, error) {
	var e struct {
		Delta, Code string
		Response    responseObject
	}
	err := json.Unmarshal(data, &e)
	g.Text += e.Delta
	if name == "response.completed" || name == "response.incomplete" {
		if whole := e.Response.generated(); whole.Text != g.Text {
			return "", errors.New("the last event has another text")
		} else {
			*g = whole
		}
	}
	return e.Code, err
}

// The toy dialect is dialecttest's. It has no usage, and its errors have a message and no code.

func wholeToy(body []byte) (g generated, err error) {
	for line := range strings.Lines(string(body)) {
		name, _, _ := strings.Cut(line, " ")
		if _, err := eventToy(&g, name, []byte(line)); err != nil {
			return g, err
		}
	}
	return g, nil
}

func eventToy(g *generated, name string, data []byte) (string, error) {
	if name == "sorry" {
		return messageToy("sorry " + string(data)), nil
	}
	text, err := strconv.Unquote(strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(string(data), "say "), "bye ")))
	if name == "bye" {
		g.Finish = text
	} else {
		g.Text += text
	}
	return "", err
}

// messageToy returns the code of the error with that message.
func messageToy(line string) string {
	switch {
	case strings.HasPrefix(line, `sorry "no token came"`):
		return "upstream_timeout"
	case strings.HasPrefix(line, `sorry "cut"`):
		return "upstream_cut"
	}
	return line
}
