package gateway

import (
	"log/slog"
	"strings"
	"sync"
	"time"
)

// refusalInterval is how often one reason is logged at most.
const refusalInterval = 10 * time.Second

// refusals counts what is refused before a request has a handler, and logs it: of each reason one
// line in a while, however often a client is refused.
type refusals struct {
	log     *slog.Logger
	metrics *Metrics

	mu   sync.Mutex
	last map[string]*refused // by reason
}

// refused is what has not been logged of a reason.
type refused struct {
	logged time.Time
	more   int
}

// add notes a refusal. The reasons are few, whatever clients do.
func (r *refusals) add(reason, client, detail string) {
	r.metrics.front.connections.WithLabelValues(reason).Inc()
	r.mu.Lock()
	if r.last == nil {
		r.last = map[string]*refused{}
	}
	last := r.last[reason]
	if last == nil {
		last = &refused{}
		r.last[reason] = last
	}
	if now := time.Now(); now.Sub(last.logged) >= refusalInterval {
		more := last.more
		*last = refused{logged: now}
		r.mu.Unlock()
		attrs := []any{"reason", reason, "detail", detail}
		if client != "" {
			attrs = append(attrs, "client", client)
		}
		if more > 0 {
			attrs = append(attrs, "more", more) // since the last line
		}
		r.log.Warn("refused", attrs...)
		return
	}
	last.more++
	r.mu.Unlock()
}

// Write implements io.Writer for an http.Server's ErrorLog, which calls it once for each line.
func (r *refusals) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	switch {
	case strings.HasPrefix(text, "http: Accept error"): // noted by Accept
	case strings.HasPrefix(text, "http: panic serving"):
		r.log.Error("a handler panicked", "detail", text)
	case strings.HasPrefix(text, "http: TLS handshake error"):
		r.add("tls", "", text)
	case strings.HasPrefix(text, "http2:"):
		r.add("http2", "", text)
	default:
		r.add("server", "", text)
	}
	return len(line), nil
}

// http2Error counts an error of HTTP/2; it is an http.HTTP2Config's CountError. Its types are
// those that net/http knows.
func (r *refusals) http2Error(errType string) { r.add("http2_"+errType, "", "HTTP/2 error") }
