package configs_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"penstock/configs"
	"penstock/kinds"
)

// load loads with the kinds that Penstock comes with.
func load(source configs.Source, options configs.Options) (configs.Config, error) {
	return configs.Load(source, withKinds(options))
}

// loadUnrestricted is load without the list of what is not available.
func loadUnrestricted(source configs.Source, options configs.Options) (configs.Config, error) {
	return configs.LoadUnrestricted(source, withKinds(options))
}

func withKinds(options configs.Options) configs.Options {
	for _, kind := range kinds.All() {
		options.Kinds = append(options.Kinds, kind.Kind)
	}
	return options
}

// environment is an Options.Env of fixed variables.
func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func compare(t *testing.T, got, want configs.Config) {
	t.Helper()
	same := []cmp.Option{
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b configs.Secret) bool { return a == b }),
	}
	if diff := cmp.Diff(want, got, same...); diff != "" {
		t.Errorf("the configuration differs (-want +got):\n%s", diff)
	}
}

// documented returns the documented defaults.
func documented() configs.Config {
	return configs.Config{
		Server: configs.Server{
			Address:           "127.0.0.1:8080",
			ShutdownGrace:     30 * time.Second,
			MaxBody:           20 << 20,
			ReadHeaderTimeout: 10 * time.Second,
			BodyTimeout:       time.Minute,
			MaxConnections:    configs.MaxConnections{Total: 16384, PerAddress: 4096},
		},
		Runtime: configs.Runtime{
			PredictConcurrency: 5,
			Queue:              configs.Queue{Limit: 100, Timeout: 30 * time.Second, PerCaller: 50},
			MemoryLimit:        -60,
		},
		Streams: configs.Streams{
			Heartbeat:    15 * time.Second,
			WriteTimeout: 10 * time.Second,
			Retry:        2 * time.Second,
			Limit:        10_000,
			Resume:       configs.Resume{Window: time.Minute, Buffer: 4 << 20, Total: 256 << 20, Limit: 10_000},
		},
		Log: configs.Log{Level: "info", Format: "text"},
	}
}

func documentedClip(path configs.Path, labels ...string) kinds.ClipOptions {
	return kinds.ClipOptions{
		Path:         path,
		Labels:       labels,
		Template:     "{}",
		Fetch:        kinds.Fetch{Timeout: 10 * time.Second, MaxSize: 20 << 20, AtOnce: 64, PerHost: 16},
		Batch:        kinds.Batch{Max: 8},
		DecodeMemory: 512 << 20,
		MaxPixels:    200_000_000,
		AutoOrient:   true,
	}
}

func TestBuiltInConfigurationIsAsDocumented(t *testing.T) {
	got, err := load(configs.Default(), configs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := documented()
	want.Server.Hosts, want.Server.TrustedProxies = []configs.Hostname{}, []configs.Network{}
	want.Models = []configs.Model{
		{Name: "clip", Kind: "clip", Options: documentedClip("models/clip-tiny", "a photo of a cat", "a photo of a dog")},
		{Name: "smollm2", Kind: "onnx-llm", Options: kinds.LLMOptions{Path: ".penstock/models/smollm2-135m-instruct", MaxTokens: 512}},
	}
	compare(t, got, want)
}

// What the built-in file only has in comments must be valid as well.
func TestBuiltInConfigurationCommentsAreValid(t *testing.T) {
	source := configs.Default()
	lines := strings.Split(string(source.Text), "\n")
	uncommented := 0
	for i, line := range lines {
		before, after, found := strings.Cut(line, "# ")
		if found && strings.TrimSpace(before) == "" && yamlLine.MatchString(after) {
			lines[i] = before + after
			uncommented++
		}
	}
	if uncommented < 40 {
		t.Fatalf("only %d lines with keys were found in comments", uncommented)
	}
	source.Text = []byte(strings.Join(lines, "\n"))
	if _, err := load(source, configs.Options{Env: environment("OPENAI_API_KEY", "sk-any", "OPENROUTER_API_KEY", "sk-any")}); err != nil {
		t.Error(err)
	}
}

var (
	yamlLine = regexp.MustCompile(`^ *(- |\{|[a-z_0-9]+:)`)
	yamlKey  = regexp.MustCompile(`[a-z_0-9]+:( |$)`)
)

// The built-in file is the documentation of every key.
func TestBuiltInConfigurationNamesEveryKey(t *testing.T) {
	example, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(example)) {
		line, _, _ = strings.Cut(" "+line, " # ")
		for _, key := range yamlKey.FindAllString(line, -1) {
			if key = strings.TrimSpace(key); !strings.Contains(string(configs.Default().Text), key) {
				t.Errorf("%s is not in penstock.yaml", key)
			}
		}
	}
}

