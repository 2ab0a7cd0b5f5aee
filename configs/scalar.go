package configs

import (
	"cmp"
	"encoding"
	"errors"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// scalar is one value before it is parsed.
type scalar struct {
	text    string
	kind    nodeKind // nothing if only the text is known: then it may be of any kind
	at      Position
	shown   string // in messages
	private bool   // parts come from ${NAME}: messages must not show them
}

// scalar reads one value: from the flag or the environment, else from n, else from the default in
// the field's tag. If the value is wrong, v keeps the default.
func (d *decoder) scalar(n *node, v reflect.Value, c cursor, tag reflect.StructTag) {
	standard, optional := tag.Lookup("default")
	if standard != "" {
		d.set(v, scalar{text: standard}, c, "")
	}
	if n != nil && (n.kind == list || n.kind == mapping) {
		d.problem(n.at, c.path, "must be one value, not %s", n)
		return
	}
	value, given := d.override(c)
	switch {
	case given && d.isUnavailable(c.schema):
		d.problem(value.at, c.path, "is %s", notAvailable)
		return
	case given:
		d.positions[c.path] = value.at
	case n != nil:
		var ok bool
		if value, ok = d.expand(n, c); !ok {
			return
		}
	case !optional:
		d.problem(c.within, c.path, "is missing")
		return
	default:
		return
	}
	if optional && standard == "" && value.text == "" {
		delete(d.positions, c.path) // the same as not given
		return
	}
	d.set(v, value, c, tag)
}

// set parses a value into v if it is valid, and reports it if it is not.
func (d *decoder) set(v reflect.Value, value scalar, c cursor, tag reflect.StructTag) {
	if isSecret(v.Interface()) {
		value.shown, value.private = "", true
	}
	parsed := reflect.New(v.Type()).Elem()
	parsed.Set(v) // a kindName has the known names
	err := parse(value, parsed)
	if err == nil && v.CanInt() {
		if bound := outOfRange(parsed.Int(), v.Type(), tag); bound != "" {
			err = errors.New("must be " + bound)
		}
	}
	if err != nil {
		d.problem(value.at, c.path, "%s", value.message(err))
		return
	}
	if path, ok := parsed.Addr().Interface().(*Path); ok && !filepath.IsAbs(string(*path)) {
		*path = Path(filepath.Join(d.source.Dir, string(*path)))
	}
	v.Set(parsed)
}

// override returns the value that replaces the file's, if there is one.
func (d *decoder) override(c cursor) (scalar, bool) {
	from := func(name, text string) scalar {
		return scalar{text: text, at: Position{File: name}, shown: strconv.Quote(withoutPassword(text))}
	}
	if c.path == "server.address" && d.options.Address != "" {
		return from("--address", d.options.Address), true
	}
	if c.listed {
		return scalar{}, false
	}
	name := variable(c.path)
	text, ok := d.options.Env(name)
	return from(name, text), ok
}

// variable returns the environment variable that overrides the value at a path.
func variable(path string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand returns a file's value with each ${NAME} in a quoted text replaced.
func (d *decoder) expand(n *node, c cursor) (scalar, bool) {
	value := scalar{text: n.text, kind: n.kind, at: n.at, shown: n.String()}
	if n.kind != text || !strings.Contains(n.text, "${") {
		return value, true
	}
	if !n.quoted {
		d.problem(n.at, c.path, "has ${ outside quotes: only a quoted text takes values from the environment")
		return scalar{}, false
	}
	if len(reference.FindAllString(n.text, -1)) != strings.Count(n.text, "${") {
		d.problem(n.at, c.path, "has a ${ that does not begin ${NAME}: names are letters, digits and _")
		return scalar{}, false
	}
	ok := true
	value.kind, value.private = nothing, true
	value.text = reference.ReplaceAllStringFunc(n.text, func(found string) string {
		name := reference.FindStringSubmatch(found)[1]
		replacement, set := d.options.Env(name)
		if !set {
			ok = false
			d.problem(n.at, c.path, "needs the environment variable %s, which is not set", name)
		}
		return replacement
	})
	return value, ok
}

// parse parses a scalar into v, by v's type. Its errors are what v must be.
func parse(value scalar, v reflect.Value) (err error) {
	switch p := v.Addr().Interface().(type) {
	case *bool:
		*p, err = parseBool(value.text)
		return cmp.Or(err, value.mustBe(boolean, "true or false without quotes", value.text))
	case *int:
		*p, err = parseInt(value.text)
		return cmp.Or(err, value.mustBe(number, "a whole number without quotes", value.text))
	case *time.Duration:
		*p, err = parseDuration(value.text)
		return err
	case *SecretText: // a number is as good a text
		return p.UnmarshalText([]byte(value.text))
	case *Bytes:
		return p.UnmarshalText([]byte(value.text))
	case *Number:
		return cmp.Or(p.UnmarshalText([]byte(value.text)), value.mustBe(number, "a number without quotes", value.text))
	case encoding.TextUnmarshaler:
		err = p.UnmarshalText([]byte(value.text))
	case *string:
		if *p = value.text; strings.TrimSpace(value.text) == "" {
			err = errors.New("must be some text")
		}
	}
	return cmp.Or(err, value.mustBe(text, "a text", strconv.Quote(value.text)))
}

// mustBe returns an error if the file has the value as another kind.
func (s scalar) mustBe(kind nodeKind, what, meant string) error {
	if s.kind == nothing || s.kind == kind {
		return nil
	}
	return hinted{errors.New("must be " + what), meant}
}

// message completes an error of parse.
func (s scalar) message(err error) string {
	message := err.Error()
	if s.shown != "" {
		message += ", not " + s.shown
	}
	if hint := (hinted{}); !s.private && errors.As(err, &hint) {
		message += ": did you mean " + hint.meant + "?"
	}
	return message
}

// withoutPassword returns a text without the user, the password and the query of a URL in it,
// well-formed or not.
func withoutPassword(text string) string {
	if path, _, ok := strings.Cut(text, "?"); ok && strings.Contains(path, "://") {
		text = path + "?…"
	}
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return text
	}
	start := 0
	if scheme := strings.Index(text[:at], "//"); scheme >= 0 {
		start = scheme + len("//")
	} else if !strings.Contains(text[:at], ":") {
		return text
	}
	return text[:start] + "…" + text[at:]
}

// outOfRange returns the bound of a field that a value of its type exceeds: "at least 1",
// "at most 24h", or "".
func outOfRange(value int64, t reflect.Type, tag reflect.StructTag) string {
	bound := reflect.New(t).Elem()
	if least, ok := tag.Lookup("min"); ok && parse(scalar{text: least}, bound) == nil && value < bound.Int() {
		return "at least " + least
	}
	if most, ok := tag.Lookup("max"); ok && parse(scalar{text: most}, bound) == nil && value > bound.Int() {
		return "at most " + most
	}
	return ""
}

// String returns a node as messages show it.
func (n *node) String() string {
	switch n.kind {
	case list:
		return "a list"
	case mapping:
		return "a mapping"
	case number, boolean:
		return n.text
	case text:
		const longest = 60
		shown := []rune(withoutPassword(n.text))
		if len(shown) > longest {
			shown = append(shown[:longest:longest], '…')
		}
		return strconv.Quote(string(shown))
	case nothing:
	}
	return "nothing"
}
