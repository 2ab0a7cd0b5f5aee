package configs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A configuration has a few hundred tokens, or some thousands with many labels, and six levels. The
// bounds limit the parser's recursion and copying.
const (
	maxTokens = 50_000
	maxDepth  = 20
)

// node is a value in a file: YAML without the parts that a configuration does not need.
type node struct {
	kind    nodeKind
	at      Position
	text    string // of a scalar
	quoted  bool   // a text in single or double quotes
	entries []entry
	items   []*node
}

// entry is one key of a mapping, doubled ones included.
type entry struct {
	key   string
	at    Position
	value *node
}

type nodeKind int

const (
	nothing nodeKind = iota // a key without a value, or null
	text
	number
	boolean
	list
	mapping
)

// parseTree parses a source, which must be one document. Otherwise the node is nil.
func parseTree(source Source) (*node, Problems) {
	tree := tree{file: source.Name}
	if p := tree.checkText(source.Text); p != nil {
		return nil, p
	}
	tokens := lexer.Tokenize(string(bytes.TrimPrefix(source.Text, []byte("\ufeff"))))
	if p := tree.checkTokens(tokens); p != nil {
		return nil, p
	}
	file, err := parseTokens(tokens)
	if err != nil {
		return nil, tree.syntax(err)
	}
	var root *node
	for _, document := range file.Docs {
		if body := document.Body; body != nil && body.Type() != ast.CommentType {
			root = tree.node(body)
		}
	}
	if root == nil {
		return nil, tree.problem(Position{Line: 1, Column: 1}, "the file is empty: name at least one model under models:")
	}
	return root, nil
}

// parseTokens turns a panic of the parser into an error: none is known, but it reads ahead in
// broken texts without checks.
func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the text cannot be understood")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

type tree struct {
	file string
}

func (t tree) problem(at Position, message string) Problems {
	at.File = t.file
	return Problems{{Position: at, Message: message}}
}

// position returns a token's position, or the file's start for tokens that the parser inserted.
func (t tree) position(tk *token.Token) Position {
	if tk == nil || tk.Position == nil {
		return Position{t.file, 1, 1}
	}
	return Position{t.file, max(tk.Position.Line, 1), max(tk.Position.Column, 1)}
}

// checkText refuses texts that are too large, are not UTF-8 or have control characters.
func (t tree) checkText(source []byte) Problems {
	at := Position{Line: 1, Column: 1}
	if len(source) > maxSize {
		return t.problem(at, "the file is larger than 1 MiB")
	}
	for i := 0; i < len(source); at.Column++ {
		r, n := utf8.DecodeRune(source[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return t.problem(at, "the file is not UTF-8 here")
		case r == '\n':
			at = Position{Line: at.Line + 1}
		case unicode.IsControl(r) && r != '\t' && r != '\r':
			return t.problem(at, fmt.Sprintf("control character %U: leave it out", r))
		}
		i += n
	}
	return nil
}

// refused are the parts of YAML with which a text can mean more than it shows (an alias can expand
// to a million values), with what to do instead.
var refused = map[token.Type]string{
	token.AnchorType:     "anchors (&name) are not supported: write the value wherever it is needed",
	token.AliasType:      "aliases (*name) are not supported: write the value out",
	token.MergeKeyType:   "merge keys (<<) are not supported: write the keys out",
	token.TagType:        "tags (!name) are not supported: leave it out",
	token.MappingKeyType: `keys are written "key: value", without "?"`,
}

// checkTokens refuses all of these, each at its position, and texts that are too large, are nested
// too deeply or have more than one document.
func (t tree) checkTokens(tokens token.Tokens) Problems {
	if len(tokens) > maxTokens {
		return t.problem(Position{Line: 1, Column: 1}, "the file has too many values")
	}
	var problems Problems
	var levels nesting
	begun, ended := false, false
	for _, tk := range tokens {
		if tk.Type == token.CommentType {
			continue
		}
		if message, ok := refused[tk.Type]; ok {
			problems = append(problems, t.problem(t.position(tk), message)...)
			continue
		}
		message := ""
		switch {
		case tk.Type == token.DirectiveType:
			message = "directives (%NAME) are not supported: leave it out"
		case tk.Type == token.DocumentHeaderType && begun:
			message = "a second document begins here: a configuration is one document"
		case ended && tk.Type != token.DocumentEndType:
			message = "nothing may follow the document's end (...)"
		case levels.follow(tk) > maxDepth:
			message = "nested too deeply"
		}
		if message != "" {
			return append(problems, t.problem(t.position(tk), message)...)
		}
		begun, ended = true, ended || tk.Type == token.DocumentEndType
	}
	return problems
}

// nesting counts the levels that take only a character each: brackets, and dashes in one line. (All
// others take a line and its indentation.)
type nesting struct {
	brackets, dashes, line int
}

func (n *nesting) follow(tk *token.Token) (depth int) {
	switch {
	case tk.Type == token.MappingStartType || tk.Type == token.SequenceStartType:
		n.brackets++
	case tk.Type == token.MappingEndType || tk.Type == token.SequenceEndType:
		n.brackets--
	case tk.Type == token.SequenceEntryType && tk.Position.Line == n.line:
		n.dashes++
	case tk.Type == token.SequenceEntryType:
		n.dashes, n.line = 1, tk.Position.Line
	}
	return max(n.brackets, n.dashes)
}

func (t tree) syntax(err error) Problems {
	message, at := err.Error(), t.position(nil)
	if cause := yaml.Error(nil); errors.As(err, &cause) {
		message, at = cause.GetMessage(), t.position(cause.GetToken())
	}
	if strings.Contains(message, "tab character") || strings.Contains(message, `character '	'`) {
		return t.problem(at, "tabs cannot indent YAML: use spaces")
	}
	return t.problem(at, "not valid YAML: "+message)
}

// node converts the parser's node. After checkTokens there are no other types than these.
func (t tree) node(from ast.Node) *node {
	to := &node{at: t.position(from.GetToken())}
	switch from := from.(type) {
	case *ast.MappingNode:
		to.kind = mapping
		for _, value := range from.Values {
			t.entry(to, value)
		}
		if !from.IsFlowStyle && len(to.entries) > 0 {
			to.at = to.entries[0].at
		}
	case *ast.MappingValueNode:
		to.kind = mapping
		t.entry(to, from)
		to.at = to.entries[0].at
	case *ast.SequenceNode:
		to.kind = list
		for _, value := range from.Values {
			to.items = append(to.items, t.node(value))
		}
	case *ast.StringNode:
		quote := from.Token.Type
		to.kind, to.text, to.quoted = text, from.Value, quote == token.SingleQuoteType || quote == token.DoubleQuoteType
	case *ast.LiteralNode:
		to.kind, to.text = text, from.Value.Value
	case *ast.BoolNode:
		to.kind, to.text = boolean, from.Token.Value
	case *ast.NullNode:
		to.kind = nothing
	default: // integers, floats, infinities
		to.kind, to.text = number, from.GetToken().Value
	}
	return to
}

func (t tree) entry(to *node, from *ast.MappingValueNode) {
	key := from.Key.GetToken()
	at, value := t.position(key), t.node(from.Value)
	if value.kind == nothing {
		value.at = at // a missing value has no position of its own
	}
	to.entries = append(to.entries, entry{key.Value, at, value})
}
