package template

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 5, 13, 4, 5, 0, time.UTC)

func parse(t testing.TB, o Options) *Template {
	t.Helper()
	tpl, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func joined(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

func TestRenderAgreesWithPython(t *testing.T) {
	data, err := os.ReadFile("testdata/rendered.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Template  string            `json:"template"`
		Variables map[string]string `json:"variables"`
		Specials  []string          `json:"specials"`
		Messages  []Message         `json:"messages"`
		Prompt    string            `json:"prompt"`
		Raised    string            `json:"raised"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		source, err := os.ReadFile("testdata/" + c.Template + ".jinja")
		if err != nil {
			t.Fatal(err)
		}
		tpl := parse(t, Options{Source: string(source), Variables: c.Variables, Specials: c.Specials})
		parts, err := tpl.Render(context.Background(), c.Messages, now)
		var raised *RaisedError
		switch {
		case errors.As(err, &raised):
			if raised.Message != c.Raised {
				t.Errorf("%s %q: raised %q, want %q", c.Template, c.Messages, raised.Message, c.Raised)
			}
		case err != nil:
			t.Errorf("%s %q: %v", c.Template, c.Messages, err)
		case c.Raised != "":
			t.Errorf("%s %q: no error, want %q raised", c.Template, c.Messages, c.Raised)
		case joined(parts) != c.Prompt || len(parts) != 1 || parts[0].Literal:
			t.Errorf("%s %q:\n got %q\nwant %q", c.Template, c.Messages, joined(parts), c.Prompt)
		}
	}
}
