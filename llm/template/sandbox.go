package template

import (
	"fmt"

	"github.com/nikolalohinski/gonja/v2/builtins"
	structures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// What templates may use of the library unchanged. Excluded is anything that reads files, is
// random, or produces large values from small ones.
var (
	allowedFilters = []string{
		"abs", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "groupby", "int", "items",
		"last", "length", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round", "safe", "select",
		"selectattr", "sort", "string", "sum", "title", "trim", "unique", "upper",
	}
	allowedMethods = []string{ // of strings
		"capitalize", "count", "endswith", "find", "isalnum", "isalpha", "isdecimal", "isdigit", "islower", "isnumeric",
		"isspace", "istitle", "isupper", "lower", "lstrip", "removeprefix", "removesuffix", "rfind", "rstrip", "startswith",
		"strip", "swapcase", "title", "upper",
	}
	allowedStructures = []string{"if", "raw", "do", "break", "continue"}
	allowedFunctions  = []string{"cycler", "dict", "joiner", "namespace"}
)

// sandbox returns the environment of a template.
func sandbox() *exec.Environment {
	filters := map[string]exec.FilterFunction{
		"tojson":      filterToJSON,
		"replace":     filterReplace,
		"join":        filterJoin,
		"list":        filterList,
		boundedFilter: filterBounded,
	}
	for _, name := range allowedFilters {
		filters[name], _ = builtins.Filters.Get(name)
	}
	methods := map[string]exec.Method[string]{"replace": methodReplace, "join": methodJoin, "split": methodSplit}
	for _, name := range allowedMethods {
		methods[name], _ = builtins.Methods.Str.Get(name)
	}
	statements := map[string]parser.ControlStructureParser{
		"for":        parseFor,
		"macro":      parseMacro,
		"set":        parseSet,
		"generation": parseGeneration,
	}
	for _, name := range allowedStructures {
		statements[name], _ = structures.All.Get(name)
	}
	globals := map[string]any{"range": boundedRange}
	for _, name := range allowedFunctions {
		globals[name], _ = builtins.GlobalFunctions.Get(name)
	}
	return &exec.Environment{
		Filters:           exec.NewFilterSet(filters),
		Tests:             builtins.Tests,
		ControlStructures: exec.NewControlStructureSet(statements),
		Context:           exec.NewContext(globals),
		Methods: exec.Methods{
			Bool: builtins.Methods.Bool, Int: builtins.Methods.Int, Float: builtins.Methods.Float,
			Str: exec.NewMethodSet(methods), Dict: builtins.Methods.Dict, List: builtins.Methods.List,
		},
	}
}

// refuseRepetition returns an error for the operators * and **: applied to a string they produce
// arbitrarily large values, and no chat template needs them.
func refuseRepetition(source string, cfg *config.Config) error {
	stream := tokens.LexAll(source, cfg)
	for !stream.End() {
		if t := stream.Current(); t.Type == tokens.Multiply || t.Type == tokens.Power {
			return fmt.Errorf("chat template: line %d: the operator %s is not available", t.Line, t.Val)
		}
		stream.Next()
	}
	return nil
}

// parseFor bounds the value that the loop iterates over and meters each iteration.
func parseFor(p, args *parser.Parser) (nodes.ControlStructure, error) {
	parse, _ := structures.All.Get("for")
	cs, err := parse(p, args)
	if loop, ok := cs.(*structures.ForControlStructure); ok && err == nil {
		loop.ObjectEvaluator = bounded(loop.ObjectEvaluator)
		loop.BodyWrapper = metered(loop.BodyWrapper, nil)
	}
	return cs, err
}

// parseMacro meters each call.
func parseMacro(p, args *parser.Parser) (nodes.ControlStructure, error) {
	parse, _ := structures.All.Get("macro")
	cs, err := parse(p, args)
	if macro, ok := cs.(*structures.MacroControlStructure); ok && err == nil {
		var names []string
		for _, argument := range macro.Kwargs {
			names = append(names, argument.Key.(*nodes.String).Val)
		}
		macro.Wrapper = metered(macro.Wrapper, names)
	}
	return cs, err
}

// body is the metered body of a loop or macro.
type body struct {
	*nodes.Wrapper
	arguments []string // of a macro; checked at each call
}

// metered returns a wrapper like w, whose only node executes w with the meter.
func metered(w *nodes.Wrapper, arguments []string) *nodes.Wrapper {
	outer := *w
	outer.Nodes = []nodes.Node{&nodes.ControlStructureBlock{Location: w.Location, ControlStructure: body{w, arguments}}}
	return &outer
}

// Execute runs the body once.
func (b body) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	m := meterOf(r.Environment.Context)
	if err := m.enter(r.Output); err != nil {
		return err
	}
	defer m.leave()
	for _, name := range b.arguments {
		v, _ := r.Environment.Context.Get(name)
		if err := m.check(exec.ToValue(v)); err != nil {
			return err
		}
	}
	return r.ExecuteWrapper(b.Wrapper)
}

// assignment is {% set %} with a bound on the value.
type assignment struct {
	exec.ControlStructure
	name string
}

// parseSet bounds the values of variables.
func parseSet(p, args *parser.Parser) (nodes.ControlStructure, error) {
	name := ""
	if target := args.Current(tokens.Name); target != nil {
		name = target.Val
	}
	parse, _ := structures.All.Get("set")
	cs, err := parse(p, args)
	if err != nil {
		return nil, err
	}
	return assignment{cs.(exec.ControlStructure), name}, nil
}

// Execute assigns, then checks the variable (for ns.x the namespace).
func (a assignment) Execute(r *exec.Renderer, tag *nodes.ControlStructureBlock) error {
	if err := a.ControlStructure.Execute(r, tag); err != nil {
		return err
	}
	v, _ := r.Environment.Context.Get(a.name)
	return meterOf(r.Environment.Context).check(exec.ToValue(v))
}

// generation is {% generation %}, which marks the model's messages for training and has no effect
// here.
type generation struct{ *nodes.Wrapper }

// parseGeneration parses {% generation %}.
func parseGeneration(p, _ *parser.Parser) (nodes.ControlStructure, error) {
	w, _, err := p.WrapUntil("endgeneration")
	return generation{w}, err
}

// Execute renders the content as if the tags were not there.
func (g generation) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	return r.ExecuteIfWrapper(g.Wrapper)
}
