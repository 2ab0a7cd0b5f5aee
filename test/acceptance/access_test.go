package acceptance

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"penstock/test/server"
)

// newKey runs "penstock key new", and returns the key and its entry for a configuration.
func newKey(t *testing.T, name string) (key, entry string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), server.Binary(t), "key", "new", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	key = regexp.MustCompile(`psk_[\w-]{43}`).FindString(string(out))
	_, entry, found := strings.Cut(string(out), "  - ")
	if digest := fmt.Sprintf("%x", sha256.Sum256([]byte(key))); !found || key == "" || !strings.Contains(entry, digest) || strings.Contains(entry, key) {
		t.Fatalf("the output is %s", out)
	}
	return key, "  - " + entry
}

// configured returns a configuration whose keys are in a file.
func configured(folder, own string) string {
	return "auth:\n  state: " + filepath.Join(folder, "state") + "\n  keys_file: " + filepath.Join(folder, "keys.yaml") + "\n  keys:\n" + own + bothModels
}

func keysFile(t *testing.T, folder string, entries ...string) {
	t.Helper()
	text := strings.Join(entries, "")
	if text == "" {
		text = "[]\n"
	}
	next := filepath.Join(folder, "next")
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(folder, "keys.yaml")); err != nil {
		t.Fatal(err)
	}
}

func (c client) as(key, method, path, body string) server.Response {
	c.Helper()
	return c.Do(method, path, body, "Authorization", "Bearer "+key, "Content-Type", "application/json")
}

