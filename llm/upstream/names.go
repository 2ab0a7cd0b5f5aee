package upstream

import (
	"fmt"
	"strings"

	"penstock/apierr"
	"penstock/engine"
)

// matched returns what the * of the model's name matched in the name that a request has; "" if the
// model's name is no pattern.
func (m *model) matched(name string) (string, error) {
	if !engine.IsPattern(m.config.Name) {
		return "", nil
	}
	text, ok := engine.Matched(m.config.Name, name)
	if !ok {
		return "", &apierr.Error{
			Code: apierr.CodeModelNotFound, Param: "model",
			Message: fmt.Sprintf("the request must name one of the models %s", m.config.Name),
		}
	}
	return text, nil
}

// model returns the name that the server has a model by; matched is what the * of the model's name
// stands for here.
func (s *Server) model(matched string) string {
	if matched == "" {
		return s.Model
	}
	return strings.Replace(s.Model, "*", matched, 1)
}

// clientName returns the name by which clients can use a model of the server.
func (s *Server) clientName(pattern, id string) (name string, ok bool) {
	text, ok := engine.Matched(s.Model, id)
	if !ok {
		return "", false
	}
	name = strings.Replace(pattern, "*", text, 1)
	_, ok = engine.Matched(pattern, name)
	return name, ok
}
