package kinds

import (
	"strings"
	"testing"
)

func TestFetchUserAgent(t *testing.T) {
	if got := fetchOptions(Fetch{}, "Penstock/1").UserAgent; got != "Penstock/1" {
		t.Errorf("by default it is %q", got)
	}
	if got := fetchOptions(Fetch{UserAgent: "mine"}, "Penstock/1").UserAgent; got != "mine" {
		t.Errorf("configured, it is %q", got)
	}
	for agent, valid := range map[string]bool{
		"": true, "example/1.0 (+https://example.com/bot)": true, strings.Repeat("a", 500): true,
		strings.Repeat("a", 501): false, "a\r\nX: y": false, "a\x00": false, "a\x7f": false, "\u00e4": false, "a\tb": false,
	} {
		reported := ""
		ClipOptions{Fetch: Fetch{UserAgent: agent}}.Check(func(key, _ string) { reported += key })
		if (reported == "") != valid || !valid && reported != "fetch.user_agent" {
			t.Errorf("%.20q: %q is reported", agent, reported)
		}
	}
}
