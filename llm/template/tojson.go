package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// filterToJSON is tojson as Hugging Face's transformers define it for chat templates: Python's
// json.dumps with ensure_ascii=False. Characters are not escaped, keys keep their order, and
// separators are ", " and ": ".
func filterToJSON(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	width := -1
	var ascii, sorted bool
	if err := args.Take(
		exec.KeywordArgument("indent", exec.AsValue(nil), func(v *exec.Value) error {
			if !v.IsNil() {
				width = min(max(v.Integer(), 0), 16)
			}
			return nil
		}),
		exec.KeywordArgument("ensure_ascii", exec.AsValue(false), exec.BoolArgument(&ascii)),
		exec.KeywordArgument("sort_keys", exec.AsValue(false), exec.BoolArgument(&sorted)),
	); err != nil {
		return exec.AsValue(err)
	}
	if ascii || sorted {
		return exec.AsValue(fmt.Errorf("tojson: ensure_ascii and sort_keys are not available"))
	}
	j := jsonWriter{width: width}
	if err := j.value(in, 0); err != nil {
		return exec.AsValue(err)
	}
	return exec.AsSafeValue(j.out.String())
}

type jsonWriter struct {
	out   strings.Builder
	width int // of one level of indentation; negative: everything on one line
}

func (j *jsonWriter) value(v *exec.Value, depth int) error {
	if depth > maxDepth || j.out.Len() > maxBytes {
		return fmt.Errorf("tojson: the value is too large")
	}
	switch {
	case v == nil || v.IsNil():
		j.out.WriteString("null")
	case v.IsString():
		return j.scalar(v.String())
	case v.IsBool():
		return j.scalar(v.Bool())
	case v.IsInteger():
		return j.scalar(v.Integer())
	case v.IsFloat():
		j.out.WriteString(v.String())
	case v.IsList():
		return j.items(v, depth, "[", "]", func(key, _ *exec.Value) error { return j.value(key, depth+1) })
	case v.IsDict():
		return j.items(v, depth, "{", "}", func(key, value *exec.Value) error {
			if err := j.scalar(key.String()); err != nil {
				return err
			}
			j.out.WriteString(": ")
			return j.value(value, depth+1)
		})
	default:
		return fmt.Errorf("tojson: %T cannot be represented in JSON", v.Interface())
	}
	return nil
}

func (j *jsonWriter) scalar(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("tojson: %w", err)
	}
	j.out.Write(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
	return nil
}

// items writes a list or an object, each item by write.
func (j *jsonWriter) items(v *exec.Value, depth int, open, end string, write func(key, value *exec.Value) error) (err error) {
	j.out.WriteString(open)
	count := 0
	v.Iterate(func(_, _ int, key, value *exec.Value) bool {
		switch {
		case count > 0 && j.width < 0:
			j.out.WriteString(", ")
		case count > 0:
			j.out.WriteString(",")
		}
		count++
		j.line(depth + 1)
		err = write(key, value)
		return err == nil
	}, func() {})
	if count > 0 {
		j.line(depth)
	}
	j.out.WriteString(end)
	return err
}

// line starts a new line if the output is indented.
func (j *jsonWriter) line(depth int) {
	if j.width >= 0 {
		j.out.WriteString("\n" + strings.Repeat(" ", j.width*depth))
	}
}
