package local

import (
	"errors"
	"net/http"

	"penstock/apierr"
	"penstock/dialect"
)

// request is a request that has been checked: nothing in it is beyond the model, except perhaps the
// length of its prompt.
type request struct {
	parameters
	prompt
}

// check rejects a request that can never work, before it is queued, and records what is ignored of
// others.
func (m *Model) check(r *dialect.Request) error {
	if _, err := m.request(r); err != nil {
		return err
	}
	p, err := r.Parameters()
	if err == nil {
		r.Ignore(p.Unused...)
		r.Ignore(unused(p)...)
	}
	return err //nolint:wrapcheck // there is none: the request has been read
}

// unused returns the names of parameters that only advise a server, or that say something about
// tools, of which there are none.
func unused(p *dialect.Parameters) (names []string) {
	for name, given := range map[string]bool{
		"metadata":            len(p.Metadata) > 0 && string(p.Metadata) != "null",
		"parallel_tool_calls": p.ParallelToolCalls != nil,
		"reasoning_effort":    p.ReasoningEffort != "",
		"user":                p.User != "",
	} {
		if given {
			names = append(names, name)
		}
	}
	return names
}

// request checks a request against what this model can do. Its errors are *apierr.Error.
func (m *Model) request(r *dialect.Request) (checked request, err error) {
	p, err := r.Parameters()
	if err == nil {
		err = supported(p)
	}
	if err == nil {
		checked.parameters, err = m.parameters(p)
	}
	if err == nil {
		checked.prompt, err = m.promptOf(p)
	}
	if d, ok := errors.AsType[*dialect.Error](err); ok {
		return request{}, rejected(d)
	}
	return checked, err
}

// supported rejects what no model of this package can do and what would change the completion.
func supported(p *dialect.Parameters) error {
	switch {
	case len(p.Tools) > 0:
		return dialect.Unsupported("tools", "")
	case p.ToolChoice != nil && p.ToolChoice.Mode != "none" && p.ToolChoice.Mode != "auto":
		return dialect.Unsupported("tool_choice", "")
	case p.N > 1:
		return unsupportedValue("n", "Unsupported value: 'n' must be 1 with this model; send several requests instead.")
	case p.ResponseFormat != nil && p.ResponseFormat.Type != "text":
		name := p.Names.Format
		return unsupportedValue(name, "Unsupported value: '"+name+"' must be 'text' with this model.")
	}
	if len(p.Other) == 0 {
		return nil
	}
	switch name := p.Other[0].Name; name {
	case "modalities":
		return unsupportedValue(name, "Unsupported value: 'modalities' must be ['text'] with this model.")
	case "best_of":
		return unsupportedValue(name, "Unsupported value: 'best_of' must be 1 with this model.")
	default:
		return dialect.Unsupported(name, "")
	}
}

// unsupportedValue is the error of a value that other models accept.
func unsupportedValue(param, message string) *dialect.Error {
	return &dialect.Error{Status: http.StatusBadRequest, Message: message, Type: dialect.InvalidRequest, Param: param, Code: "unsupported_value"}
}

// rejected makes a dialect's error one that every dialect can render.
func rejected(d *dialect.Error) *apierr.Error {
	e := &apierr.Error{Code: apierr.CodeInvalidInput, Reason: d.Code, Message: d.Message, Param: d.Param, Cause: d}
	if d.Code == string(apierr.CodeInvalidJSON) {
		e.Code, e.Reason = apierr.CodeInvalidJSON, ""
	}
	return e
}
