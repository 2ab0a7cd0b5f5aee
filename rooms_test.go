package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const self = "penstock"

// rooms says, for each top-level folder, which other rooms it may import and why no more.
// Tests may look further: only what ships is held to this.
var rooms = map[string]struct {
	may []string
	why string
}{
	"":          {[]string{"apierr", "configs", "engine", "dialect", "onnx", "tokenizer", "clip", "llm", "gateway", "hub", "web", "models"}, "main.go is the one place that wires everything"},
	"configs":   {nil, "main.go turns configuration into options"},
	"apierr":    {nil, "an error type that every package can return"},
	"engine":    {[]string{"apierr"}, "the engine knows no HTTP, no ONNX and no OpenAI"},
	"dialect":   {[]string{"apierr", "sse", "strictjson"}, "a codec is types, and reading and writing them"},
	"onnx":      {nil, "tensors know no models"},
	"tokenizer": {nil, "text in, ids out"},
	"clip":      {[]string{"apierr", "engine", "dialect", "modeldir", "onnx", "tokenizer"}, "a kind of model knows neither the gateway nor another kind"},
	"llm":       {[]string{"apierr", "engine", "dialect", "modeldir", "onnx", "tokenizer"}, "a kind of model knows neither the gateway nor another kind"},
	"gateway":   {[]string{"apierr", "engine", "dialect"}, "a new kind of model is a new room and one line in main.go, not a change here"},
	"hub":       {[]string{"modeldir"}, "a folder is filled before it is opened"},
	"modeldir":  {nil, "the layout of model folders, for the packages that fill and open them"},
	"web":       {nil, "the playground is a client like any other: it talks HTTP"},
	"models":    {nil, "weights, and how they were made"},
	"bench":     {[]string{"apierr", "engine", "gateway", "internal"}, "what is measured is wired by hand, or comes from outside"},
	"internal":  {[]string{"apierr", "engine", "gateway"}, "tools for the tests of any room"},
}

// homes says which rooms may import a library: what it does is done there and nowhere else.
var homes = []struct {
	library string
	rooms   []string
	why     string
}{
	{"github.com/gin-gonic/gin", []string{"gateway"}, "routes are the gateway's"},
	{"github.com/prometheus/client_golang", []string{"gateway"}, "the engine tells an Observer; metrics are made of that at the edge"},
	{"github.com/yalue/onnxruntime_go", []string{"onnx"}, "ONNX Runtime is opened once, in one place"},
	{"github.com/sashabaranov/go-openai", []string{"llm", "dialect"}, "its types are OpenAI's dialect, and its client builds the requests of upstream models"},
	{"github.com/goccy/go-yaml", []string{"configs"}, "YAML is read in one place, strictly"},
	{"github.com/alecthomas/kong", []string{""}, "the command line is main.go's"},
	{"code.dny.dev/ssrf", []string{"clip"}, "only pictures are fetched on a caller's word"},
}

// shipped is a package of ours and what it imports, tests left out.
type shipped struct {
	ImportPath string
	Imports    []string
}

func (p shipped) room() string { return room(p.ImportPath) }

// room names the top-level folder of a package of ours: "" for main.go's.
func room(importPath string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(importPath, self), "/"), "/")
	return first
}

func ours(importPath string) bool { return within(importPath, self) }

// within tells whether a package lies at or below a path.
func within(importPath, at string) bool {
	return importPath == at || strings.HasPrefix(importPath, at+"/")
}

// standard tells whether a package is the standard library's: its path starts with no domain.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".") && !ours(importPath)
}

func list(t *testing.T) []shipped {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []shipped
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p shipped
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestRoomsLookOnlyWhereTheyMay(t *testing.T) {
	for _, p := range list(t) {
		if len(p.Imports) == 0 {
			continue // a folder of tests
		}
		from := p.room()
		allowed, known := rooms[from]
		if !known {
			t.Errorf("%s is a new room: say in rooms what it may import (known: %v)", p.ImportPath, slices.Sorted(maps.Keys(rooms)))
			continue
		}
		for _, imported := range p.Imports {
			if to := room(imported); ours(imported) && to != from && !slices.Contains(allowed.may, to) {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, allowed.why)
			}
			for _, home := range homes {
				if within(imported, home.library) && !slices.Contains(home.rooms, from) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, home.why)
				}
			}
		}
	}
}

func TestEngineNeedsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range list(t) {
		if p.room() != "engine" {
			continue
		}
		for _, imported := range p.Imports {
			if !standard(imported) && room(imported) != "engine" && room(imported) != "apierr" {
				t.Errorf("%s imports %s: the engine is the standard library and nothing else", p.ImportPath, imported)
			}
			if imported == "net" || within(imported, "net/http") {
				t.Errorf("%s imports %s: the engine knows no network", p.ImportPath, imported)
			}
		}
	}
}
