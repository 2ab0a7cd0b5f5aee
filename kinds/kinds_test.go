package kinds

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"penstock/configs"
	"penstock/llm/upstream"
	"penstock/regular"
)

func TestServersFillInWhatTheListLeavesOut(t *testing.T) {
	got, err := servers("gpt", UsageAsk, []Upstream{
		{BaseURL: "https://api.openai.com/v1", Model: "gpt-4o-mini", Weight: 1},
		{BaseURL: "http://10.0.0.7:8000/v1", Priority: 7, Weight: 3, ForwardAuthorization: true, Usage: UsageOff},
		{BaseURL: "http://10.0.0.7:8000/v2", Weight: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []upstream.Server{
		{Name: "api.openai.com", BaseURL: "https://api.openai.com/v1", Model: "gpt-4o-mini", Priority: 1, Weight: 1},
		{Name: "10.0.0.7:8000", BaseURL: "http://10.0.0.7:8000/v1", Model: "gpt", Priority: 7, Weight: 3, ForwardAuthorization: true, NoUsage: true},
		{Name: "10.0.0.7:8000#3", BaseURL: "http://10.0.0.7:8000/v2", Model: "gpt", Priority: 3, Weight: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An upstream's own usage comes before the model's.
func TestUsageOfAModelIsThatOfItsUpstreams(t *testing.T) {
	list := []Upstream{{BaseURL: "http://a.example/v1"}, {BaseURL: "http://b.example/v1", Usage: UsageAsk}, {BaseURL: "http://c.example/v1", Usage: UsageAlways}, {BaseURL: "http://d.example/v1", Usage: UsageOff}}
	for usage, want := range map[Usage]string{UsageAsk: " ask ask always off", UsageAlways: " always ask always off", UsageOff: " off ask always off"} {
		all, err := servers("gpt", usage, list)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range all {
			switch {
			case s.NoUsage:
				got += " off"
			case s.AlwaysUsage:
				got += " always"
			default:
				got += " ask"
			}
		}
		if got != want {
			t.Errorf("usage: %s: %s, want %s", usage, got, want)
		}
	}
	for _, text := range []string{"", "never", "Always"} {
		if err := new(Usage).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a usage", text)
		}
	}
}

func TestAKeyIsReadFromItsFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) configs.Path {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return configs.Path(path)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []configs.Path{file("plain", "sk-SECRET"), file("line", "sk-SECRET\n"), file("windows", "sk-SECRET\r\n")} {
		got, err := servers("gpt", UsageAsk, []Upstream{{BaseURL: "http://a.example/v1", Weight: 1, APIKeyFile: path}})
		if err != nil || got[0].APIKey != "sk-SECRET" {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	for path, want := range map[configs.Path]error{
		configs.Path(filepath.Join(dir, "none")): fs.ErrNotExist, configs.Path(pipe): regular.ErrPipe, "/dev/zero": regular.ErrDevice,
		file("empty", ""): nil, file("newline", "\n"): nil, file("two lines", "sk-SECRET\nmore\n"): nil, file("spaces", "sk-SECRET more"): nil, file("large", strings.Repeat("SECRET", 1<<15)): nil,
	} {
		_, err := servers("gpt", UsageAsk, []Upstream{{BaseURL: "http://a.example/v1", Weight: 1}, {BaseURL: "http://b.example/v1", Weight: 1, APIKeyFile: path}})
		if err == nil || !strings.HasPrefix(err.Error(), "upstreams[1].api_key_file: ") || !strings.Contains(err.Error(), string(path)) || strings.Contains(err.Error(), "SECRET") || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}
