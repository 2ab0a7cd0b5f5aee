//go:build e2e

package clients

// observation is what a client's program prints for a check.
type observation struct {
	Check      string      `json:"check"` // what it did, and the model that it requested
	Text       string      `json:"text"`
	Thought    string      `json:"thought"`
	Finish     string      `json:"finish"`
	Tokens     int         `json:"tokens"`
	Calls      []string    `json:"calls"`
	Vectors    [][]float64 `json:"vectors"`
	Ignored    string      `json:"ignored"` // the parameters that the model ignores
	Error      string      `json:"error"`   // the client's own class; in checks, a key of client.errors
	Message    string      `json:"message"` // of that error; in checks, a part of it
	Status     int         `json:"status"`
	Code       string      `json:"code"`
	RetryAfter string      `json:"retry_after"`
}

// anything stands for a text of the local model, which differs from machine to machine.
const anything = "*"

// checks are the observations of every client, in the order of their programs. A response that did
// not reach its end has neither a finish reason nor a count of tokens.
var checks = []observation{
	{Check: "models plain", Text: "plain"},
	{Check: "chat plain", Text: "w0 w1 w2 ", Finish: "stop", Tokens: 4},
	{Check: "stream plain", Text: "w0 w1 w2 ", Finish: "stop", Tokens: 67},
	{Check: "stream patient", Text: "w0 w1 w2 ", Finish: "stop", Tokens: 67},
	{Check: "think thinks", Text: "One, two.", Thought: "Let me see."},
	{Check: "tools tools", Text: "w0 w1 w2 ", Calls: []string{"get_weather Paris", "get_weather London"}},
	{Check: "stream_tools tools", Text: "w0 w1 w2 ", Calls: []string{"get_weather Paris", "get_weather London"}},
	{Check: "respond plain", Text: "hello", Finish: "completed", Tokens: 4},
	{Check: "stream_respond plain", Text: "hello", Finish: "completed", Tokens: 4},
	{Check: "embed plain", Vectors: [][]float64{{0.5, -0.25}, {1, 0}}},
	{Check: "calls tools", Calls: []string{"get_weather Paris", "get_weather London"}},
	{Check: "extract forms", Text: "Paris"},
	{Check: "stream_extract forms", Text: "Paris"},

	{Check: "chat refuses", Error: "too long", Status: 400, Code: "context_length_exceeded", Message: "this is context_length_exceeded"},
	{Check: "chat missing", Error: "not found", Status: 404, Code: "model_not_found", Message: "missing"},
	{Check: "chat busy", Error: "busy", Status: 429, Code: "rate_limit_exceeded", RetryAfter: "20", Message: "this is rate_limit_exceeded"},
	{Check: "chat locked", Error: "server", Status: 502, Code: "upstream_unauthorized"},
	{Check: "chat broken", Error: "server", Status: 500, Code: "oops", Message: "this is oops"},
	{Check: "chat down", Error: "server", Status: 502, Code: "upstream_cut", Message: "the upstream ended its response before it was complete"},
	{Check: "chat cut", Error: "server", Status: 502, Code: "upstream_cut", Message: "the upstream ended its response before it was complete"},
	{Check: "chat torn", Error: "connection"},
	{Check: "stream refuses", Error: "too long", Status: 400, Code: "context_length_exceeded", Message: "this is context_length_exceeded"},
	{Check: "stream busy", Error: "busy", Status: 429, Code: "rate_limit_exceeded", RetryAfter: "20", Message: "this is rate_limit_exceeded"},
	{Check: "stream down", Error: "server", Status: 502, Code: "upstream_cut", Message: "the upstream ended its response before it was complete"},
	{Check: "stream silent", Error: "server", Status: 504, Code: "upstream_timeout", Message: "the upstream sent no first token within"},
	{Check: "stream late", Error: "stream", Code: "upstream_timeout", Message: "the upstream sent no first token within"},
	{Check: "stream cut", Text: "w0 w1 w2 ", Error: "stream", Code: "upstream_cut", Message: "the upstream ended its response before it was complete"},
	{Check: "stream stalls", Text: "w0 w1 w2 ", Error: "stream", Code: "upstream_timeout"},
	{Check: "stream_tools halts", Error: "stream", Code: "upstream_cut", Message: "the upstream ended its response before it was complete"},
	{Check: "respond refuses", Error: "too long", Status: 400, Code: "context_length_exceeded", Message: "this is context_length_exceeded"},
	{Check: "stream_respond refuses", Error: "too long", Status: 400, Code: "context_length_exceeded", Message: "this is context_length_exceeded"},
	{Check: "stream_respond late", Error: "responses", Code: "upstream_timeout", Message: "the upstream sent no first token within"},
	{Check: "stream_respond cut", Text: "hello", Error: "responses", Code: "upstream_cut", Message: "the upstream ended its response before it was complete"},
	{Check: "extract refuses", Error: "too long", Status: 400, Code: "context_length_exceeded", Message: "this is context_length_exceeded"},
	{Check: "extract cut", Error: "server", Status: 502, Code: "upstream_cut", Message: "the upstream ended its response before it was complete"},
	{Check: "stream_extract refuses", Error: "too long", Status: 400, Code: "context_length_exceeded", Message: "this is context_length_exceeded"},
	{Check: "stream_extract halfform", Error: "stream", Code: "upstream_cut", Message: "the upstream ended its response before it was complete"},
	{Check: "abort endless"},
	{Check: "timeout slow", Error: "timeout"},

	{Check: "chat smollm2", Text: anything, Finish: "length", Tokens: 55},
	{Check: "stream smollm2", Text: anything, Finish: "length", Tokens: 55},
	{Check: "respond smollm2", Text: anything, Finish: "incomplete", Tokens: 55},
	{Check: "stream_respond smollm2", Text: anything, Finish: "incomplete", Tokens: 55},
	{Check: "extras smollm2", Text: anything, Ignored: "chat_template_kwargs, metadata, prompt_cache_key, service_tier, store, user"},
	{Check: "abort smollm2"},
	{Check: "tools smollm2", Error: "bad request", Status: 400, Code: "unsupported_parameter", Message: "tools"},
	{Check: "calls smollm2", Error: "bad request", Status: 400, Code: "unsupported_parameter", Message: "tools"},
}
