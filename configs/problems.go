package configs

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Position is where a problem is. Line and Column count from 1, Column in characters; both are 0 if
// File is the name of an environment variable or of a flag.
type Position struct {
	File         string
	Line, Column int
}

// String returns file:line:column, or the variable's or flag's name.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Position Position
	Message  string // with what to do; without secrets
	cause    error  // for errors.Is; may be nil
}

// Error returns the position and the message in one line.
func (p Problem) Error() string { return p.Position.String() + ": " + p.Message }

// Unwrap returns the error behind the problem, if it has one.
func (p Problem) Unwrap() error { return p.cause }

// Problems is everything that is wrong with a configuration, at least one problem, in the order of
// the file; variables and flags come last.
type Problems []Problem

// Error returns a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems one by one.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, problem := range p {
		errs[i] = problem
	}
	return errs
}

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		at, bt := a.Position, b.Position
		if (at.Line == 0) != (bt.Line == 0) {
			return cmp.Compare(bt.Line, at.Line)
		}
		return cmp.Or(cmp.Compare(at.Line, bt.Line), cmp.Compare(at.Column, bt.Column), cmp.Compare(at.File, bt.File))
	})
}
