package main

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"penstock/test/server"
)

// A block of the README whose fence has the word test is run as it is, except for the address. If a
// json block follows it, the response must have the keys of that block. Of the pages in docs, such
// configurations are checked.

// root is the project's folder.
const root = "../.."

const readmeAddress = "http://127.0.0.1:8080"

type readmeBlock struct{ language, code, response string }

var (
	fence  = regexp.MustCompile("(?ms)^```(\\w+) test\n(.*?)^```\n(?:\n```json\n(.*?)^```)?")
	target = regexp.MustCompile("(?m)(?:^|`)make (\\w+)")
)

// readmeBlocks returns the README's blocks of a language that are to be run, at least one.
func readmeBlocks(t *testing.T, language string) []readmeBlock {
	t.Helper()
	blocks := blocksOf(t, filepath.Join(root, "README.md"), language)
	if len(blocks) == 0 {
		t.Fatalf("README.md has no %s to run", language)
	}
	return blocks
}

func blocksOf(t *testing.T, file, language string) (blocks []readmeBlock) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range fence.FindAllStringSubmatch(string(text), -1) {
		if match[1] == language {
			blocks = append(blocks, readmeBlock{match[1], match[2], match[3]})
		}
	}
	return blocks
}

// asItself makes the test's own binary behave as penstock in every process started from here; it
// returns its path.
func asItself(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asPenstock, "1")
	return path
}

func TestReadmeCommandsWork(t *testing.T) {
	path := asItself(t)
	address := server.Start(t, server.Options{Binary: path}).URL
	home := t.TempDir() // an error response must fail the command
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte("fail-with-body\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, block := range readmeBlocks(t, "sh") {
		code := strings.ReplaceAll(block.code, readmeAddress, address)
		code = strings.ReplaceAll(code, "./penstock ", path+" ")
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", code)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CURL_HOME="+home)
		out, err := cmd.CombinedOutput()
		if err != nil || len(out) == 0 {
			t.Errorf("%s\nended with %v and printed:\n%s", block.code, err, out)
			continue
		}
		if strings.Contains(block.code, "/stream") && !strings.Contains(string(out), "\nevent: done\n") {
			t.Errorf("%s\nhas no event done:\n%s", block.code, out)
		}
		if block.response != "" && !slices.Equal(keys(t, block.response), keys(t, string(out))) {
			t.Errorf("%s\nreturned %s\nand README.md has %s", block.code, out, block.response)
		}
	}
}

func keys(t *testing.T, object string) []string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		t.Errorf("%s is no JSON object: %v", object, err)
	}
	return slices.Sorted(maps.Keys(fields))
}

func TestReadmeConfigurationsAreValid(t *testing.T) {
	checkConfigurations(t, readmeBlocks(t, "yaml"))
}

func TestConfigurationsInDocsAreValid(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []readmeBlock
	for _, page := range pages {
		blocks = append(blocks, blocksOf(t, page, "yaml")...)
	}
	if len(blocks) == 0 {
		t.Fatal("docs has no yaml to check")
	}
	checkConfigurations(t, blocks)
}

func checkConfigurations(t *testing.T, blocks []readmeBlock) {
	for _, name := range []string{"OPENAI_API_KEY", "OPENROUTER_API_KEY", "CATS_KEY"} {
		t.Setenv(name, "sk-any") // some of them need it
	}
	path := asItself(t)
	for _, block := range blocks {
		file := filepath.Join(t.TempDir(), "penstock.yaml")
		if err := os.WriteFile(file, []byte(block.code), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), path, "check", "--config", file).CombinedOutput(); err != nil {
			t.Errorf("%s\nis refused: %s", block.code, out)
		}
	}
}

func TestReadmeNamesExistingMakeTargets(t *testing.T) {
	for _, name := range []string{"README.md", "CONTRIBUTING.md", ".ci/run"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range target.FindAllStringSubmatch(string(text), -1) {
			if out, err := exec.CommandContext(t.Context(), "make", "-C", root, "-n", match[1]).CombinedOutput(); err != nil {
				t.Errorf("%s names make %s: %s", name, match[1], out)
			}
		}
	}
}
