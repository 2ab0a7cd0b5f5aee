package template

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nikolalohinski/gonja/v2/exec"
)

// The sandbox's bounds: far beyond what any known template needs, and small for the machine. One expression can still
// build a few values of maxBytes before it is looked at.
const (
	maxSource = 256 << 10
	maxBytes  = 8 << 20 // of the prompt, and of each value that a template keeps
	maxSteps  = 200_000
	maxDepth  = 100
	maxRange  = 10_000
	maxTime   = 5 * time.Second
)

// meterName is where the render's meter lies among the template's variables. No template can spell it.
const meterName = " meter"

// meter is one render: it takes the output, counts, and keeps the first reason to stop.
type meter struct {
	ctx      context.Context // the render's own; a meter does not outlive its call
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

func (m *meter) fail(err error) error {
	if m.failed == nil {
		m.failed = err
	}
	return m.failed
}

// limit stops the render because of one of the bounds.
func (m *meter) limit(format string, args ...any) error {
	return m.fail(fmt.Errorf("chat template: "+format, args...))
}

// raise is the template's raise_exception.
func (m *meter) raise(message string) (string, error) {
	return "", m.fail(&RaisedError{Message: message})
}

// Write takes a piece of the prompt.
func (m *meter) Write(p []byte) (int, error) {
	if m.failed != nil {
		return 0, m.failed
	}
	if m.out.Len()+len(p) > maxBytes {
		return 0, m.limit("the prompt is longer than %d bytes", maxBytes)
	}
	return m.out.Write(p)
}

// enter begins one pass through a loop's or a macro's body, which writes to out. Who gets no error calls leave.
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
		return m.limit("took longer than %v", maxTime)
	}
	if b, ok := out.(interface{ Len() int }); ok && b.Len() > maxBytes {
		return m.limit("a value is longer than %d bytes", maxBytes)
	}
	m.depth++
	return nil
}

func (m *meter) leave() { m.depth-- }

// check refuses a value that has grown too large.
func (m *meter) check(v *exec.Value) error {
	if left := weigh(v, maxBytes, maxDepth); left < 0 {
		return m.limit("a value is larger than %d bytes", maxBytes)
	}
	return nil
}

// weigh returns what is left of budget bytes after v, negative if it is too large or nested too deeply.
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
