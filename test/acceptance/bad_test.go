package acceptance

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"penstock/test/server"
)

// badRequest is a request that must be refused, and how.
type badRequest struct {
	name                string
	method, path, body  string
	status              int
	code, reason, param string   // reason and param: "" is not checked
	headers             []string // pairs; Content-Type is application/json if it is not among them
}

const (
	predictCLIP   = "/v1/models/clip:predict"
	predictLLM    = "/v1/models/smollm2:predict"
	streamLLM     = "/v1/models/smollm2/stream"
	chatRoute     = "/v1/chat/completions"
	completeRoute = "/v1/completions"
)

// Every bad request gets its code, in the dialect of its route, and after each group of them both
// models still serve.
func TestBadRequestsGetTheirCodes(t *testing.T) {
	c, p := start(t, "server: {max_body: 1MiB}"+bothModels)
	cat := photo(t, "cat_chelsea.jpg")
	pictures := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/text":
			_, _ = w.Write([]byte("a cat"))
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://10.0.0.1/cat.jpg", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer pictures.Close()
	tooLarge := strings.Repeat(" ", 1<<20+1)

	for group, all := range map[string][]badRequest{
		"routes": {
			{"no such route", "GET", "/modles", "", 404, "not_found", "", "", nil},
			{"no such model", "POST", "/v1/models/cat:predict", `{}`, 404, "model_not_found", "", "", nil},
			{"no such model to describe", "GET", "/v1/models/cat", "", 404, "model_not_found", "", "", nil},
			{"no such model to stream", "GET", "/v1/models/cat/stream?prompt=x", "", 404, "model_not_found", "", "", nil},
			{"no such verb", "POST", "/v1/models/smollm2:sing", `{}`, 404, "model_not_found", "", "", nil},
			{"a verb that CLIP does not have", "POST", "/v1/models/clip/stream", `{}`, 406, "not_acceptable", "", "", nil},
			{"CLIP as an event stream", "POST", predictCLIP, pixel, 406, "not_acceptable", "", "", []string{"Accept", "text/event-stream"}},
			{"a wrong method", "PUT", predictCLIP, pixel, 405, "method_not_allowed", "", "", nil},
			{"predict by GET", "GET", predictCLIP, "", 405, "method_not_allowed", "", "", nil},
			{"POST to a model", "POST", "/v1/models/clip", `{}`, 405, "method_not_allowed", "", "", nil},
			{"a foreign Host", "GET", "/v1/models", "", 403, "forbidden", "", "", []string{"Host", "rebound.example"}},
			{"a foreign page", "POST", predictCLIP, pixel, 403, "forbidden", "", "", []string{"Origin", "https://elsewhere.example"}},
			{"a page without origin", "POST", predictCLIP, pixel, 403, "forbidden", "", "", []string{"Origin", "null"}},
			{"an event id of no stream", "GET", streamLLM + "?prompt=x", "", 400, "invalid_input", "bad_last_event_id", "", []string{"Last-Event-ID", "7"}},
		},
		"pictures": {
			{"no body", "POST", predictCLIP, "", 400, "invalid_json", "", "", nil},
			{"no JSON", "POST", predictCLIP, `{"url":`, 400, "invalid_json", "", "", nil},
			{"JSON twice", "POST", predictCLIP, pixel + pixel, 400, "invalid_json", "", "", nil},
			{"no picture", "POST", predictCLIP, `{}`, 400, "invalid_input", "missing_picture", "", nil},
			{"a misspelt field", "POST", predictCLIP, `{"ulr":"http://example.com/cat.jpg"}`, 400, "invalid_input", "unknown_field", "ulr", nil},
			{"a number for a url", "POST", predictCLIP, `{"url":7}`, 400, "invalid_input", "wrong_type", "url", nil},
			{"a url and an image", "POST", predictCLIP, strings.Replace(pixel, `{`, `{"url":"http://example.com/cat.jpg",`, 1), 400, "invalid_input", "too_many_pictures", "", nil},
			{"a path for a url", "POST", predictCLIP, `{"url":"/etc/passwd"}`, 400, "invalid_input", "bad_url", "", nil},
			{"a file for a url", "POST", predictCLIP, `{"url":"file:///etc/passwd"}`, 400, "invalid_input", "bad_url", "", nil},
			{"a private address", "POST", predictCLIP, `{"url":"http://10.0.0.1/cat.jpg"}`, 400, "invalid_input", "address_not_allowed", "", nil},
			{"a cloud metadata address", "POST", predictCLIP, `{"url":"http://169.254.169.254/latest/meta-data"}`, 400, "invalid_input", "address_not_allowed", "", nil},
			{"redirected to a private address", "POST", predictCLIP, `{"url":"` + pictures.URL + `/inside"}`, 400, "invalid_input", "address_not_allowed", "", nil},
			{"redirected in a circle", "POST", predictCLIP, `{"url":"` + pictures.URL + `/loop"}`, 400, "invalid_input", "too_many_redirects", "", nil},
			{"a picture that does not exist", "POST", predictCLIP, `{"url":"` + pictures.URL + `/none.jpg"}`, 400, "invalid_input", "fetch_failed", "", nil},
			{"text at a url", "POST", predictCLIP, `{"url":"` + pictures.URL + `/text"}`, 400, "invalid_input", "not_an_image", "", nil},
			{"text as a picture", "POST", predictCLIP, "a cat", 400, "invalid_input", "not_an_image", "", []string{"Content-Type", "image/jpeg"}},
			{"half a picture", "POST", predictCLIP, string(cat[:len(cat)*2/3]), 400, "invalid_input", "truncated_image", "", []string{"Content-Type", "image/jpeg"}},
			{"no base64", "POST", predictCLIP, `{"image":"cat.jpg"}`, 400, "invalid_input", "not_an_image", "image", nil},
			{"a huge picture", "POST", predictCLIP, `{"image":"` + hugeGIF() + `"}`, 400, "invalid_input", "too_many_pixels", "", nil},
			{"no labels", "POST", predictCLIP, strings.Replace(pixel, `{`, `{"labels":[],`, 1), 400, "invalid_input", "bad_labels", "labels", nil},
			{"a label twice", "POST", predictCLIP, strings.Replace(pixel, `{`, `{"labels":["a","a"],`, 1), 400, "invalid_input", "bad_labels", "labels", nil},
			{"a misspelt parameter", "POST", predictCLIP + "?lables=cat", pixel, 400, "invalid_input", "unknown_field", "lables", nil},
			{"an unknown format", "POST", predictCLIP + "?format=xml", pixel, 400, "invalid_input", "bad_format", "", nil},
			{"a form without boundary", "POST", predictCLIP, "x", 400, "invalid_input", "bad_form", "", []string{"Content-Type", "multipart/form-data"}},
			{"a type that is not supported", "POST", predictCLIP, "<cat/>", 415, "unsupported_media_type", "", "", []string{"Content-Type", "application/xml"}},
			{"a body too large", "POST", predictCLIP, tooLarge, 413, "body_too_large", "", "", nil},
		},
		"prompts": {
			{"no body", "POST", streamLLM, "", 400, "invalid_json", "", "", nil},
			{"no JSON", "POST", predictLLM, "Hello", 400, "invalid_json", "", "", nil},
			{"a list", "POST", streamLLM, `["Hello"]`, 400, "invalid_json", "", "", nil},
			{"no prompt", "POST", streamLLM, `{}`, 400, "invalid_input", "missing_required_parameter", "", nil},
			{"no prompt in the query", "GET", streamLLM, "", 400, "invalid_input", "missing_required_parameter", "", nil},
			{"a prompt and messages", "POST", streamLLM, `{"prompt":"Hello","messages":[{"role":"user","content":"Hello"}]}`, 400, "invalid_input", "invalid_value", "prompt", nil},
			{"a number for a prompt", "POST", streamLLM, `{"prompt":7}`, 400, "invalid_input", "invalid_type", "prompt", nil},
			{"no messages", "POST", streamLLM, `{"messages":[]}`, 400, "invalid_input", "empty_array", "messages", nil},
			{"an unknown role", "POST", streamLLM, `{"messages":[{"role":"wizard","content":"Hello"}]}`, 400, "invalid_input", "invalid_value", "messages[0].role", nil},
			{"no tokens", "POST", streamLLM, `{"prompt":"Hello","max_tokens":0}`, 400, "invalid_input", "integer_below_min_value", "max_tokens", nil},
			{"text for a number", "GET", streamLLM + "?prompt=Hello&max_tokens=many", "", 400, "invalid_input", "invalid_type", "max_tokens", nil},
			{"a temperature too high", "POST", streamLLM, `{"prompt":"Hello","temperature":3}`, 400, "invalid_input", "decimal_above_max_value", "temperature", nil},
			{"a misspelt field", "POST", streamLLM, `{"promt":"Hello"}`, 400, "invalid_input", "unknown_parameter", "promt", nil},
			{"stops in two forms", "GET", streamLLM + "?prompt=Hello&stop=%5B%22a%22%5D&stop=b", "", 400, "invalid_input", "invalid_value", "stop", nil},
			{"a number out of range", "POST", streamLLM, `{"prompt":"Hello","seed":99999999999999999999}`, 400, "invalid_input", "invalid_value", "seed", nil},
			{"a prompt as a picture", "POST", predictLLM, `{"prompt":"Hello"}`, 415, "unsupported_media_type", "", "", []string{"Content-Type", "image/png"}},
			{"a prompt longer than the context", "POST", streamLLM, `{"prompt":"` + strings.Repeat("word ", 9000) + `"}`, 400, "invalid_input", "context_length_exceeded", "prompt", nil},
			{"a body too large", "POST", streamLLM, tooLarge, 413, "body_too_large", "", "", nil},
		},
		"OpenAI": {
			{"no such route", "GET", "/v1/modles", "", 404, "unknown_url", "", "", nil},
			{"no JSON", "POST", chatRoute, `{"model":"smollm2",`, 400, "invalid_json", "", "", nil},
			{"no model", "POST", chatRoute, `{}`, 400, "missing_required_parameter", "", "model", nil},
			{"a number for a model", "POST", chatRoute, `{"model":7}`, 400, "invalid_type", "", "model", nil},
			{"no such model", "POST", chatRoute, `{"model":"gpt-4o","messages":[]}`, 404, "model_not_found", "", "model", nil},
			{"a model that cannot chat", "POST", chatRoute, `{"model":"clip","messages":[]}`, 404, "model_not_supported", "", "model", nil},
			{"no messages", "POST", chatRoute, `{"model":"smollm2"}`, 400, "missing_required_parameter", "", "messages", nil},
			{"text for messages", "POST", chatRoute, `{"model":"smollm2","messages":"Hello"}`, 400, "invalid_type", "", "messages", nil},
			{"a picture for a text model", "POST", chatRoute, `{"model":"smollm2","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`, 400, "unsupported_value", "", "messages[0].content[0].type", nil},
			{"JSON as the response format", "POST", chatRoute, `{"model":"smollm2","messages":[{"role":"user","content":"Hello"}],"response_format":{"type":"json_object"}}`, 400, "unsupported_value", "", "response_format.type", nil},
			{"five stops", "POST", chatRoute, `{"model":"smollm2","messages":[{"role":"user","content":"Hello"}],"stop":["a","b","c","d","e"]}`, 400, "array_above_max_length", "", "stop", nil},
			{"two prompts", "POST", completeRoute, `{"model":"smollm2","prompt":["a","b"]}`, 400, "unsupported_value", "", "prompt", nil},
			{"a chat as a picture", "POST", chatRoute, `{"model":"smollm2","messages":[{"role":"user","content":"Hello"}]}`, 415, "unsupported_media_type", "", "", []string{"Content-Type", "image/png"}},
			{"a form", "POST", chatRoute, "--boundary\r\n", 400, "invalid_json", "", "", []string{"Content-Type", "multipart/form-data; boundary=boundary"}},
			{"a prompt longer than the context", "POST", completeRoute, `{"model":"smollm2","prompt":"` + strings.Repeat("word ", 9000) + `"}`, 400, "context_length_exceeded", "", "prompt", nil},
			{"a body too large", "POST", chatRoute, tooLarge, 413, "body_too_large", "", "", nil},
		},
	} {
		for _, b := range all {
			c.checkBadRequest(group, b)
		}
		c.checkBothModels()
	}
	if log := p.Stderr(); strings.Contains(log, "panic") || strings.Contains(log, "level=ERROR") {
		t.Errorf("the server has logged an error:\n%s", log)
	}
}

