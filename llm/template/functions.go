package template

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ncruces/go-strftime"
	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
)

// list is a list with negative indexes down to its first item. (The library's lists exclude the
// first.)
type list []any

// GetItem returns the item at an int key.
func (l list) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if i < 0 {
		i += len(l)
	}
	if !ok || i < 0 || i >= len(l) {
		return exec.AsValue(nil), false
	}
	return exec.ToValue(l[i]), true
}

// boundedRange is range([start,] stop[, step]).
func boundedRange(_ *exec.Evaluator, args *exec.VarArgs) (list, error) {
	start, step := 0, 1
	n := len(args.Args)
	for _, a := range args.Args {
		if n > 3 || !a.IsInteger() {
			n = 0
		}
	}
	if n == 0 {
		return nil, errors.New("range takes one to three integers")
	}
	stop := args.Args[min(n-1, 1)].Integer()
	if n > 1 {
		start = args.Args[0].Integer()
	}
	if n > 2 {
		step = args.Args[2].Integer()
	}
	if step == 0 {
		return nil, errors.New("range with a step of 0")
	}
	items := list{}
	for i := start; (step > 0 && i < stop) || (step < 0 && i > stop); i += step {
		if len(items) == maxRange {
			return nil, fmt.Errorf("range of more than %d", maxRange)
		}
		items = append(items, i)
	}
	return items, nil
}

// strftimeNow returns a render's strftime_now, which formats the time by a format like "%d %b %Y".
func strftimeNow(now time.Time) func(string) string {
	return func(format string) string { return strftime.Format(format, now) }
}

// boundedFilter is applied to the value that a loop iterates over. The space keeps templates from
// using its name.
const boundedFilter = " bounded"

// bounded applies boundedFilter to e.
func bounded(e nodes.Expression) nodes.Expression {
	return &nodes.FilteredExpression{Expression: e, Filters: []*nodes.FilterCall{{Name: boundedFilter}}}
}

func filterBounded(e *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	if err := meterOf(e.Environment.Context).check(in); err != nil {
		return exec.AsValue(err)
	}
	return in
}

// replace is strings.ReplaceAll with a bound on the result.
func replace(s, old, with string) (string, error) {
	if len(s)+strings.Count(s, old)*(len(with)-len(old)) > maxBytes {
		return "", fmt.Errorf("replace produces more than %d bytes", maxBytes)
	}
	return strings.ReplaceAll(s, old, with), nil
}

// join is strings.Join with a bound on the result.
func join(separator string, items *exec.Value) (string, error) {
	var b strings.Builder
	if !items.IsIterable() {
		return "", errors.New("join needs a list")
	}
	items.Iterate(func(i, _ int, item, _ *exec.Value) bool {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(item.String())
		return b.Len() <= maxBytes
	}, func() {})
	if b.Len() > maxBytes {
		return "", fmt.Errorf("join produces more than %d bytes", maxBytes)
	}
	return b.String(), nil
}

// result returns the result of a function as a value, which may be an error. Methods return errors
// this way because the library adds the whole receiver to an error that is returned as such.
func result(s string, err error) any {
	if err != nil {
		return err
	}
	return s
}

// filterList is the filter list, but returns a list whose negative indexes work.
func filterList(e *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	builtin, _ := builtins.Filters.Get("list")
	converted := builtin(e, in, args)
	if converted.IsError() {
		return converted
	}
	items := list{}
	converted.Iterate(func(_, _ int, item, _ *exec.Value) bool {
		items = append(items, item)
		return true
	}, func() {})
	return exec.AsValue(items)
}

func filterReplace(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	value, err := methodReplace(in.String(), in, args)
	if err != nil {
		return exec.AsValue(err)
	}
	return exec.AsValue(value)
}

func filterJoin(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	var separator string
	if in.IsError() {
		return in
	}
	if err := args.Take(exec.KeywordArgument("d", exec.AsValue(""), exec.StringArgument(&separator))); err != nil {
		return exec.AsValue(err)
	}
	return exec.AsValue(result(join(separator, in)))
}

func methodReplace(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	var old, with string
	if err := args.Take(
		exec.PositionalArgument("old", nil, exec.StringArgument(&old)),
		exec.PositionalArgument("new", nil, exec.StringArgument(&with)),
	); err != nil {
		return nil, err
	}
	return result(replace(self, old, with)), nil
}

func methodJoin(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	if len(args.Args) != 1 {
		return nil, errors.New("join takes one list")
	}
	return result(join(self, args.Args[0])), nil
}

// methodSplit is Python's split. Without a separator it splits at white space.
func methodSplit(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	var separator string
	most := -1
	if err := args.Take(
		exec.PositionalArgument("sep", exec.AsValue(""), exec.StringArgument(&separator)),
		exec.PositionalArgument("maxsplit", exec.AsValue(-1), exec.IntArgument(&most)),
	); err != nil {
		return nil, err
	}
	var pieces []string
	switch {
	case separator == "" && most >= 0:
		return nil, errors.New("split at white space does not support maxsplit")
	case separator == "":
		pieces = strings.Fields(self)
	case most < 0:
		pieces = strings.Split(self, separator)
	default:
		pieces = strings.SplitN(self, separator, most+1)
	}
	items := make(list, len(pieces))
	for i, p := range pieces {
		items[i] = p
	}
	return items, nil
}