func TestDefaultsAreAsDocumented(t *testing.T) {
	got, err := load(configs.Source{Name: "p.yaml", Dir: "/etc/penstock", Text: []byte("models: [{name: clip, kind: clip, path: clip, labels: [cat]}]")}, configs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := documented()
	want.Models = []configs.Model{{Name: "clip", Kind: "clip", Options: documentedClip("/etc/penstock/clip", "cat")}}
	compare(t, got, want)
}

func TestEveryKey(t *testing.T) {
	text, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(t.TempDir(), "second") // it is read at once
	if err := os.WriteFile(keyFile, []byte("sk-2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("/run/secrets/second"), []byte(keyFile))
	source := configs.Source{Name: "example.yaml", Dir: "deploy", Text: text}
	options := configs.Options{Env: environment("OPENAI_API_KEY", "sk-1", "PORT", "99")}
	got, err := loadUnrestricted(source, options)
	if err != nil {
		t.Fatal(err)
	}
	second := documentedClip("/srv/clip", "cat", "dog")
	second.TextPath = "/srv/clip-text"
	second.DType, second.Template, second.AutoOrient = "q8", "a photo of a {}", false
	second.LogitScale, second.LogitBias = configs.Number{Float: 117.3, Set: true}, configs.Number{Float: -12, Set: true}
	second.Fetch.Allow = []configs.Target{{Network: netip.MustParsePrefix("10.0.0.0/8")}, {Network: netip.MustParsePrefix("::1/128")}, {Host: "images.example.com"}}
	second.Fetch.Deny = []configs.Target{{Network: netip.MustParsePrefix("192.0.2.7/32")}}
	second.Fetch.UserAgent = "example/1.0 (+https://example.com/bot)"
	digest := configs.SHA256{0x2c, 0x26, 0xb4, 0x6b, 0x68, 0xff, 0xc6, 0x8f, 0xf9, 0x9b, 0x45, 0x3c, 0x1d, 0x30, 0x41, 0x34, 0x13, 0x42, 0x2d, 0x70, 0x64, 0x83, 0xbf, 0xa0, 0xf9, 0x8a, 0x5e, 0x88, 0x62, 0x66, 0xe7, 0xae}

	want := documented()
	want.Server.Hosts = []configs.Hostname{}
	want.Server.CORS = &configs.CORS{Origins: []configs.Origin{"https://app.example.com", "http://localhost:*"}}
	want.Server.TrustedProxies = []configs.Network{{netip.MustParsePrefix("10.0.0.0/8")}, {netip.MustParsePrefix("::1/128")}}
	want.Models = []configs.Model{
		{Name: "clip", Kind: "clip", Options: documentedClip("deploy/models/clip-tiny", "a photo of a cat", "a photo of a dog")},
		{Name: "openai/clip", Kind: "clip", Options: second},
		{Name: "smollm2", Kind: "onnx-llm", Options: kinds.LLMOptions{Path: "deploy/.penstock/models/smollm2-135m-instruct", DType: "q4", MaxTokens: 512}},
		{Name: "gpt", Kind: "openai", Options: kinds.OpenAIOptions{
			Concurrency: 64,
			Upstreams: []kinds.Upstream{
				{BaseURL: "https://api.openai.com/v1", APIKey: configs.NewSecret("sk-1"), Model: "gpt-4o-mini", Weight: 1},
				{BaseURL: "http://10.0.0.7:8000/v1", APIKeyFile: configs.Path(keyFile), Priority: 7, Weight: 3, ForwardAuthorization: true, Usage: kinds.UsageOff},
				{BaseURL: "http://[::1]:99/v1", Weight: 1},
				{BaseURL: "https://example.openai.azure.com/openai/deployments/gpt-4o", Weight: 1, Connection: kinds.Connection{
					Headers:            map[string]configs.SecretText{"api-key": configs.NewSecretText("sk-1"), "X-Team": configs.NewSecretText("7")},
					Query:              map[string]configs.SecretText{"api-version": configs.NewSecretText("2024-10-21")},
					InsecureSkipVerify: true,
					Proxy:              configs.NewSecretText("http://penstock:sk-1@proxy:3128"),
				}},
			},
			Timeouts:  kinds.Timeouts{Connect: 4 * time.Second, FirstToken: 9 * time.Minute, BetweenTokens: 3 * time.Minute, Whole: 8 * time.Minute, Total: 2 * time.Hour, AfterFinish: 20 * time.Second},
			Midstream: kinds.MidstreamOff,
			Usage:     kinds.UsageAlways,

			ForwardHeaders: kinds.ForwardHeaders{"traceparent", "X-Tenant"},
			MaxAnswer:      16 << 20,
			MaxEvent:       32 << 20,
			Pass:           []kinds.PassRoute{"audio/speech", "rerank"},
		}, Aliases: []configs.Name{"gpt-4o", "llama3.2:1b"}, Default: true},
		{Name: "cats", Kind: "http", Options: kinds.HTTPOptions{
			Preprocess: &kinds.HTTPEndpoint{HTTPTarget: kinds.HTTPTarget{URL: "http://127.0.0.1:9000/pre", Method: "PUT"}, Timeout: 5 * time.Second},
			Predict: &kinds.HTTPEndpoint{Timeout: 90 * time.Second, HTTPTarget: kinds.HTTPTarget{
				URLs: []configs.EndpointURL{"http://127.0.0.1:9000/predict/", "https://b.example/predict"}, Method: "POST",
				Connection: kinds.Connection{Headers: map[string]configs.SecretText{"X-Key": {Secret: configs.NewSecret("sk-1")}}},
			}},
			Stream: &kinds.HTTPStream{Format: "sse", End: "finished", HTTPTarget: kinds.HTTPTarget{
				URL: "http://127.0.0.1:9000/stream", Method: "POST",
				Connection: kinds.Connection{Query: map[string]configs.SecretText{"v": {Secret: configs.NewSecret("1")}}},
			}},
			Gate:           kinds.GateShared,
			Health:         &kinds.HTTPHealth{URL: "http://127.0.0.1:9000/health", Interval: 20 * time.Second, Timeout: 3 * time.Second},
			ForwardHeaders: kinds.ForwardHeaders{"traceparent"},
			Timeouts:       kinds.HTTPTimeouts{Connect: 4 * time.Second, FirstToken: 9 * time.Minute, BetweenTokens: 3 * time.Minute, Total: 2 * time.Hour},
			MaxAnswer:      16 << 20, MaxEvent: 32 << 20,
		}},
	}
	want.Compat = []configs.Compat{configs.CompatTruss, configs.CompatSageMaker}
	want.Auth.Keys = []configs.Key{{Name: "web", SHA256: digest, Limits: configs.Limits{
		Models: []configs.Pattern{"clip", "openai/*"}, RequestsPerMinute: 60, TokensPerMinute: 40_000, TokensPerDay: 1_000_000,
		TokensPerMonth: 20_000_000, Streams: 10, Priority: configs.PriorityBatch,
	}}}
	want.Auth.KeysFile, want.Auth.State = "/etc/penstock/keys.yaml", "/var/lib/penstock"
	want.Auth.JWT = &configs.JWT{
		Issuer: "https://login.example.com/", Audience: "penstock", JWKSURL: "https://login.example.com/keys", Claim: "plan",
		Limits: []configs.ClaimLimits{{Value: "gold", Limits: configs.Limits{
			TokensPerMinute: 100_000, Priority: configs.PriorityInteractive,
		}}},
		Default: &configs.Limits{RequestsPerMinute: 10, Priority: configs.PriorityInteractive},
	}
	compare(t, got, want)
}

func TestGeneratorMustNotHavePostprocess(t *testing.T) {
	rule := errors.New("a generator must not have a postprocess step: do that work while generating, or in the client")
	source := configs.Source{Name: "p.yaml", Text: []byte(`models:
  - {name: a, kind: onnx-llm, path: x, postprocess: {}, x: 1}
  - name: b
    kind: openai
    postprocess: upper
    upstreams: [{base_url: "http://localhost/v1"}]
  - {name: c, kind: clip, path: x, labels: [y], postprocess: softmax}
`)}
	_, err := loadUnrestricted(source, configs.Options{GeneratorPostprocess: rule})
	if !errors.Is(err, rule) {
		t.Fatalf("the rule is not in %v", err)
	}
	want := "p.yaml:2:40: " + rule.Error() + "\np.yaml:2:57: unknown key \"x\": known here: kind, name, aliases, default, path, dtype, max_tokens\np.yaml:5:5: " + rule.Error() +
		"\np.yaml:7:49: unknown key \"postprocess\": known here: kind, name, aliases, default, path, text_path, dtype, labels, template, fetch, batch, decode_memory, max_pixels, auto_orient, logit_scale, logit_bias"
	if err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
	if _, err := load(source, configs.Options{GeneratorPostprocess: rule}); !errors.Is(err, rule) {
		t.Errorf("a kind that is not available is not checked: %v", err)
	}
	if _, err := load(source, configs.Options{}); err == nil || !strings.Contains(err.Error(), `p.yaml:2:40: unknown key "postprocess"`) {
		t.Errorf("without the rule: %v", err)
	}
}

func TestProblemsAreASliceOfErrors(t *testing.T) {
	_, err := load(configs.Source{Name: "p.yaml", Text: []byte("a: 1\nb: 2\n")}, configs.Options{})
	problems := configs.Problems(nil)
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("%T: %v", err, err)
	}
	if want := (configs.Position{File: "p.yaml", Line: 2, Column: 1}); problems[2].Position != want {
		t.Errorf("position %v, want %v", problems[2].Position, want)
	}
}

// scalars calls visit with the path of each single value of the schema that no
// list holds, its field's tag and the value itself in the configuration.
func scalars(v reflect.Value, path string, visit func(path string, tag reflect.StructTag, v reflect.Value)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		at := strings.TrimPrefix(path+"."+field.Tag.Get("yaml"), ".")
		switch {
		case field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[configs.Secret]():
			scalars(v.Field(i), at, visit)
		case field.Type.Kind() == reflect.Slice || field.Type.Kind() == reflect.Pointer:
		default:
			visit(at, field.Tag, v.Field(i))
		}
	}
}

func TestEnvironmentOverridesEachScalar(t *testing.T) {
	before, err := loadUnrestricted(configs.Default(), configs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var variables []string
	scalars(reflect.ValueOf(&before).Elem(), "", func(path string, _ reflect.StructTag, v reflect.Value) {
		name := "PENSTOCK_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
		variables = append(variables, name)
		var value string
		var want reflect.Value
		switch old := v.Interface().(type) {
		case int:
			value, want = "1", reflect.ValueOf(1)
			if old == 1 {
				t.Fatalf("%s needs another value here", path)
			}
		case time.Duration:
			value, want = (old + time.Second).String(), reflect.ValueOf(old+time.Second)
		case configs.Bytes:
			value, want = (old + 1<<20).String(), reflect.ValueOf(old+1<<20)
		case configs.MemoryLimit:
			value, want = "50%", reflect.ValueOf(configs.MemoryLimit(-50))
		case configs.Percent:
			value, want = (old + 1).String(), reflect.ValueOf(old+1)
		case configs.Address:
			value, want = "localhost:0", reflect.ValueOf(configs.Address("localhost:0"))
		case configs.Path:
			value, want = "/lib/x.so", reflect.ValueOf(configs.Path("/lib/x.so"))
		case bool:
			value, want = "true", reflect.ValueOf(!old)
		case configs.LogLevel:
			value, want = "warn", reflect.ValueOf(configs.LogLevel("warn"))
		case configs.LogFormat:
			value, want = "json", reflect.ValueOf(configs.LogFormat("json"))
		case configs.AuthMode:
			value, want = "none", reflect.ValueOf(configs.AuthNone)
		default:
			t.Fatalf("%s: the test has no other value of type %s", path, v.Type())
		}
		after, err := loadUnrestricted(configs.Default(), configs.Options{Env: environment(name, value)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		scalars(reflect.ValueOf(&after).Elem(), "", func(changed string, _ reflect.StructTag, v reflect.Value) {
			if changed == path && !v.Equal(want) {
				t.Errorf("%s=%s gave %s = %v", name, value, path, v)
			}
		})

		// A value that cannot be right is reported under the variable's name.
		if _, err := loadUnrestricted(configs.Default(), configs.Options{Env: environment(name, "\x00")}); err == nil || !strings.HasPrefix(err.Error(), name+": "+path+" must be ") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := load(configs.Default(), configs.Options{Env: environment(name, value)}); err != nil && err.Error() != name+": "+path+" is not available in this version" {
			t.Errorf("%s: %v", name, err)
		}
	})
	if len(variables) < 15 {
		t.Errorf("only %d scalars: %v", len(variables), variables)
	}
	slices.Sort(variables)
	if unique := slices.Compact(slices.Clone(variables)); len(unique) != len(variables) {
		t.Errorf("two values share a variable: %v", variables)
	}
}

func TestOrderOfOverrides(t *testing.T) {
	text := "server: {address: \"127.0.0.1:1\"}\nmodels: [{name: a, kind: onnx-llm, path: b}]"
	source := configs.Source{Name: "p.yaml", Text: []byte(text)}
	env := environment("PENSTOCK_SERVER_ADDRESS", "127.0.0.1:2", "PENSTOCK_MODELS", "x", "PENSTOCK_UNHEARD_OF", "y", "PENSTOCK_AUTH_MODE", "")
	for _, test := range []struct {
		options configs.Options
		want    configs.Address
	}{
		{configs.Options{}, "127.0.0.1:1"},
		{configs.Options{Env: env}, "127.0.0.1:2"},
		{configs.Options{Env: env, Address: "127.0.0.1:3"}, "127.0.0.1:3"},
	} {
		config, err := load(source, test.options)
		if err != nil || config.Server.Address != test.want {
			t.Errorf("address %s, want %s; %v", config.Server.Address, test.want, err)
		}
	}
	if _, err := load(source, configs.Options{Address: ":80"}); err == nil || !strings.HasPrefix(err.Error(), "--address: server.address :80 can be reached") {
		t.Errorf("the flag's address was accepted: %v", err)
	}
	if _, err := load(source, configs.Options{Address: ":80", Env: environment("PENSTOCK_AUTH_MODE", "none")}); err != nil {
		t.Error(err)
	}
}

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	source, err := configs.Find("")
	if err != nil || source.Name != "built-in penstock.yaml" || source.Dir != "." {
		t.Errorf("%s in %s, %v", source.Name, source.Dir, err)
	}
	if err := os.WriteFile("penstock.yaml", []byte("here"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err = configs.Find("")
	if err != nil || source.Name != "penstock.yaml" || source.Dir != "." || string(source.Text) != "here" {
		t.Errorf("%s in %s, %v", source.Name, source.Dir, err)
	}
	other := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(other, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err = configs.Find(other)
	if err != nil || source.Name != other || source.Dir != filepath.Dir(other) || len(source.Text) != 1<<20+1 {
		t.Errorf("%s in %s, %d bytes, %v", source.Name, source.Dir, len(source.Text), err)
	}
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"missing.yaml": "missing.yaml: cannot be read: no such file or directory",
		".":            ".: cannot be read: is a directory",
		"pipe":         "pipe: cannot be read: is a named pipe, not a regular file",
		"/dev/zero":    "/dev/zero: cannot be read: is a device, not a regular file",
	} {
		_, err := configs.Find(path)
		if problems := configs.Problems(nil); !errors.As(err, &problems) || err.Error() != want {
			t.Errorf("%T %v, want %s", err, err, want)
		}
	}
	if _, err := configs.Find("missing.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the cause is lost")
	}
}
