package dialect_test

import (
	"strings"
	"testing"

	"penstock/dialect"
)

func TestRoutesThatCanBePassedThrough(t *testing.T) {
	for _, text := range []string{"rerank", "audio/*", "audio/speech", "images/*", "moderations", "responses/*", "chat/other", "videos/*", "v2/rerank", "models-of-mine", "batches"} {
		if r, err := dialect.ParsePassRoute(text); err != nil || string(r) != text {
			t.Errorf("%s: %q, %v", text, r, err)
		}
	}
	for text, want := range map[string]string{
		"": "plain parts", "*": "plain parts", "audio/": "plain parts", "audio/*/x": "plain parts", "aud*": "plain parts", "a//b": "plain parts",
		"audio/..": "plain parts", "../files": "plain parts", "audio/.": "plain parts", "a%2fb": "plain parts", "audio/**": "plain parts", "a b": "plain parts", "a?b": "plain parts",
		"/rerank": "below /v1", "/v1/rerank": "below /v1", "v1/rerank": "below /v1", "v1": "below /v1",
		"files": "a path without files", "files/*": "a path without files", "Files/*": "a path without Files", "fine_tuning/*": "a path without fine_tuning", "fine_tuning/jobs": "a path without fine_tuning",
		"organization/*": "a path without organization", "organizations": "a path without organizations", "vector_stores/x/files": "a path without files",
		"chat/completions": "no route of this server's own", "embeddings": "no route of this server's own", "models/*": "no route of this server's own", "models": "no route of this server's own",
		"streams/*": "no route of this server's own", "responses": "no route of this server's own", "completions": "no route of this server's own",
		strings.Repeat("a", 513): "512 characters",
	} {
		if r, err := dialect.ParsePassRoute(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v", text, r, err)
		}
	}
}

func TestAPathThatMeansTheSameToEveryServerIsPassedThrough(t *testing.T) {
	for path, want := range map[string]string{"/v1/rerank": "rerank", "/v1/audio/speech": "audio/speech", "/v1/audio/voices/a.b-c:d@e~f": "audio/voices/a.b-c:d@e~f"} {
		if got, ok := dialect.PassPath(path); !ok || got != want {
			t.Errorf("%s: %q, %v", path, got, ok)
		}
	}
	for _, path := range []string{
		"", "/", "/v1", "/v1/", "/rerank", "//v1/rerank", "/v1//rerank", "/v1/rerank/", "/v1/audio//speech", "/v1/audio/../files", "/v1/audio/./speech", "/v1/audio/..", "/v1/..", "/v1/.hidden",
		"/v1/audio/%2e%2e/files", "/v1/audio%2fspeech", "/v1/audio/%2E%2E%2Ffiles", "/v1/%66iles", "/v1/audio/..%2f", `/v1/audio/..\files`, "/v1/audio/a;b", "/v1/audio/é", "/v1/audio/a b", "/V1/rerank", "/v2/rerank",
		"/v1/" + strings.Repeat("a", 513),
	} {
		if got, ok := dialect.PassPath(path); ok {
			t.Errorf("%s is passed through as %q", path, got)
		}
	}
	for _, path := range []string{"files", "FILES", "files/file-1", "audio/files", "fine_tuning/jobs", "organization/users", "organizations/x", "vector_stores/v/files"} {
		if _, never := dialect.NeverPassed(path); !never {
			t.Errorf("%s may be passed through", path)
		}
	}
	for path, want := range map[string]bool{"audio/speech": true, "audio/a/b": true, "audio": false, "audio2/speech": false, "rerank": false} {
		if got := dialect.PassRoute("audio/*").Matches(path); got != want {
			t.Errorf("audio/* matches %s: %v", path, got)
		}
	}
	if r := dialect.PassRoute("rerank"); !r.Matches("rerank") || r.Matches("rerank/x") || r.Matches("rerank2") {
		t.Error("rerank matches another path, or not its own")
	}
}
