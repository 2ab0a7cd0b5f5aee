package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"penstock/auth"
	"penstock/gateway"
	"penstock/llm/upstream"
)

// Routes that are passed through need a key and keep its limits, as others do.
func TestPassedRoutesKeepTheLimitsOfKeys(t *testing.T) {
	limited := withKeys(t, map[string]auth.Limits{
		"all": {}, "mute": {Models: []string{"mute"}}, "voice": {Models: []string{"voice"}}, "once": {RequestsPerMinute: 1}, "few": {TokensPerMinute: 30},
	})
	p := newPassing(t, func(o *gateway.Options, _ *upstream.Config) { limited(o) }, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/v1/rerank" {
			reply("application/json", `{"results":[],"usage":{"total_tokens":20}}`)(w, r)
			return
		}
		w.Header().Set("X-RateLimit-Limit-Requests", "7")
		reply("audio/mpeg", "ID3")(w, r)
	})
	const speech, rerank = "/v1/audio/speech", "/v1/rerank"
	for _, r := range []struct {
		key, path, body string
		status          int
		code            string
	}{
		{"", speech, `{"model":"voice"}`, 401, "missing_api_key"},
		{"of-none", speech, `{"model":"voice"}`, 401, "invalid_api_key"},
		{"", "/v1/unlisted", `{"model":"voice"}`, 404, "unknown_url"},
		{"of-all", speech, `{"model":"voice"}`, 200, ""},
		{"of-mute", speech, `{"model":"voice"}`, 403, "model_not_allowed"},
		{"of-mute", speech, `{"model":"none"}`, 403, "model_not_allowed"},
		{"of-mute", speech, `{}`, 403, "model_not_allowed"}, // the default model
		{"of-voice", speech, `{}`, 200, ""},
		{"of-voice", speech + "?model=mute", `{"model":"voice"}`, 400, "invalid_value"},
		{"of-once", speech, `{"model":"voice"}`, 200, ""},
		{"of-once", speech, `{"model":"voice"}`, 429, "rate_limit_exceeded"},
		{"of-few", rerank, `{"model":"voice","query":"1234"}`, 200, ""}, // 20 tokens
		{"of-few", rerank, `{"model":"voice","query":"` + strings.Repeat("1234", 15) + `"}`, 429, "rate_limit_exceeded"},
		{"of-few", rerank, `{"model":"voice","query":"` + strings.Repeat("1234", 31) + `"}`, 429, "rate_limit_exceeded"},
	} {
		if m, err := p.Model("voice"); err == nil {
			p.SetDefault(m)
		}
		var headers []string
		if r.key != "" {
			headers = []string{"Authorization", "Bearer " + r.key}
		}
		got := p.do(t, "POST", r.path, "application/json", r.body, headers...)
		if code, _ := errorOf(got.body); got.status != r.status || code != r.code {
			t.Errorf("%s %s %s: %+v", r.key, r.path, r.body, got)
		}
		if limit := got.header.Get("X-Ratelimit-Limit-Requests"); limit == "7" {
			t.Errorf("%s: the client gets its server's limit", r.key)
		}
	}
	for _, r := range p.requests() {
		if got := r.header.Get("Authorization"); got != "Bearer "+passKey {
			t.Errorf("the server gets %s", got)
		}
	}
}

// Pages of allowed origins reach these routes, and others do not.
func TestPagesReachPassedRoutes(t *testing.T) {
	const page = "https://page.example"
	p := newPassing(t, func(o *gateway.Options, _ *upstream.Config) { o.Origins = []string{page} }, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		reply("audio/mpeg", "ID3")(w, r)
	})
	for _, origin := range []string{page, "https://evil.example"} {
		allowed := origin == page
		for _, method := range []string{"GET", "POST", "DELETE"} {
			got := p.do(t, "OPTIONS", "/v1/audio/speech", "", "", "Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type")
			if got.status != 204 || got.header.Get("Access-Control-Allow-Methods") != method || (got.header.Get("Access-Control-Max-Age") == "600") != allowed {
				t.Errorf("the preflight of %s from %s: %+v", method, origin, got)
			}
		}
		got := p.do(t, "POST", "/v1/audio/speech", "application/json", `{"model":"voice"}`, "Origin", origin, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors")
		if (got.status == 200) != allowed || allowed && strings.Join(got.header.Values("Access-Control-Allow-Origin"), " ") != page {
			t.Errorf("from %s: %+v", origin, got)
		}
	}
	if got := len(p.requests()); got != 1 {
		t.Errorf("the server gets %d requests", got)
	}
	if got := p.do(t, "POST", "/v1/audio/speech", "application/json", `{"model":"voice"}`); got.status != 200 {
		t.Errorf("got %+v", got)
	}
}

// A path that is right but for its escapes or its final slash gets an error that says so.
func TestThePathOfAPassedRouteIsCorrected(t *testing.T) {
	p := newPassing(t, nil, reply("audio/mpeg", "ID3"))
	for path, want := range map[string]string{
		"/v1/audio/x%2Fy":  "nor escapes",
		"/v1/rerank/":      "the path is /v1/rerank, without a slash at its end",
		"/rerank":          "so that the path is /v1/rerank",
		"/v1/audio/voice/": "the path is /v1/audio/voice, without a slash at its end",
	} {
		got := p.do(t, "POST", path, "application/json", `{"model":"voice"}`)
		if code, message := errorOf(got.body); got.status != 404 || code != "unknown_url" || !strings.Contains(message, want) {
			t.Errorf("%s: %+v", path, got)
		}
	}
}
