package upstream

import (
	"bytes"
	"log/slog"
	"net/http"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
)

// counted returns the usage that a server has reported, or else an estimate: by the texts of the
// request, and the bytes of text that have been passed on.
func counted(reported dialect.Usage, request *request, text int) engine.Usage {
	if reported.Reports() {
		return engine.Usage{PromptTokens: reported.PromptTokens, CompletionTokens: reported.CompletionTokens}
	}
	return engine.Usage{
		PromptTokens:     request.expect().PromptTokens,
		CompletionTokens: dialect.EstimateTokens(text),
		Estimated:        true,
	}
}

// unbegun returns what a request came to of which nothing has been passed on: its prompt, if it was
// the client that left; a failure that the client gets costs nothing.
func unbegun(f *failover.Failure, request *request) engine.Usage {
	if f == nil || f.Outcome != failover.OutcomeCanceled {
		return engine.Usage{}
	}
	return counted(dialect.Usage{}, request, 0)
}

// asks reports whether a request to the server asks for the usage of a stream although the client
// has not.
func (r *request) asks(s *server) bool {
	return r.stream && r.body.Asks() && !s.NoUsage && (s.AlwaysUsage || !s.refusesUsage.Load())
}

// refusesUsage reports whether a server may have rejected a request because it was asked for the
// usage.
func refusesUsage(f *failover.Failure) bool {
	if f.Status != http.StatusBadRequest && f.Status != http.StatusUnprocessableEntity {
		return false
	}
	a := answerOf(f.Err)
	return a != nil && (bytes.Contains(a.Body, []byte("stream_options")) || bytes.Contains(a.Body, []byte("include_usage")))
}

// notAskedAgain notes that a server takes requests only if they do not ask for the usage. One with
// AlwaysUsage is asked again all the same.
func (m *model) notAskedAgain(s *server) {
	if !s.AlwaysUsage && !s.refusesUsage.Swap(true) {
		m.config.Log.Warn("the upstream rejects stream_options; from now on it is not asked for its usage, which is estimated",
			slog.String("model", m.config.Name), slog.String("upstream", s.Name))
	}
}

// answerOf returns the response of a server that is the cause of an error, nil if there is none.
func answerOf(err *apierr.Error) *dialect.UpstreamAnswer {
	a, _ := err.Cause.(*dialect.UpstreamAnswer) //nolint:errorlint // it is the cause itself
	return a
}
