package dialect_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"penstock/dialect"
)

func TestParseChatRequestReadsEveryForm(t *testing.T) {
	r, err := dialect.ParseChatRequest([]byte(`{
		"model": "m", "temperature": 0, "top_p": 1, "stop": "END", "seed": -3, "n": 2, "stream": true,
		"stream_options": {"include_usage": true}, "max_tokens": 5, "logit_bias": {"50256": -100},
		"tool_choice": "auto", "response_format": {"type": "json_schema", "json_schema": {"name": "x", "unknown": [1]}},
		"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
		"top_k": 40, "metadata": null,
		"messages": [
			{"role": "system", "content": "be brief"},
			{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:"}}, {"type": "text", "text": "b"}]},
			{"role": "assistant", "content": null, "refusal": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
			{"role": "tool", "tool_call_id": "c1", "content": "4"}
		]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Messages[1].Content.String(); got != "ab" {
		t.Errorf("the parts' text is %q", got)
	}
	if r.Messages[2].Content.Text != nil || r.Messages[2].ToolCalls[0].Function.Name != "f" {
		t.Errorf("the assistant's message is %+v", r.Messages[2])
	}
	if len(r.Stop) != 1 || r.Stop[0] != "END" || *r.Seed != -3 || *r.Temperature != 0 || *r.TopK != 40 || !r.StreamOptions.IncludeUsage {
		t.Errorf("parameters were read as %+v", r)
	}
	if r.ToolChoice.Mode != "auto" || r.MaxCompletionTokens != nil {
		t.Errorf("parameters were read as %+v", r)
	}
}

func TestParseChatRequestErrors(t *testing.T) {
	const user = `"messages":[{"role":"user","content":"hi"}]`
	for name, c := range map[string]struct{ body, param, code, message string }{
		"empty":           {``, "", "invalid_json", "We could not parse the JSON body of your request (at byte 0). Send one valid JSON object, in UTF-8."},
		"cut":             {`{"model":`, "", "invalid_json", ""},
		"trailing":        {`{"model":"m",` + user + `}]`, "", "invalid_json", ""},
		"not UTF-8":       {"{\"model\":\"\xff\"," + user + `}`, "", "invalid_json", ""},
		"an array":        {`[]`, "", "invalid_json", "The body of the request must be a JSON object, but it is an array."},
		"doubled":         {`{"model":"m","model":"n",` + user + `}`, "model", "invalid_json", "The body of the request names 'model' twice."},
		"no model":        {`{` + user + `}`, "model", "missing_required_parameter", "Missing required parameter: 'model'."},
		"no messages":     {`{"model":"m"}`, "messages", "missing_required_parameter", "Missing required parameter: 'messages'."},
		"empty messages":  {`{"model":"m","messages":[]}`, "messages", "empty_array", ""},
		"two seeds":       {`{"model":"m","seed":1,"random_seed":2,` + user + `}`, "random_seed", "invalid_value", ""},
		"few tokens":      {`{"model":"m","min_tokens":-1,` + user + `}`, "min_tokens", "integer_below_min_value", ""},
		"eos as a number": {`{"model":"m","ignore_eos":1,` + user + `}`, "ignore_eos", "invalid_type", ""},
		"string for n":    {`{"model":"m","temperature":"hot",` + user + `}`, "temperature", "invalid_type", "Invalid type for 'temperature': expected a decimal, but got a string instead."},
		"decimal for int": {`{"model":"m","max_tokens":1.5,` + user + `}`, "max_tokens", "invalid_type", "Invalid type for 'max_tokens': expected an integer, but got a decimal instead."},
		"a huge integer":  {`{"model":"m","seed":99999999999999999999,` + user + `}`, "seed", "invalid_value", "Invalid value for 'seed': the number is out of range."},
		"a huge decimal":  {`{"model":"m","temperature":1e400,` + user + `}`, "temperature", "invalid_value", "Invalid value for 'temperature': the number is out of range."},
		"a huge one deep": {`{"model":"m","logit_bias":{"5":-1e999},` + user + `}`, "logit_bias[5]", "invalid_value", ""},
		"number for text": {`{"model":1.5,` + user + `}`, "model", "invalid_type", "Invalid type for 'model': expected a string, but got a number instead."},
		"bad content":     {`{"model":"m","messages":[{"role":"user","content":5}]}`, "messages[0].content", "invalid_type", "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an integer instead."},
		"bad part":        {`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":{}}]}]}`, "messages[0].content[0].text", "invalid_type", "Invalid type for 'messages[0].content[0].text': expected a string, but got an object instead."},
		"null content":    {`{"model":"m","messages":[{"role":"user"}]}`, "messages[0].content", "invalid_type", ""},
		"bad role":        {`{"model":"m","messages":[{"role":"me","content":""}]}`, "messages[0].role", "invalid_value", ""},
		"no call id":      {`{"model":"m","messages":[{"role":"tool","content":""}]}`, "messages[0].tool_call_id", "missing_required_parameter", ""},
		"too hot":         {`{"model":"m","temperature":3,` + user + `}`, "temperature", "decimal_above_max_value", "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead."},
		"n is 0":          {`{"model":"m","n":0,` + user + `}`, "n", "integer_below_min_value", "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead."},
		"five stops":      {`{"model":"m","stop":["a","b","c","d","e"],` + user + `}`, "stop", "array_above_max_length", ""},
		"stop of numbers": {`{"model":"m","stop":[1],` + user + `}`, "stop[0]", "invalid_type", ""},
		"stop of objects": {`{"model":"m","stop":{},` + user + `}`, "stop", "invalid_type", "Invalid type for 'stop': expected one of a string or array of strings, but got an object instead."},
		"stream is text":  {`{"model":"m","stream":"yes",` + user + `}`, "stream", "invalid_type", "Invalid type for 'stream': expected a boolean, but got a string instead."},
		"options alone":   {`{"model":"m","stream_options":{},` + user + `}`, "stream_options", "invalid_value", ""},
		"top_logprobs":    {`{"model":"m","top_logprobs":2,` + user + `}`, "top_logprobs", "invalid_value", ""},
		"format":          {`{"model":"m","response_format":{"type":"xml"},` + user + `}`, "response_format.type", "invalid_value", "Invalid value: 'xml'. Supported values are: 'text', 'json_object', 'json_schema'."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dialect.ParseChatRequest([]byte(c.body))
			var e *dialect.Error
			if !errors.As(err, &e) {
				t.Fatalf("the error is %v", err)
			}
			if e.Status != http.StatusBadRequest || e.Type != dialect.InvalidRequest || e.Param != c.param || e.Code != c.code {
				t.Errorf("the error is %+v", e)
			}
			if c.message != "" && e.Message != c.message {
				t.Errorf("the message is %q", e.Message)
			}
		})
	}
}

