package dialect

import (
	"net/http"

	"penstock/apierr"
)

// Status returns the HTTP status of a failure. That of canceled is for logs: its client is gone.
func Status(code apierr.Code) int {
	switch code {
	case apierr.CodeInvalidJSON, apierr.CodeInvalidInput:
		return http.StatusBadRequest
	case apierr.CodeUnauthorized:
		return http.StatusUnauthorized
	case apierr.CodeForbidden:
		return http.StatusForbidden
	case apierr.CodeModelNotFound, apierr.CodeNotFound:
		return http.StatusNotFound
	case apierr.CodeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case apierr.CodeNotAcceptable:
		return http.StatusNotAcceptable
	case apierr.CodeConflict:
		return http.StatusConflict
	case apierr.CodeGone:
		return http.StatusGone
	case apierr.CodeBodyTooLarge:
		return http.StatusRequestEntityTooLarge
	case apierr.CodeUnsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case apierr.CodeBodyTimeout:
		return http.StatusRequestTimeout
	case apierr.CodeRateLimited, apierr.CodeQueueFull:
		return http.StatusTooManyRequests
	case apierr.CodeQueueTimeout, apierr.CodeModelLoading, apierr.CodeModelFailed, apierr.CodeModelUnhealthy, apierr.CodeDraining,
		apierr.CodeLogUnavailable, apierr.CodeAuthUnavailable, apierr.CodeMemoryExhausted:
		return http.StatusServiceUnavailable
	case apierr.CodeUpstreamError, apierr.CodeUpstreamCut, apierr.CodeUpstreamUnauthorized:
		return http.StatusBadGateway
	case apierr.CodeUpstreamTimeout:
		return http.StatusGatewayTimeout
	case apierr.CodeCanceled:
		return statusCanceled
	default:
		return http.StatusInternalServerError
	}
}

// statusCanceled is nginx's status of requests whose client has left.
const statusCanceled = 499
