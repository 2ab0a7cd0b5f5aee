package kinds

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"penstock/llm/upstream"
)

func TestServersFillInWhatTheListLeavesOut(t *testing.T) {
	got := servers("gpt", []Upstream{
		{BaseURL: "https://api.openai.com/v1", Model: "gpt-4o-mini", Weight: 1},
		{BaseURL: "http://10.0.0.7:8000/v1", Priority: 7, Weight: 3, ForwardAuthorization: true, Usage: UsageOff},
		{BaseURL: "http://10.0.0.7:8000/v2", Weight: 1},
	})
	want := []upstream.Server{
		{Name: "api.openai.com", BaseURL: "https://api.openai.com/v1", Model: "gpt-4o-mini", Priority: 1, Weight: 1},
		{Name: "10.0.0.7:8000", BaseURL: "http://10.0.0.7:8000/v1", Model: "gpt", Priority: 7, Weight: 3, ForwardAuthorization: true, NoUsage: true},
		{Name: "10.0.0.7:8000#3", BaseURL: "http://10.0.0.7:8000/v2", Model: "gpt", Priority: 3, Weight: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
