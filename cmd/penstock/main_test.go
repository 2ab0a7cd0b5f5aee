package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// asPenstock is the variable that makes the test's own binary behave as penstock.
const asPenstock = "TEST_BINARY_IS_PENSTOCK"

func TestMain(m *testing.M) {
	if os.Getenv(asPenstock) != "" {
		main()
	}
	os.Exit(m.Run())
}

// penstock runs a command line in a folder, with that environment and nothing else.
func penstock(t *testing.T, dir string, env []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	command := exec.CommandContext(t.Context(), self, args...)
	command.Dir, command.Stdout, command.Stderr = dir, &out, &errs
	command.Env = append([]string{asPenstock + "=1"}, env...)
	if err := command.Run(); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
		status = exit.ExitCode()
	}
	return status, out.String(), errs.String()
}

func TestCommandLine(t *testing.T) {
	full := t.TempDir()
	for name, text := range map[string]string{
		"penstock.yaml": "models: [{name: story, kind: onnx-llm, path: stories}]\n",
		"sub/good.yaml": "models:\n  - {name: story/long, kind: onnx-llm, path: stories}\n  - {name: clip, kind: clip, path: /srv/clip, labels: [cat, dog]}\n",
		"bad.yaml":      "runtime: {queu: {}}\nmodels: [{name: story, kind: onnx-llm, path: stories, postprocess: upper}]\n",
	} {
		path := filepath.Join(full, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	empty := t.TempDir()

	const builtIn = "built-in penstock.yaml: OK\n" +
		"  clip     clip      models/clip-tiny, labels: 2\n" +
		"  smollm2  onnx-llm  .penstock/models/smollm2-135m-instruct\n"
	const bad = "bad.yaml:1:11: unknown key \"queu\": did you mean \"queue\"?\n" +
		"bad.yaml:2:55: a generator must not have a postprocess step: do that work while generating, or in the client\n"

	for _, test := range []struct {
		name           string
		dir            string
		env            []string
		args           string
		status         int
		stdout, stderr string
	}{
		{"the built-in configuration", empty, nil, "check", 0, builtIn, ""},
		{"the file beside", full, nil, "check", 0, "penstock.yaml: OK\n  story  onnx-llm  stories\n", ""},
		{"a file by name", full, nil, "check --config sub/good.yaml", 0, "sub/good.yaml: OK\n  story/long  onnx-llm  sub/stories\n  clip        clip      /srv/clip, labels: 2\n", ""},
		{"a bad file", full, nil, "check --config=bad.yaml", 2, "", bad},
		{"a bad file is not served", full, nil, "serve --config bad.yaml", 2, "", bad},
		{"a missing file", empty, nil, "check --config no.yaml", 2, "", "no.yaml: cannot be read: no such file or directory\n"},
		{"a bad variable", full, []string{"PENSTOCK_STREAMS_RETRY=soon"}, "check", 2, "", "PENSTOCK_STREAMS_RETRY: streams.retry must be a duration with its unit, such as 30s or 2m, not \"soon\"\n"},
		{
			"unknown variables", full,
			[]string{"PENSTOCK_SERVER_ADRESS=x", "PENSTOCK_SERVICE_HOST=10.0.0.1", "PENSTOCK_STREAMS_WINDOW=1s"},
			"check", 0, "penstock.yaml: OK\n  story  onnx-llm  stories\n",
			"penstock: warning: PENSTOCK_SERVER_ADRESS is not read: did you mean PENSTOCK_SERVER_ADDRESS?\npenstock: warning: PENSTOCK_STREAMS_WINDOW is not read: the file has no such key\n",
		},
		{"a bad flag", full, nil, "serve --address 8080", 2, "", "--address: server.address must be host:port, such as 127.0.0.1:8080, not \"8080\"\n"},
		{"an open address", full, nil, "serve --address :8080", 2, "", "--address: server.address :8080 can be reached from other machines: listen on 127.0.0.1, or say who may use Penstock with auth: {keys: […]} (those who have one) or auth: {mode: none} (everyone)\n"},
		{"no command", empty, nil, "", 2, "", "penstock: expected one of \"serve\", \"check\", \"pull\", \"import\", \"key\", ... (see penstock --help)\n"},
		{"an unknown command", empty, nil, "chek", 2, "", "penstock: unexpected argument chek, did you mean \"check\"? (see penstock --help)\n"},
		{"an unknown flag", empty, nil, "check --conf x", 2, "", "penstock: unknown flag --conf, did you mean \"--config\"? (see penstock --help)\n"},
		{"too much", empty, nil, "check it", 2, "", "penstock: unexpected argument it (see penstock --help)\n"},
		{"too little", empty, nil, "import a.gguf", 2, "", "penstock: expected \"<dir>\" (see penstock --help)\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, stdout, stderr := penstock(t, test.dir, test.env, strings.Fields(test.args)...)
			if status != test.status || stdout != test.stdout || stderr != test.stderr {
				t.Errorf("status %d, want %d\nstdout:\n%swant:\n%sstderr:\n%swant:\n%s", status, test.status, stdout, test.stdout, stderr, test.stderr)
			}
		})
	}
}

func TestImportRefusesEmptyNames(t *testing.T) {
	for _, names := range [][]string{{"", ""}, {"", "models/mine"}, {"model.gguf", ""}} {
		status, stdout, stderr := penstock(t, t.TempDir(), nil, append([]string{"import"}, names...)...)
		if want := "penstock: an empty name: name the GGUF file, and the folder to make (see penstock --help)\n"; status != 2 || stdout != "" || stderr != want {
			t.Errorf("%q: status %d, stdout %q, stderr %q, want %q", names, status, stdout, stderr, want)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	status, stdout, _ := penstock(t, t.TempDir(), nil, "version")
	if !regexp.MustCompile(`^penstock \S+ go\S+ \w+/\w+\n$`).MatchString(stdout) || status != 0 {
		t.Errorf("version: status %d, %q", status, stdout)
	}
	status, stdout, _ = penstock(t, t.TempDir(), nil, "--help")
	if status != 0 || !strings.Contains(stdout, "Validate a configuration") {
		t.Errorf("--help: status %d, %q", status, stdout)
	}
}