func TestErrorJSON(t *testing.T) {
	e := &dialect.Error{Message: "m", Type: "t", Code: "c"}
	data, err := json.Marshal(e)
	if want := `{"error":{"message":"m","type":"t","param":null,"code":"c"}}`; err != nil || string(data) != want {
		t.Fatalf("an error is written as %s, %v", data, err)
	}
	for body, code := range map[string]string{
		string(data):                             "c",
		`{"error":{"message":"m","code":429}}`:   "429",
		`{"error":{"message":"m","code":null}}`:  "",
		`{"error":{"message":"m","param":null}}`: "",
	} {
		var back dialect.Error
		if err := json.Unmarshal([]byte(body), &back); err != nil || back.Message != "m" || back.Code != code {
			t.Errorf("%s is read as %+v, %v", body, back, err)
		}
	}
}

func FuzzParseChatRequest(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"stop":["a"],"tool_choice":{"type":"function"}}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":null}],"stop":null,"n":1e3}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := dialect.ParseChatRequest(body)
		var e *dialect.Error
		switch {
		case err == nil:
			if _, err := json.Marshal(r); err != nil {
				t.Errorf("a request that was read cannot be written: %v", err)
			}
		case !errors.As(err, &e) || e.Status != http.StatusBadRequest || e.Message == "":
			t.Errorf("the error is %#v", err)
		}
	})
}
