package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"penstock/dialect"
	"penstock/engine"
	"penstock/failover"
)

// registerPass registers the verb "pass" of a model with routes that are passed through.
func (m *model) registerPass(to *engine.Model) {
	if len(m.config.Pass) == 0 {
		return
	}
	engine.Predicts(to, "pass", engine.Predictor[*dialect.PassCall, *request, engine.Usage, engine.Usage]{
		Preprocess: func(_ context.Context, c *dialect.PassCall) (*request, error) {
			name, err := m.matched(c.Model)
			return &request{expect: c.Expectation, name: name, path: "/" + c.Path, credential: c.Credential, header: m.forwarding(&c.Call), pass: c.Passthrough, passes: c}, err
		},
		Predict:     m.passOn,
		Postprocess: func(_ context.Context, u engine.Usage) (engine.Usage, error) { return u, nil },
	})
}

func routes(pass []dialect.PassRoute) (all []string) {
	for _, p := range pass {
		all = append(all, string(p))
	}
	return all
}

// passOn sends a request as it is, and passes the response on as it arrives. Until its first byte
// the next server is used if one fails. A silent server is waited for: before a picture or a sound
// comes they all are silent, and a second request costs as much as the first.
func (m *model) passOn(ctx context.Context, r *request) (engine.Usage, error) {
	to := &passed{to: r.pass}
	f := m.attempt(ctx, r, nil, func(ctx context.Context, q *failover.Sequence) *failover.Failure {
		o, f := m.send(ctx, q, r, m.config.Timeouts.Whole, failover.NoHead)
		if f != nil {
			return f
		}
		defer o.close()
		return o.passTo(to, q.Lead)
	})
	switch {
	case f == nil:
		return to.usage(r), nil
	case to.begun:
		return to.usage(r), f.Err
	}
	return unbegun(f, r), f.Err
}

// newPassed returns the request that is sent to a server: the client's, but for the model's name.
func (r *request) newPassed(ctx context.Context, s *server) (*http.Request, error) {
	query, pieces := r.passes.For(s.model(r.name))
	url := strings.TrimRight(s.BaseURL, "/") + r.path
	if query != "" {
		url += "?" + query
	}
	out, err := http.NewRequestWithContext(ctx, r.passes.Method, url, nil)
	if err != nil {
		return nil, fmt.Errorf("make a request to the upstream: %w", err)
	}
	for _, piece := range pieces {
		out.ContentLength += int64(len(piece))
	}
	if out.ContentLength > 0 {
		out.GetBody = func() (io.ReadCloser, error) {
			readers := make([]io.Reader, len(pieces))
			for i, piece := range pieces {
				readers[i] = bytes.NewReader(piece)
			}
			return io.NopCloser(io.MultiReader(readers...)), nil
		}
		out.Body, _ = out.GetBody() // never fails
	}
	out.Header = http.Header{"User-Agent": {"penstock"}}
	for name, values := range r.passes.Fields {
		out.Header[name] = values
	}
	if r.passes.MediaType != "" {
		out.Header["Content-Type"] = []string{r.passes.MediaType}
	}
	return out, nil
}

// passTo passes a response on: once its first bytes are there, and of JSON, which few servers send
// piece by piece, all of them or wholeFirst. Before that it calls lead; then no other attempt can
// follow.
func (o *response) passTo(to *passed, lead func() bool) *failover.Failure {
	o.watchdog.Set(o.model.config.Timeouts.BetweenTokens, failover.Silence)
	if status := o.head.StatusCode; (status < 200 || status > 299) && status != http.StatusNotModified {
		return o.refused()
	}
	limit := o.model.config.MaxAnswer
	switch {
	case o.hasNoBody():
	case o.head.ContentLength > limit:
		return failover.TooLarge(limit)
	case o.mediaType() == "text/html":
		return failover.Malformed("an HTML page in place of a response of %s", o.path())
	case o.unframed && !o.declaresJSON():
		return failover.Malformed("a body of type %q that only the end of the connection ends: one that was cut would look complete", o.head.Header.Get("Content-Type"))
	}
	start, complete, err := o.first()
	if err != nil {
		return o.broken(fmt.Errorf("read the beginning of a response: %w", err))
	}
	to.reads = o.declaresJSON() || o.mediaType() == "text/event-stream"
	if !lead() {
		return failover.Canceled(failover.ErrLost)
	}
	o.sequence.Healthy()
	to.begun = true
	to.to.Head(o.head.StatusCode, o.passedHeader())
	return o.passRest(to, start, complete)
}

// first reads the beginning of a body. complete: that is all of it.
func (o *response) first() (start []byte, complete bool, err error) {
	if o.declaresJSON() {
		start, err = io.ReadAll(io.LimitReader(o.body, wholeFirst))
		complete = len(start) < wholeFirst
		if err == nil && o.unframed && (!beginsJSON(start) || complete && !closedJSON(start)) {
			err = errCutJSON
		}
		return start, complete, err
	}
	start = make([]byte, wholePiece)
	n, err := 0, error(nil)
	for n == 0 && err == nil {
		n, err = o.body.Read(start)
	}
	complete = err == io.EOF //nolint:errorlint // io.EOF itself is a clean end
	if complete {
		err = nil
	}
	return start[:n], complete, err
}

