package configs_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"

	"penstock/configs"
	"penstock/kinds"
)

// No message shows a secret, and neither does printing what was loaded.
func TestSecretsAreNeverShown(t *testing.T) {
	const secret = "sk-VERYSECRET"
	env := environment("KEY", secret, "SPACED", secret+" \n", "TIME", "2", "PENSTOCK_MODELS", secret)
	model := func(upstream string) configs.Source {
		return configs.Source{Name: "f", Text: []byte("models: [{name: m, kind: openai, upstreams: [" + upstream + "]}]\n")}
	}
	for _, test := range []struct{ upstream, want string }{
		{`{base_url: x, api_key: "${KEY}"}`, "base_url must be"},
		{`{base_url: "http://a.example", api_key: ` + secret + ` VERYSECRET}`, "f:1:86: models[0].upstreams[0].api_key must be visible ASCII characters without spaces or line breaks"},
		{`{base_url: "http://a.example", api_key: "${SPACED}"}`, "api_key must be visible ASCII"},
		{`{base_url: "${KEY}", api_key: x}`, `not "${KEY}"`},
		{`{base_url: "http://a.example", weight: "${KEY}"}`, `not "${KEY}"`},
		{`{base_url: "http://a.example", api_key: "VERYSECRET${"}`, "api_key has a ${"},
		{`{base_url: "http://a.example", api_key: VERYSECRET${KEY}}`, ""},
		{`{base_url: "http://a.example", api_key: [VERYSECRET]}`, "api_key must be one value, not a list"},
		{`{base_url: "http://a.example", api_key: {VERYSECRET: 1}}`, "api_key must be one value, not a mapping"},
		{`{base_url: "http://a.example", api_key: 1234567}`, "f:1:86: models[0].upstreams[0].api_key must be a text"},
		{`{base_url: "http://a.example", api_key: "VERYSECRET}`, "not valid YAML"},
		{`{base_url: "http://me:VERYSECRET@a.example/v1"}`, `not "http://…@a.example/v1"`},
		{`{base_url: "http://VERYSECRET@a.example"}`, `not "http://…@a.example"`},
		{`{base_url: "http://me:VERY/VERYSECRET@a.example"}`, `not "http://…@a.example"`},
		{`{base_url: "me:VERYSECRET@a.example/v1"}`, `not "…@a.example/v1"`},
		{`{base_url: "ftp://me:p@VERYSECRET@a.example/` + strings.Repeat("a", 100) + `"}`, `not "ftp://…@a.example/aaa`},
		{`"http://me:VERYSECRET@a.example"`, `must be a mapping of keys, not "http://…@a.example"`},
		{`{"http://me:VERYSECRET@a.example": 1}`, `unknown key "http://…@a.example"`},
		{`{base_url: "http://a.example", weight: "http://me:VERYSECRET@a.example"}`, `not "http://…@a.example"`},
		{`{base_url: "http://a.example/v1?key=VERYSECRET"}`, `(the key query has parameters such as api-version), not "http://a.example/v1?…"`},
		{`{base_url: "http://a.example", headers: {X-Key: [VERYSECRET]}}`, "headers.X-Key must be one value, not a list"},
		{`{base_url: "http://a.example", headers: "X-Key: VERYSECRET"}`, "headers must be a mapping of names to values, not a single value"},
		{`{base_url: "http://a.example", headers: ["X-Key: VERYSECRET"]}`, "headers must be a mapping of names to values, not a list"},
		{`{base_url: "http://a.example", headers: {X-Key: "VERYSECRET\nX: y"}}`, "headers.X-Key must be some text without line breaks"},
		{`{base_url: "http://a.example", headers: {X-Key: "VERYSECRET\u00e9"}}`, "headers.X-Key has a value that no header can have"},
		{`{base_url: "http://a.example", headers: {X-Key: "${SPACED}"}}`, "headers.X-Key must be some text"},
		{`{base_url: "http://a.example", headers: {X-Key: "${MISSING}VERYSECRET"}}`, "headers.X-Key needs the environment variable MISSING, which is not set"},
		{`{base_url: "http://a.example", headers: {X-Key: VERYSECRET, X-Key: x}}`, `key "X-Key" was given already`},
		{`{base_url: "http://a.example", headers: {X-Key: VERYSECRET, x-key: x}}`, "headers.x-key is the same header as X-Key"},
		{`{base_url: "http://a.example", headers: {X-Key: }}`, "headers.X-Key has no value: give it one"},
		{`{base_url: "http://a.example", headers: {Host: VERYSECRET}}`, "upstreams[0].headers.Host cannot be set: it is that of the URL"},
		{`{base_url: "http://a.example", headers: {"X\nKey": [VERYSECRET]}}`, `headers."X\nKey" must be one value, not a list`},
		{`{base_url: "http://a.example", query: "key=VERYSECRET"}`, "query must be a mapping of names to values, not a single value"},
		{`{base_url: "http://a.example", query: {"": VERYSECRET}}`, "query has the name"},
		{`{base_url: "http://a.example", headers: {authorization: VERYSECRET}, api_key: x}`, "headers.authorization stands beside the key of api_key or api_key_file, which it would replace: leave one of them out"},
		{`{base_url: "http://a.example", headers: {authorization: VERYSECRET}, forward_authorization: true}`, "give the gateway's key as api_key"},
		{`{base_url: "http://a.example", proxy: "ftp://me:VERYSECRET@a.example"}`, "proxy must be none, or an http, https or socks5 URL"},
		{`{base_url: "http://a.example", insecure_skip_verify: true}`, "insecure_skip_verify needs an https URL"},
		{`{base_url: "https://a.example", ca_file: /missing.pem}`, "ca_file cannot be used: stat /missing.pem"},
		{`{base_url: "https://a.example", client_cert: {cert_file: /missing.pem}}`, "client_cert.key_file is missing"},
		{`{base_url: "https://a.example", client_cert: {cert_file: /missing.pem, key_file: /missing.pem}}`, "client_cert cannot be used: stat /missing.pem"},
		{`{base_url: "http://a.example", api_key: x, api_key_file: y}`, "api_key_file stands beside api_key: leave one of them out"},
	} {
		_, err := loadUnrestricted(model(test.upstream), configs.Options{Env: env})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.upstream, err)
		}
		if err != nil && (strings.Contains(err.Error(), "VERYSECRET") || strings.Contains(err.Error(), "1234567")) {
			t.Errorf("the secret is shown: %v", err)
		}
	}
	_, err := loadUnrestricted(configs.Source{Name: "f", Text: []byte("models: [{name: m, kind: onnx-llm, path: p, max_tokens: \"${KEY}\"}]\nserver: {read_header_timeout: \"${TIME}\"}\n")}, configs.Options{Env: env})
	if err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("a hint shows a value of the environment: %v", err)
	}

	_, err = loadUnrestricted(model(`{base_url: "http://a.example"}`), configs.Options{Env: environment("PENSTOCK_SERVER_ADDRESS", "http://me:VERYSECRET@a.example")})
	if err == nil || strings.Contains(err.Error(), "VERYSECRET") {
		t.Errorf("a variable's password is shown: %v", err)
	}

	config, err := loadUnrestricted(model(`{base_url: "http://a.example", api_key: "${KEY}"}`), configs.Options{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	key := config.Models[0].Options.(kinds.OpenAIOptions).Upstreams[0].APIKey
	if key.Reveal() != secret {
		t.Errorf("revealed: %q", key.Reveal())
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("loaded", "config", config, "key", key)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("loaded", "config", config, "key", key)
	encoded, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(config), fmt.Sprintf("%+v", config), fmt.Sprintf("%#v", config), fmt.Sprintf("%q", key), log.String(), string(encoded)} {
		if strings.Contains(shown, "VERYSECRET") || !strings.Contains(shown, "******") {
			t.Errorf("the secret is shown, or nothing: %s", shown)
		}
	}
	if fmt.Sprint(configs.Secret{}) != "" {
		t.Error("an empty secret prints as one")
	}
}

func TestPrintedValuesParseBack(t *testing.T) {
	for _, b := range []configs.Bytes{0, 1, 1023, 1024, 1 << 20, 20 << 20, 3 << 29, 1 << 40, 1<<40 + 1, 1<<63 - 1} {
		var back configs.Bytes
		if err := back.UnmarshalText([]byte(b.String())); err != nil || back != b {
			t.Errorf("%d prints as %s, read as %d, %v", b, b, back, err)
		}
	}
	for _, s := range []string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "images.example.com"} {
		var target configs.Target
		if err := target.UnmarshalText([]byte(s)); err != nil || target.String() != s {
			t.Errorf("%s is read as %s, %v", s, target, err)
		}
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[configs.Address]bool{
		"127.0.0.1:80": true, "127.9.9.9:0": true, "localhost:80": true, "LocalHost:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "penstock.example:80": false, "": false,
	} {
		if address.Loopback() != want {
			t.Errorf("%q: %t", address, !want)
		}
	}
}

// A schema must be one that checkSchema accepts, every number in it needs a default and bounds, and
// every list a bound.
func TestEveryNumberAndListIsBounded(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var check func(reflect.Type)
	check = func(structure reflect.Type) {
		if seen[structure] || structure == reflect.TypeFor[configs.Model]() {
			return
		}
		seen[structure] = true
		for i := range structure.NumField() {
			field := structure.Field(i)
			need := []string{}
			inner := field.Type
			switch {
			case reflect.Zero(inner).CanInt():
				need = []string{"min", "max", "default"}
			case reflect.PointerTo(inner).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
				continue
			case inner.Kind() == reflect.Slice, inner.Kind() == reflect.Map:
				need = []string{"max"}
			}
			for _, key := range need {
				if field.Tag.Get(key) == "" {
					t.Errorf("%s.%s has no %s", structure, field.Name, key)
				}
			}
			for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				check(inner)
			}
		}
	}
	for _, schema := range []reflect.Type{
		reflect.TypeFor[configs.Config](), reflect.TypeFor[kinds.ClipOptions](),
		reflect.TypeFor[kinds.LLMOptions](), reflect.TypeFor[kinds.OpenAIOptions](),
	} {
		check(schema)
		if err := configs.CheckSchema(schema); err != nil {
			t.Error(err)
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d types were found", len(seen))
	}
}

// FuzzLoad loads broken files: Load does not panic, and returns only Problems, each with a position
// that exists and a message of one line.
func FuzzLoad(f *testing.F) {
	f.Add(string(configs.Default().Text))
	example, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	for _, seed := range []string{
		aModel, "", "---", "...", "a: !", "a: &x *x", "? ", "- - [{", "\"", "a: |\n x", "a: >+2\n", "!\"0\":", "\ufeff", "\r", "a:\n\t- b", "%YAML",
		"models: [{kind: openai, upstreams: [{api_key: \"${A}${\"}]}]", "models: [{kind: clip, fetch: {allow: [::1/1, \"\"]}}]", "auth: {keys: [{sha256: 00}]}",
		"server: {address: [1], max_body: 1e9, hosts: ~}", "<<: {}", "{a: , b}", "[", "server: {<<: 1}", "a: 'x\n\n  y'", "streams: {retry: 1h1h}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		env := environment("A", "value", "PENSTOCK_STREAMS_RETRY", text)
		lines := strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
		_, err := loadUnrestricted(configs.Source{Name: "f", Text: []byte(text)}, configs.Options{Env: env, GeneratorPostprocess: errors.New("rule")})
		if err == nil {
			return
		}
		problems := configs.Problems(nil)
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("%T: %v", err, err)
		}
		for _, problem := range problems {
			at := problem.Position
			if at.File == "f" && (at.Line < 1 || at.Column < 1 || at.Line > len(lines)) || at.File != "f" && at != (configs.Position{File: "PENSTOCK_STREAMS_RETRY"}) {
				t.Errorf("no such position: %v", problem)
			}
			if problem.Message == "" || strings.Contains(problem.Message, "\n") {
				t.Errorf("not one line: %q", problem.Message)
			}
		}
	})
}