// checkBadRequest sends a bad request and checks its response.
func (c client) checkBadRequest(group string, b badRequest) {
	c.Helper()
	headers := b.headers
	if b.body != "" {
		headers = append([]string{"Content-Type", "application/json"}, headers...)
	}
	r := c.Do(b.method, b.path, b.body, headers...)
	got := r.Error(c)
	if r.Status != b.status || got.Code != b.code || (b.reason != "" && got.Reason != b.reason) || (b.param != "" && got.Param != b.param) {
		c.Errorf("%s, %s: %d %s, want %d %s %s %s", group, b.name, r.Status, r.Body, b.status, b.code, b.reason, b.param)
	}
	id := r.Header.Get("X-Request-Id")
	openAI := group == "OpenAI" || b.path == chatRoute || b.path == completeRoute
	if id == "" || (openAI && got.Type == "") || (!openAI && got.RequestID != id) {
		c.Errorf("%s, %s: not in the shape of its route: X-Request-Id %q, %s", group, b.name, id, r.Body)
	}
	for _, secret := range []string{"penstock/", ".go:", "goroutine", server.Root(c)} {
		if strings.Contains(r.Body, secret) {
			c.Errorf("%s, %s: shows internals: %s", group, b.name, r.Body)
		}
	}
}

// hugeGIF returns a picture, as a data URL, whose header announces more pixels than are decoded.
func hugeGIF() string {
	return "data:image/gif;base64," + base64.StdEncoding.EncodeToString([]byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;"))
}
