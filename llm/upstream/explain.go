package upstream

import (
	"fmt"
	"net/http"
	"strings"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/failover"
	"penstock/outbound"
)

// obey has a failure follow the server's own X-Should-Retry, as OpenAI's clients do: false forbids
// to send the request again, and true allows it where it would not be. A failure that belongs to
// this server alone, as a limit or a key, still lets the next one be used.
func obey(f *failover.Failure, shouldRetry string) {
	switch {
	case shouldRetry == "false" && f.Action == failover.Retry:
		f.Action = failover.GiveUp
	case shouldRetry == "false" && f.Action == failover.RetryLater:
		f.Action = failover.TryNext
	case shouldRetry == "true" && f.Action == failover.GiveUp:
		f.Action = failover.Retry
	}
}

// lacksModel reports whether a 404 is about the model, which another server may have.
func lacksModel(status int, e dialect.Error) bool {
	if status != http.StatusNotFound {
		return false
	}
	switch e.Code {
	case "model_not_found", "model_not_available", "DeploymentNotFound":
		return true
	}
	message := strings.ToLower(e.Message)
	if e.Param == "model" || strings.HasPrefix(message, "model:") { // vLLM; Anthropic
		return true
	}
	if !strings.Contains(message, "model") {
		return false
	}
	for _, words := range []string{"not found", "not exist", "not loaded", "not available", "no such"} {
		if strings.Contains(message, words) {
			return true
		}
	}
	return false
}

// lacksRoute reports whether a response means that the server has no such endpoint.
func lacksRoute(a *dialect.UpstreamAnswer) bool {
	switch a.Status {
	case http.StatusNotFound:
		return !lacksModel(a.Status, parseError(a.Body))
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// explain names what an operator has to mend: a route that is missing, or a redirection. Which
// server that is, and where it leads, is for the log. The next server is used.
func (o *response) explain(f *failover.Failure) {
	a, route := answerOf(f.Err), o.head.Request.Method+" "+o.path()
	switch status := o.head.StatusCode; {
	case a != nil && lacksRoute(a):
		f.Outcome, f.Action, f.Status = failover.OutcomeRejected, failover.TryNext, 0 // an earlier response, if there is one, says more
		f.Err = &apierr.Error{
			Code: apierr.CodeNotFound, Reason: "upstream_route_missing",
			Message: fmt.Sprintf("the upstream has no route %s (status %d): this model does not do this there, or its base_url is wrong", route, status),
			Cause:   fmt.Errorf("status %d: %s", status, truncated(parseError(a.Body).Message)),
			Logged:  fmt.Sprintf("the upstream has no route %s, status %d", route, status),
		}
	case status >= 300 && status < 400:
		f.Err.Message = fmt.Sprintf("the upstream redirected %s with status %d, which is not followed: its base_url should be what the log names", route, status)
		f.Err.Logged = fmt.Sprintf("the upstream redirected %s with status %d%s", route, status, outbound.Destination(o.head, o.secrets))
	}
}

// path returns the path of the request, without the gateway's key.
func (o *response) path() string {
	return o.secrets.Text(o.head.Request.URL.Path)
}
