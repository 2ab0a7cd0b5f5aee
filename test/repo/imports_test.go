package repo

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

const (
	module = "penstock"
	root   = "../.." // the repository's
)

// importRules has a row for each top-level folder: the other top-level folders that its packages
// may import. Tests may import more.
var importRules = map[string]struct {
	may    []string
	reason string
}{
	"cmd":   {[]string{"app", "kinds"}, "a command is one call of app.Main"},
	"app":   {[]string{"apierr", "auth", "configs", "engine", "gateway", "hub", "llm", "logging", "memory", "regular", "stream", "web"}, "the command line adds models by their Kind and knows none itself; llm is for penstock import"},
	"kinds": {[]string{"app", "configs", "dialect", "engine", "failover", "gateway", "clip", "httpmodel", "llm", "modeldir", "onnx", "outbound", "regular"}, "this is where a configuration becomes a model; dialect parses the routes of pass, modeldir names the forms of graphs"},

	"configs": {[]string{"regular"}, "kinds turns a configuration into options"},
	"apierr":  {nil, "every package can return its errors"},
	"memory":  {[]string{"apierr"}, "memory knows bytes and callers"},
	"logging": {nil, "how lines are written has nothing to do with what is logged"},
	"stream":  {[]string{"apierr", "memory", "sse"}, "a log of events knows no model and no protocol"},
	"sse":     {nil, "events and their bytes"},
	"engine":  {[]string{"apierr", "memory", "sse", "stream", "strictjson"}, "the engine knows no HTTP, no ONNX and no OpenAI"},
	"dialect": {[]string{"apierr", "sse", "strictjson"}, "a codec turns bytes into types and back"},

	"failover": {[]string{"apierr"}, "the attempt loop knows neither what is sent nor what a response means, so that every kind of remote model can use it"},

	"strictjson":    {nil, "one strict JSON decoder for every package"},
	"contentcoding": {nil, "what a Content-Encoding means is the same for bodies of clients and of servers"},
	"regular":       {nil, "files that users name are opened in one way, which no pipe can hold up"},
	"modeldir":      {nil, "the layout of model folders, for the packages that fill and open them"},
	"onnx":          {[]string{"regular"}, "tensors know no models"},
	"tokenizer":     {nil, "text in, ids out"},
	"outbound":      {[]string{"regular"}, "a connection to a server knows neither models nor dialects"},
	"clip":          {[]string{"apierr", "contentcoding", "engine", "memory", "dialect", "modeldir", "regular", "strictjson", "onnx", "tokenizer"}, "a model knows neither the gateway nor another model"},
	"httpmodel":     {[]string{"apierr", "dialect", "engine", "failover", "memory", "outbound", "sse"}, "a model knows neither the gateway nor another model; of dialect it takes the error that keeps a server's status"},
	"llm":           {[]string{"apierr", "engine", "failover", "memory", "dialect", "sse", "modeldir", "outbound", "regular", "onnx", "tokenizer"}, "a model knows neither the gateway nor another model"},

	"auth":    {[]string{"regular"}, "keys and limits are checked before there is a model"},
	"gateway": {[]string{"apierr", "contentcoding", "engine", "memory", "stream", "sse", "dialect", "outbound", "strictjson", "auth"}, "the gateway knows models by their verbs only: a new kind of model changes nothing in it"},
	"cluster": {[]string{"apierr", "engine", "stream"}, "a log on other machines is still a log"},
	"hub":     {[]string{"modeldir", "regular"}, "a model folder is filled before it is opened"},
	"web":     {nil, "the page is a client as any other: it uses HTTP"},

	"models":  {nil, "weights, and how they were made"},
	"scripts": {nil, "tools of the repository"},
	"bench":   {[]string{"apierr", "engine", "gateway", "stream", "test"}, "benchmarks are wired by hand, or run from outside"},
	"test":    {[]string{"apierr", "auth", "engine", "memory", "gateway", "stream", "sse", "dialect"}, "tools for the tests of any package"},
}

// standardOnly are the folders whose packages import nothing but the standard library and what
// their row in importRules has, and of the standard library nothing that opens a connection.
var standardOnly = []string{"apierr", "memory", "stream", "sse", "engine"}

// libraryRules has the folders that may import a library: what it does is done there only.
var libraryRules = []struct {
	library string
	may     []string
	reason  string
}{
	{"github.com/gin-gonic/gin", []string{"gateway"}, "routes are the gateway's"},
	{"github.com/prometheus/client_golang", []string{"gateway"}, "the engine reports to an Observer, and the gateway makes metrics of that"},
	{"github.com/yalue/onnxruntime_go", []string{"onnx"}, "ONNX Runtime is opened once, in one package"},
	{"github.com/sashabaranov/go-openai", []string{"dialect"}, "its types are OpenAI's dialect"},
	{"github.com/pires/go-proxyproto", []string{"gateway"}, "clients' connections are the gateway's"},
	{"github.com/goccy/go-yaml", []string{"configs"}, "YAML is read in one package, strictly"},
	{"github.com/alecthomas/kong", []string{"app"}, "the command line is app's"},
	{"github.com/golang-jwt/jwt/v5", []string{"auth"}, "tokens are checked in one package"},
	{"github.com/MicahParks/jwkset", []string{"auth"}, "tokens are checked in one package"},
	{"code.dny.dev/ssrf", []string{"clip"}, "only pictures are fetched from addresses that clients send"},
}

func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.Imports) == 0 {
			continue // nothing but tests
		}
		from := folder(p.ImportPath)
		rule, ok := importRules[from]
		if !ok {
			t.Errorf("%s: importRules has no row for %q (it has %v)", p.ImportPath, from, slices.Sorted(maps.Keys(importRules)))
			continue
		}
		for _, imported := range p.Imports {
			if to := folder(imported); ours(imported) && to != from && !slices.Contains(rule.may, to) {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, rule.reason)
			}
			for _, rule := range libraryRules {
				if within(imported, rule.library) && !slices.Contains(rule.may, from) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, rule.reason)
				}
			}
			if !slices.Contains(standardOnly, from) || ours(imported) {
				continue
			}
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s: it needs the standard library only", p.ImportPath, imported)
			}
			if imported == "net" || within(imported, "net/http") {
				t.Errorf("%s imports %s: it opens no connection", p.ImportPath, imported)
			}
		}
	}
}

// pkg is a package of this module and what it imports, tests excluded.
type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// folder returns the top-level folder of a package of this module.
func folder(importPath string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/"), "/")
	return first
}

func ours(importPath string) bool { return within(importPath, module) }

// within reports whether a package is at or below a path.
func within(importPath, at string) bool {
	return importPath == at || strings.HasPrefix(importPath, at+"/")
}
