package httpmodel_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"penstock/outbound"
)

func TestErrorsHaveTheServersStatusAndMessage(t *testing.T) {
	for _, test := range []struct {
		status        int
		headers       string // name: value
		body          string
		want          int
		code, message string
		retry         string
		attempts      string
	}{
		{422, "", `{"detail": [{"loc": ["body", "n"], "msg": "Field required"}]}`, 422, "invalid_input", "body.n: Field required", "", "a rejected"},
		{400, "", `{"error": "no such prompt"}`, 400, "invalid_input", "no such prompt", "", "a rejected"},
		{404, "", `{"detail": "Not Found"}`, 404, "not_found", "Not Found", "", "a rejected"},
		{413, "", "", 413, "body_too_large", "the upstream rejected the request with status 413", "", "a rejected"},
		{418, "", "<html>", 418, "invalid_input", "the upstream rejected the request with status 418", "", "a rejected"},
		{403, "", `{"message": "not this one"}`, 403, "forbidden", "not this one", "", "a rejected"},
		{429, "Retry-After: 30", `{"error": "slow down"}`, 429, "rate_limited", "slow down", "30", "a rate_limited"},
		{503, "Retry-After: 20", "", 503, "upstream_error", "the upstream takes no more requests at present", "20", "a rate_limited"},
		{500, "", `{"error": "boom"}`, 502, "upstream_error", "the upstream reported an error: boom", "", "a error, a error"},
		{503, "", "Service Unavailable", 502, "upstream_error", "the upstream reported an error: Service Unavailable", "", "a error, a error"},
		{206, "Content-Range: bytes 0-1/9", "ab", 502, "upstream_error", "the upstream sent a malformed response; try again", "", "a error, a error"},
		{307, "Location: /p/", "", 502, "upstream_error", "the upstream redirected the request with status 307, which is not followed: its url should be what the log names", "", "a error"},
	} {
		c := config()
		c.Predict = at(serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if name, value, ok := strings.Cut(test.headers, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.body)
		}))
		f := start(t, c)
		got := f.Post("/v1/models/m:predict", "{}")
		e := got.Error(t)
		if got.Status != test.want || e.Code != test.code || e.Message != test.message || got.Header.Get("Retry-After") != test.retry {
			t.Errorf("%d %s: %d %+v, Retry-After %q", test.status, test.body, got.Status, e, got.Header.Get("Retry-After"))
		}
		if got := f.outcomes.String(); got != test.attempts {
			t.Errorf("%d: attempts: %s, want %s", test.status, got, test.attempts)
		}
	}
}

func TestCredentialsAreNotShown(t *testing.T) {
	const secret = "secret-0123456789"
	for status, want := range map[int]int{401: 502, 403: 502, 400: 400, 500: 502} {
		c := config()
		c.Predict = at(serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error": "bad key %s"}`, r.Header.Get("X-Key"))
		}))
		c.Predict.Connection = outbound.Config{Headers: map[string]string{"X-Key": secret}}
		f := start(t, c)
		got := f.Post("/v1/models/m:predict", "1")
		if got.Status != want || strings.Contains(got.Body, secret) {
			t.Errorf("%d: %d %s", status, got.Status, got.Body)
		}
		if e := got.Error(t); (e.Code == "upstream_unauthorized") != (status < 404 && status != 400) {
			t.Errorf("%d: %+v", status, e)
		}
	}
}
