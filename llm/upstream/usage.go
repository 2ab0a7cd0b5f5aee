package upstream

import (
	"bytes"
	"net/http"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
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

// asks reports whether a request to the server asks for the usage of a stream although the client
// has not.
func (r *request) asks(s *server) bool {
	return r.stream && r.body.Asks() && !s.NoUsage && !s.refusesUsage.Load()
}

// refusesUsage reports whether a server may have rejected a request because it was asked for the
// usage.
func refusesUsage(f *failure) bool {
	if f.status != http.StatusBadRequest && f.status != http.StatusUnprocessableEntity {
		return false
	}
	a := answerOf(f.err)
	return a != nil && (bytes.Contains(a.Body, []byte("stream_options")) || bytes.Contains(a.Body, []byte("include_usage")))
}

// answerOf returns the response of a server that is the cause of an error, nil if there is none.
func answerOf(err *apierr.Error) *dialect.UpstreamAnswer {
	a, _ := err.Cause.(*dialect.UpstreamAnswer) //nolint:errorlint // it is the cause itself
	return a
}
