package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"penstock/engine"
)

// health serves GET /healthz: the process is alive.
func (g *Gateway) health(c *gin.Context) error {
	return g.writeJSON(c, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// modelState is a model's entry in the response of /readyz.
type modelState struct {
	Name   string       `json:"name"`
	Kind   string       `json:"kind"`
	State  engine.State `json:"state"`
	Reason string       `json:"reason,omitempty"`
}

// readiness serves GET /readyz: 200 once no model is loading any more and at least one is ready,
// else 503. A model that is loading only because its own server is not there yet, which is its
// reason then, holds up no others.
func (g *Gateway) readiness(c *gin.Context) error {
	response := struct {
		Ready  bool         `json:"ready"`  // as in the Open Inference Protocol
		Status string       `json:"status"` // ready, loading, failed, unhealthy, draining
		Models []modelState `json:"models"`
	}{Status: "ready", Models: []modelState{}}
	loading, waiting, ready, unhealthy := 0, 0, 0, 0
	for _, m := range g.Engine.Snapshot().Models {
		response.Models = append(response.Models, modelState{m.Name, m.Kind, m.State, g.reasonFor(c, m)})
		switch m.State {
		case engine.StateLoading:
			if m.Reason == "" {
				loading++
			} else {
				waiting++
			}
		case engine.StateReady:
			ready++
		case engine.StateUnhealthy:
			unhealthy++
		case engine.StateFailed:
		}
	}
	switch {
	case g.Engine.Draining():
		response.Status = "draining"
	case loading > 0, ready == 0 && waiting > 0:
		response.Status = "loading"
	case ready == 0 && unhealthy > 0:
		response.Status = "unhealthy"
	case ready == 0:
		response.Status = "failed"
	}
	status := http.StatusOK
	if response.Ready = response.Status == "ready"; !response.Ready {
		status = http.StatusServiceUnavailable
		if response.Status != "failed" {
			c.Header("Retry-After", "1")
		}
	}
	return g.writeJSON(c, status, response)
}
