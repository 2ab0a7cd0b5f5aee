package template

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// The sandbox's bounds are far beyond the needs of any known template, and small for a machine. A
// single expression can still build a few values of maxBytes before they are checked.
const (
	maxSource = 256 << 10
	maxBytes  = 8 << 20 // of the prompt, and of each value that a template keeps
	maxSteps  = 200_000
	maxDepth  = 100
	maxRange  = 10_000
	maxTime   = 5 * time.Second
)

// meterName is the variable that holds the meter of a render. The space keeps templates from using
// its name.
const meterName = " meter"

// meter belongs to one render: it collects the output, counts, and keeps the first error.
type meter struct {
	ctx      context.Context // that of Render; a meter does not outlive the call
	deadline time.Time
	out      strings.Builder
	steps    int
	depth    int
	failed   error
}

func meterOf(c *exec.Context) *meter {
	v, _ := c.Get(meterName)
	return v.(*meter)
}

// fail keeps the first error, and returns it.
func (m *meter) fail(err error) error {
	if m.failed == nil {
		m.failed = err
	}
	return m.failed
}

// limit ends the render because a bound is exceeded.
func (m *meter) limit(format string, args ...any) error {
	return m.fail(fmt.Errorf("chat template: "+format, args...))
}

// raise implements raise_exception.
func (m *meter) raise(message string) (string, error) {
	return "", m.fail(&RaisedError{Message: message})
}

// Write appends to the prompt.
func (m *meter) Write(p []byte) (int, error) {
	if m.failed != nil {
		return 0, m.failed
	}
	if m.out.Len()+len(p) > maxBytes {
		return 0, m.limit("the prompt is longer than %d bytes", maxBytes)
	}
	return m.out.Write(p)
}

// enter starts one execution of the body of a loop or macro, which writes to out. Unless it returns
// an error, the caller calls leave at the end.
func (m *meter) enter(out any) error {
	m.steps++
	switch {
	case m.failed != nil:
		return m.failed
	case m.ctx.Err() != nil:
		return m.fail(context.Cause(m.ctx))
	case m.steps > maxSteps:
		return m.limit("more than %d steps", maxSteps)
	case m.depth >= maxDepth:
		return m.limit("nested deeper than %d", maxDepth)
	case time.Now().After(m.deadline):
		return m.limit("takes longer than %v", maxTime)
	}
	if b, ok := out.(interface{ Len() int }); ok && b.Len() > maxBytes {
		return m.limit("a value is longer than %d bytes", maxBytes)
	}
	m.depth++
	return nil
}

func (m *meter) leave() { m.depth-- }

// check returns an error if a value is too large.
func (m *meter) check(v *exec.Value) error {
	if left := weigh(v, maxBytes, maxDepth); left < 0 {
		return m.limit("a value is larger than %d bytes", maxBytes)
	}
	return nil
}

// weigh returns the budget minus the size of v in bytes. The result is negative if v is too large
// or nested too deeply.
func weigh(v *exec.Value, budget, depth int) int {
	const overhead = 16
	budget -= overhead
	switch {
	case budget < 0 || depth < 0:
		return -1
	case v == nil || v.IsNil() || v.IsError() || v.IsCallable():
		return budget
	case v.IsString():
		return budget - len(v.String())
	case v.IsList(), v.IsDict():
		v.Iterate(func(_, _ int, key, value *exec.Value) bool {
			budget = weigh(key, budget, depth-1)
			if value != nil && budget >= 0 {
				budget = weigh(value, budget, depth-1)
			}
			return budget >= 0
		}, func() {})
	}
	return budget
}
