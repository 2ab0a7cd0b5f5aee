package outbound

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestForward(t *testing.T) {
	client := http.Header{
		"Traceparent": {"00-1-2-01"}, "Openai-Beta": {"a", "b"}, "Anthropic-Version": {"2023-06-01"}, "Idempotency-Key": {"1"},
		"Cookie": {"session=1"}, "Authorization": {"Bearer x"}, "X-Tenant": {"t"}, "Referer": {"r"}, "Content-Length": {"1"},
		"Connection": {"keep-alive, X-Hop", "x-other"}, "X-Hop": {"1"}, "X-Other": {"1"}, "Keep-Alive": {"1"}, "Te": {"trailers"},
		"Transfer-Encoding": {"chunked"}, "Upgrade": {"h2c"}, "Proxy-Authorization": {"Basic x"}, "Host": {"h"},
		"X-Many": slices.Repeat([]string{"1"}, 17), "X-Huge": {strings.Repeat("x", 5<<10), strings.Repeat("y", 5<<10)}, "X-Long": {strings.Repeat("x", 8<<10)},
	}
	for _, c := range []struct {
		allow []string
		want  string
	}{
		{nil, ""},
		{DefaultForward(), "Anthropic-Version Idempotency-Key Openai-Beta Traceparent"},
		{[]string{"X-TENANT", "cookie", "Authorization", "absent"}, "Authorization Cookie X-Tenant"},
		{[]string{
			"Connection", "Keep-Alive", "TE", "Transfer-Encoding", "Upgrade", "Proxy-Authorization", "Host", "Content-Length", "X-Hop", "X-Other",
		}, ""},
		{[]string{"X-Many", "X-Huge", "X-Long"}, "X-Long"},
	} {
		got := Forward(client, c.allow)
		if names := strings.Join(slices.Sorted(maps.Keys(got)), " "); names != c.want {
			t.Errorf("%v: %s", c.allow, names)
		}
		for name, values := range got {
			if !slices.Equal(values, client[name]) {
				t.Errorf("%s: %q", name, values)
			}
		}
	}
	rest := slices.Sorted(maps.Keys(EndToEnd(client)))
	if want := "[Anthropic-Version Authorization Content-Length Cookie Host Idempotency-Key Openai-Beta Referer Traceparent X-Huge X-Long X-Many X-Tenant]"; fmt.Sprint(rest) != want {
		t.Errorf("end to end: %v", rest)
	}
	if len(client["Connection"]) != 2 {
		t.Error("the client's own headers were changed")
	}
}

func TestTheConfigurationReplacesWhatARequestHas(t *testing.T) {
	s, err := New("https://api.example", Config{
		Headers: map[string]string{"x-tenant": "ours", "Authorization": "Key k"},
		Query:   map[string]string{"api-version": "2 & 3", "a": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"":                                       "a=1&api-version=2+%26+3",
		"api-version=x&b=%2F%2f&api%2Dversion=y": "b=%2F%2f&a=1&api-version=2+%26+3",
		"c&&A=2&%zz=1":                           "c&A=2&%zz=1&a=1&api-version=2+%26+3",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example/v1", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		before := r.URL
		r.URL.RawQuery = query
		r.Header = http.Header{"X-Tenant": {"theirs", "more"}, "Authorization": {"Bearer x"}, "Accept": {"*/*"}}
		s.Apply(r)
		if r.URL.RawQuery != want || before.RawQuery != query {
			t.Errorf("%s: %s", query, r.URL.RawQuery)
		}
		if got := fmt.Sprint(r.Header); got != "map[Accept:[*/*] Authorization:[Key k] X-Tenant:[ours]]" {
			t.Errorf("%s", got)
		}
	}
}

func TestWhichValuesAreSecrets(t *testing.T) {
	s, err := New("https://api.example", Config{
		Headers: map[string]string{
			"Authorization": "Bearer sk-12345678", "X-Basic": "Basic bWU6cGFzc3dvcmQx", "X-Key": "a-long-key", "X-Short": "on",
			"Accept": "application/vnd.example+json", "User-Agent": "our-gateway/1", "X-Accept": "application/json",
		},
		Query: map[string]string{"api-version": "2025-01-01", "v": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2025-01-01", "Basic bWU6cGFzc3dvcmQx", "Bearer sk-12345678", "a-long-key", "bWU6cGFzc3dvcmQx", "me:password1", "password1", "sk-12345678"}
	if got := []string(s.Secrets()); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