var errCutJSON = errors.New("the connection ended in the middle of a response")

// declaresJSON reports whether the response declares that it is JSON. What declares nothing may be
// a sound, which must not wait.
func (o *response) declaresJSON() bool {
	media := o.mediaType()
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// beginsJSON reports whether a body begins with an object or a list, whose end can be seen.
func beginsJSON(start []byte) bool {
	start = bytes.TrimLeft(start, " \t\r\n")
	return len(start) > 0 && (start[0] == '{' || start[0] == '[')
}

func closedJSON(body []byte) bool {
	var n nesting
	n.add(body)
	return n.closed()
}

// passRest passes on the beginning of a body and what follows it.
func (o *response) passRest(to *passed, start []byte, complete bool) *failover.Failure {
	if err := to.write(start, o.watchdog); err != nil {
		return failover.Canceled(err)
	}
	for buf := start[:cap(start)]; !complete; {
		n, err := o.body.Read(buf)
		if limit := o.model.config.MaxAnswer; to.bytes+int64(n) > limit {
			return failover.TooLarge(limit)
		}
		if err := to.write(buf[:n], o.watchdog); err != nil {
			return failover.Canceled(err)
		}
		complete = err == io.EOF //nolint:errorlint // io.EOF itself is a clean end
		switch {
		case complete && o.unframed && !to.body.closed():
			return failover.Cut(errCutJSON)
		case err != nil && !complete:
			return o.broken(fmt.Errorf("read a response: %w", err))
		}
	}
	return nil
}

// refused is the failure of a response whose status is not a success. The client gets it as it is,
// if no other server responds. One that lacks the route or the model says nothing about others.
func (o *response) refused() *failover.Failure {
	data, err := io.ReadAll(io.LimitReader(o.body, maxRejection+1))
	switch {
	case err != nil:
		return o.broken(fmt.Errorf("read the body of a %d: %w", o.head.StatusCode, err))
	case len(data) > maxRejection:
		return failover.Malformed("a body of more than %d bytes with status %d", maxRejection, o.head.StatusCode)
	}
	header := o.passedHeader()
	header.Del("Content-Length")
	header.Del("Vary") // errors are not cached, and the gateway's own stays
	a := &dialect.UpstreamAnswer{Status: o.head.StatusCode, Header: header, Body: o.secrets.Redact(data)}
	f := rejection(a, o.ownKey)
	switch {
	case a.Status < 400:
		o.explain(f)
	case lacksRoute(a):
		f.Action = failover.TryNext
	}
	return f
}

// passed is where a response is passed on to, over all attempts.
type passed struct {
	to    dialect.Passthrough
	begun bool
	reads bool // the usage is looked for in the body, which is text
	body  nesting
	bytes int64
}

// write passes bytes on, which may wait for the client.
func (p *passed) write(b []byte, clock *failover.Watchdog) error {
	clock.Pause()
	defer clock.Resume()
	n, err := p.to.Write(b)
	if p.reads {
		p.body.add(b[:n])
	}
	p.bytes += int64(n)
	return err
}

// usage returns what the server has reported, or else an estimate of the request's text. What was
// made of that, pictures and sounds, is not counted in tokens.
func (p *passed) usage(r *request) engine.Usage {
	reported, ok := dialect.ParseUsage(p.body.usage)
	if !ok && reported.TotalTokens > 0 { // of rerank
		reported = dialect.Usage{PromptTokens: reported.TotalTokens}
	}
	u := counted(reported, r, 0)
	if u.PromptTokens+u.CompletionTokens == 0 {
		return engine.Usage{}
	}
	return u
}

// notPassed are the fields of a response's head that belong to its connection, to the client's
// relation to that server, or to the gateway, in lower case.
var notPassed = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-authenticate": true, "proxy-authorization": true, "proxy-connection": true,
	"te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
	"set-cookie": true, "set-cookie2": true, "clear-site-data": true, "strict-transport-security": true, "alt-svc": true,
	"nel": true, "report-to": true, "refresh": true, "date": true, "content-length": true, "content-encoding": true,
}

// passedHeader returns the fields of the head that a client gets, without the gateway's key.
func (o *response) passedHeader() http.Header {
	out := http.Header{}
	connection := strings.ToLower(strings.Join(o.head.Header["Connection"], ","))
	for name, values := range o.head.Header {
		lower := strings.ToLower(name)
		switch {
		case notPassed[lower], strings.HasPrefix(lower, "access-control-"), strings.HasPrefix(lower, "x-penstock-"), lists(connection, lower):
		case lower == "x-request-id":
			out["X-Upstream-Request-Id"] = o.secrets.Values(values)
		case lower == "location" && !strings.HasPrefix(values[0], "/"), lower == "location" && strings.HasPrefix(values[0], "//"): // the server's address
		default:
			out[name] = o.secrets.Values(values)
		}
	}
	if o.head.ContentLength >= 0 && !o.isEmpty() {
		out.Set("Content-Length", strconv.FormatInt(o.head.ContentLength, 10))
	}
	out.Set("X-Content-Type-Options", "nosniff") // no page must be made of what the server sends
	out.Set(headerUpstream, o.server.Name)
	return out
}

// lists reports whether a list of tokens has one.
func lists(list, token string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == token {
			return true
		}
	}
	return false
}
