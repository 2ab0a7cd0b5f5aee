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

// A configuration needs a few hundred tokens and six levels; labels make it some
// thousands. The bounds keep the parser's recursion and its copying small.
const (
	maxTokens = 50_000
	maxDepth  = 20
)

// node is a value in a file: YAML without what a configuration has no use for.
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

// parseTree reads a source's one document. A text that is no such document gives
// a nil node and the problems it has.
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

// parseTokens keeps a panic of the parser from passing this package's edge: none
// is known, but it looks ahead in broken texts without much care.
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

// place returns a token's position, or the file's beginning for tokens the
// parser made up.
func (t tree) place(tk *token.Token) Position {
	if tk == nil || tk.Position == nil {
		return Position{t.file, 1, 1}
	}
	return Position{t.file, max(tk.Position.Line, 1), max(tk.Position.Column, 1)}
}

// checkText refuses texts that are too large, not UTF-8, or have control
// characters in them.
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

// refused are the parts of YAML that let a text mean more than it shows (an
// alias can stand for a million values), with what to do instead.
var refused = map[token.Type]string{
	token.AnchorType:     "anchors (&name) are not supported: write the value wherever it is needed",
	token.AliasType:      "aliases (*name) are not supported: write the value out",
	token.MergeKeyType:   "merge keys (<<) are not supported: write the keys out",
	token.TagType:        "tags (!name) are not supported: leave it out",
	token.MappingKeyType: `keys are written "key: value", without "?"`,
}

// checkTokens refuses all of these, each at its place, and texts that are too
// large, too deep or more than one document.
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
			problems = append(problems, t.problem(t.place(tk), message)...)
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
			return append(problems, t.problem(t.place(tk), message)...)
		}
		begun, ended = true, ended || tk.Type == token.DocumentEndType
	}
	return problems
}

// nesting follows the levels that cost only a character each: brackets, and
// dashes in one line. (All others cost a line and its indentation.)
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
	message, at := err.Error(), t.place(nil)
	if cause := yaml.Error(nil); errors.As(err, &cause) {
		message, at = cause.GetMessage(), t.place(cause.GetToken())
	}
	if strings.Contains(message, "tab character") || strings.Contains(message, `character '	'`) {
		return t.problem(at, "tabs cannot indent YAML: use spaces")
	}
	return t.problem(at, "not valid YAML: "+message)
}

// node turns the parser's node into ours. checkTokens has seen to it that only
// these types come.
func (t tree) node(from ast.Node) *node {
	to := &node{at: t.place(from.GetToken())}
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
	at, value := t.place(key), t.node(from.Value)
	if value.kind == nothing {
		value.at = at // what is not there has no place of its own
	}
	to.entries = append(to.entries, entry{key.Value, at, value})
}
