package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"penstock/engine"
)

// health answers GET /healthz: the process is alive.
func (g *Gateway) health(c *gin.Context) error {
	return g.answer(c, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// modelState is a model's line in the answer of /readyz.
type modelState struct {
	Name   string       `json:"name"`
	Kind   string       `json:"kind"`
	State  engine.State `json:"state"`
	Reason string       `json:"reason,omitempty"`
}

// readiness answers GET /readyz: 200 once no model is loading any more and at least one is ready, else 503.
func (g *Gateway) readiness(c *gin.Context) error {
	answer := struct {
		Ready  bool         `json:"ready"`  // as the Open Inference Protocol says it
		Status string       `json:"status"` // ready, loading, failed, draining
		Models []modelState `json:"models"`
	}{Status: "ready", Models: []modelState{}}
	loading, ready := 0, 0
	for _, m := range g.Engine.Snapshot().Models {
		answer.Models = append(answer.Models, modelState{m.Name, m.Kind, m.State, m.Reason})
		switch m.State {
		case engine.StateLoading:
			loading++
		case engine.StateReady:
			ready++
		case engine.StateFailed:
		}
	}
	switch {
	case g.Engine.Draining():
		answer.Status = "draining"
	case loading > 0:
		answer.Status = "loading"
	case ready == 0:
		answer.Status = "failed"
	}
	status := http.StatusOK
	if answer.Ready = answer.Status == "ready"; !answer.Ready {
		status = http.StatusServiceUnavailable
		if answer.Status != "failed" {
			c.Header("Retry-After", "1")
		}
	}
	return g.answer(c, status, answer)
}