func TestKeysThatPenstockMakesOpenIt(t *testing.T) {
	folder := t.TempDir()
	web, webEntry := newKey(t, "web")
	ops, opsEntry := newKey(t, "it's ops")
	keysFile(t, folder, webEntry+"    models: [smol*]\n    requests_per_minute: 2\n")
	c, _ := start(t, configured(folder, opsEntry))
	const hello = `{"model":"smollm2","max_tokens":2,"messages":[{"role":"user","content":"Hi"}]}`

	for name, test := range map[string]struct {
		key, method, path, body string
		status                  int
		code                    string
	}{
		"no key":              {"", "POST", chatRoute, hello, 401, "invalid_api_key"}, // an empty Bearer is none
		"an unknown key":      {"psk_" + strings.Repeat("x", 43), "POST", chatRoute, hello, 401, "invalid_api_key"},
		"another model":       {web, "POST", predictCLIP, pixel, 403, "forbidden"},
		"no model":            {web, "POST", "/v1/models/cat:predict", `{}`, 403, "forbidden"},
		"metrics":             {"", "GET", "/metrics", "", 401, "unauthorized"},
		"a stream to delete":  {"", "DELETE", "/v1/streams/" + strings.Repeat("a", 32), "", 401, "unauthorized"},
		"no stream to delete": {ops, "DELETE", "/v1/streams/" + strings.Repeat("a", 32), "", 404, "not_found"},
	} {
		r := c.as(test.key, test.method, test.path, test.body)
		if got := r.Error(t).Code; r.Status != test.status || got != test.code && got != "missing_api_key" {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	for _, path := range []string{"/", "/key.js", "/healthz", "/readyz"} {
		if r := c.Get(path); r.Status != http.StatusOK {
			t.Errorf("%s: %d", path, r.Status)
		}
	}
	for i, path := range []string{chatRoute, predictLLM, chatRoute} { // a limit of 2 counts on any route
		body := hello
		if path == predictLLM {
			body = `{"prompt":"Hi","max_tokens":2}`
		}
		if r := c.as(web, "POST", path, body); (r.Status == http.StatusOK) != (i < 2) || r.Header.Get("X-Ratelimit-Limit-Requests") != "2" && i < 2 {
			t.Errorf("request %d: %d %v %s", i, r.Status, r.Header, r.Body)
		}
	}
	if r := c.Do("POST", predictCLIP, string(photo(t, "cat_chelsea.jpg")), "X-API-Key", ops, "Content-Type", "image/jpeg"); r.Status != http.StatusOK {
		t.Errorf("another key: %d %s", r.Status, r.Body)
	}

	// The key that is taken out of the file ends at once, and so does its stream.
	created := c.as(ops, "POST", "/v1/streams", `{"model":"smollm2","input":`+endless+`}`)
	if created.Status != http.StatusCreated {
		t.Fatalf("%d %s", created.Status, created.Body)
	}
	if r := c.Do("DELETE", created.Header.Get("Location"), "", "X-API-Key", web); r.Status != http.StatusForbidden {
		t.Errorf("DELETE with another key: %d", r.Status)
	}
	if r := c.Do("DELETE", created.Header.Get("Location"), "", "X-API-Key", ops); r.Status != http.StatusNoContent {
		t.Errorf("DELETE with its key: %d", r.Status)
	}
	keysFile(t, folder)
	c.WaitFor("the key to be revoked", func() bool { return c.as(web, "GET", "/v1/models", "").Status == http.StatusUnauthorized })
	if r := c.as(ops, "GET", "/v1/models", ""); r.Status != http.StatusOK {
		t.Errorf("a key of the configuration: %d", r.Status)
	}
}

func TestARevokedKeyEndsItsStream(t *testing.T) {
	folder := t.TempDir()
	web, entry := newKey(t, "web")
	_, ops := newKey(t, "ops")
	keysFile(t, folder, entry)
	c, _ := start(t, configured(folder, ops))
	created := c.as(web, "POST", "/v1/streams", `{"model":"smollm2","input":`+endless+`}`)
	if created.Status != http.StatusCreated {
		t.Fatalf("%d %s", created.Status, created.Body)
	}
	address := created.Header.Get("Location")
	s := c.Open("GET", address, "") // without the key
	s.Until("started")
	keysFile(t, folder)
	if end := s.Rest(); len(end) == 0 || end[len(end)-1].Type != "failed" {
		t.Error("the stream of a revoked key did not end as failed")
	}
	if r := c.Get(address); r.Status != http.StatusNotFound {
		t.Errorf("its address: %d %s", r.Status, r.Body)
	}
}

func TestBudgetsSurviveARestart(t *testing.T) {
	folder := t.TempDir()
	key, entry := newKey(t, "web")
	keysFile(t, folder)
	config := configured(folder, entry+"    tokens_per_day: 100\n")
	spend := func(want int) {
		t.Helper()
		c, p := start(t, config)
		r := c.as(key, "POST", chatRoute, `{"model":"smollm2","max_tokens":20,"messages":[{"role":"user","content":"Hi"}]}`)
		if r.Status != want {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		if want == http.StatusTooManyRequests && (r.Error(t).Code != "insufficient_quota" || r.Header.Get("Retry-After") == "") {
			t.Errorf("%v %s", r.Header, r.Body)
		}
		p.Signal(syscall.SIGTERM)
		if state := p.Wait(); !state.Success() {
			t.Errorf("the exit was %s", state)
		}
	}
	spend(http.StatusOK) // about 50 tokens each
	spend(http.StatusOK)
	spend(http.StatusTooManyRequests)
	if err := os.WriteFile(filepath.Join(folder, "state", "budgets.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), server.Binary(t), "serve", "--address", "127.0.0.1:0", "--config", server.ConfigFile(t, config))
	command.Stderr = &stderr
	if err := command.Run(); err == nil || !strings.Contains(stderr.String(), "delete it to begin with unspent budgets") {
		t.Errorf("broken budgets: %v, %s", err, stderr.String())
	}
}

// What an upstream gets is the client's own credential for it, if there is one, and never a key of
// ours.
func TestOurKeysNeverGoUpstream(t *testing.T) {
	var mu sync.Mutex
	var got []string
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.Header.Get("Authorization")+r.Header.Get("X-Api-Key")+r.Header.Get("Api-Key"))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Ratelimit-Limit-Requests", "12345")
		_, _ = w.Write([]byte(`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`))
	}))
	defer upstream.Close()
	folder := t.TempDir()
	key, entry := newKey(t, "web")
	other, otherEntry := newKey(t, "other")
	keysFile(t, folder, otherEntry)
	c, p := start(t, configured(folder, entry)+"  - {name: remote, kind: openai, upstreams: [{base_url: \""+upstream.URL+"/v1\", model: m, forward_authorization: true}]}\n")
	const body = `{"model":"remote","messages":[{"role":"user","content":"Hi"}]}`
	for _, headers := range [][]string{
		{"Authorization", "Bearer " + key},
		{"X-API-Key", key},
		{"X-API-Key", key, "Authorization", "Bearer " + key},
		{"X-API-Key", key, "Authorization", "Bearer sk-theirs"},
	} {
		if r := c.Do("POST", chatRoute, body, append(headers, "Content-Type", "application/json")...); r.Status != http.StatusOK || r.Header.Get("X-Ratelimit-Limit-Requests") != "" {
			t.Errorf("%d %v %s", r.Status, r.Header, r.Body)
		}
	}
	if r := c.Do("POST", chatRoute, body, "X-API-Key", key, "Authorization", "Bearer "+other); r.Status != http.StatusBadRequest {
		t.Errorf("two keys: %d %s", r.Status, r.Body)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"", "", "", "Bearer sk-theirs"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("the upstream got %q", got)
	}
	if strings.Contains(p.Stderr(), key) || strings.Contains(p.Stderr(), "sk-theirs") {
		t.Error("the log has a key")
	}
}

func TestWithoutKeysOthersAreRefusedAtTheStart(t *testing.T) {
	for name, text := range map[string]string{
		"no auth":     "server: {address: \"0.0.0.0:0\"}" + bothModels,
		"no file":     "auth: {keys_file: missing.yaml}" + bothModels,
		"broken file": "auth: {keys_file: /dev/null}" + bothModels,
	} {
		var stderr bytes.Buffer
		command := exec.CommandContext(t.Context(), server.Binary(t), "serve", "--config", server.ConfigFile(t, text))
		command.Stderr = &stderr
		if err := command.Run(); err == nil || stderr.Len() == 0 {
			t.Errorf("%s: it started", name)
		}
	}
}
