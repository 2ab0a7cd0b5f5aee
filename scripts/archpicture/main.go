// Command archpicture draws the packages of ./cmd/penstock and their imports as a Mermaid graph.
//
//	go run ./scripts/archpicture     # print it
//	go run ./scripts/archpicture -w  # write it into ARCHITECTURE.md, between two markers
//
// Run it in the repository's root. A node is a top-level folder. An arrow that others imply is left
// out: where A imports B, B imports C and A imports C, there is no arrow from A to C.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
)

const (
	file  = "ARCHITECTURE.md"
	begin = "<!-- drawn by make arch -->\n"
	end   = "<!-- end of the drawing -->\n"
)

func main() {
	write := flag.Bool("w", false, "write the picture into "+file)
	flag.Parse()
	if err := run(context.Background(), ".", *write, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "archpicture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, write bool, stdout io.Writer) error {
	graph, err := imports(ctx, root)
	if err != nil {
		return err
	}
	if !write {
		_, err := io.WriteString(stdout, draw(graph))
		return err
	}
	path := root + "/" + file
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	updated, err := insert(string(text), draw(graph))
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(updated), 0o644)
}

// insert replaces what is between the markers.
func insert(text, picture string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	_, after, found := strings.Cut(rest, end)
	if !ok || !found {
		return "", fmt.Errorf("%s lacks the line %q or %q", file, begin, end)
	}
	return before + begin + picture + end + after, nil
}

// graph has the folders that a folder imports.
type graph map[string]map[string]bool

// imports returns the graph of the module's top-level folders, as far as ./cmd/penstock needs them.
func imports(ctx context.Context, root string) (graph, error) {
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-json=ImportPath,Imports", "./cmd/penstock")
	list.Dir, list.Stderr = root, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	g := graph{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return g, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		from, ok := folder(p.ImportPath)
		if !ok {
			continue
		}
		if g[from] == nil {
			g[from] = map[string]bool{}
		}
		for _, imported := range p.Imports {
			if to, ok := folder(imported); ok && to != from {
				g[from][to] = true
			}
		}
	}
}

// folder returns the top-level folder of a package of this module.
func folder(importPath string) (string, bool) {
	path, ok := strings.CutPrefix(importPath, "penstock/")
	first, _, _ := strings.Cut(path, "/")
	return first, ok
}

// reaches reports whether from imports to through another folder.
func (g graph) reaches(from, to string) bool {
	for between := range g[from] {
		if between != to && (g[between][to] || g.reaches(between, to)) {
			return true
		}
	}
	return false
}

func draw(g graph) string {
	var b strings.Builder
	b.WriteString("```mermaid\ngraph TD\n")
	for _, from := range slices.Sorted(maps.Keys(g)) {
		var to []string
		for _, imported := range slices.Sorted(maps.Keys(g[from])) {
			if !g.reaches(from, imported) {
				to = append(to, imported)
			}
		}
		if len(to) > 0 {
			fmt.Fprintf(&b, "  %s --> %s\n", from, strings.Join(to, " & "))
		}
	}
	b.WriteString("```\n")
	return b.String()
}
