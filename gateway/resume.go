package gateway

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/engine"
	"penstock/stream"
	"penstock/strictjson"
)

// leaseAfterRetry is how much longer than its retry time an EventSource is waited for.
const leaseAfterRetry = 5 * time.Second

// createStream serves POST /v1/streams: it starts a detached stream, which runs without readers.
func (g *Gateway) createStream(c *gin.Context) error {
	body, err := g.readBody(c)
	if err != nil {
		return err
	}
	var request struct {
		Model string         `json:"model"`
		Input jsontext.Value `json:"input"`
	}
	if err := strictjson.Decode(body, &request); err != nil {
		refused := &apierr.Error{Code: apierr.CodeInvalidJSON, Cause: err}
		refused.Message = `the body must be {"model": "…", "input": {…}}, with no other name and none twice`
		if e, ok := errors.AsType[*strictjson.Error](err); ok && e.Kind == strictjson.DuplicateMember {
			refused.Param = e.Path.String()
			refused.Message += ": " + e.Error()
		}
		return refused
	}
	if request.Model == "" || len(request.Input) == 0 {
		return apierr.InvalidInput("missing_field", `"model" and "input" are both needed`)
	}
	m, err := g.model(c, request.Model)
	if err != nil {
		return err
	}
	v, ok := g.nativeVerb(m)
	if !ok {
		return noVerb(m, verbStream)
	}
	v.name = request.Model
	in := engine.Input{MediaType: mediaJSON, Body: []byte(request.Input), Header: g.clientHeader(c)}
	call, err := g.admit(c, v.verb.Admit, v.work(in, true))
	if err != nil {
		return err
	}
	defer call.Close()
	g.keepBody(c, call)
	o := g.detached(v.codec)
	o.Owner, o.Model = ownerOf(c), v.name
	s, err := v.start(c.Request.Context(), c.Writer.Header(), call, in, o)
	if err := started(c, s, err); err != nil {
		return err
	}
	c.Header("Location", streamURL(s))
	err = g.writeJSON(c, http.StatusCreated, struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	}{s.ID(), streamURL(s)})
	if err != nil { // no client knows that there is a stream
		s.Cancel(stream.ErrNoReader)
	}
	return err
}

func streamURL(s *stream.Stream) string { return "/v1/streams/" + s.ID() }

// readStream serves GET /v1/streams/{id}: from the start, or from after the reader's last event.
func (g *Gateway) readStream(c *gin.Context) error {
	setRoute(c, "/v1/streams/{id}")
	s, err := g.openStream(c, c.Param("id"))
	if err != nil {
		return err
	}
	c.Set(keyModel, s.Info().Model)
	id, from, err := lastEventID(c.Request)
	if err != nil {
		return err
	}
	if from.again && id != s.ID() {
		return badEventID()
	}
	return g.follow(c, s, from, nil)
}

// deleteStream serves DELETE /v1/streams/{id}: the stream is no longer wanted.
func (g *Gateway) deleteStream(c *gin.Context) error {
	setRoute(c, "/v1/streams/{id}")
	s, err := g.openStream(c, c.Param("id"))
	if err != nil {
		return err
	}
	if err := mayDelete(c, s); err != nil {
		return err
	}
	if err := s.Stop(c.Request.Context()); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// resumeModelStream goes on with a stream that GET …/stream began. It never starts a second one.
func (g *Gateway) resumeModelStream(c *gin.Context, m *engine.Model, id string, from position) error {
	s, err := g.openStream(c, id)
	if err != nil {
		return err
	}
	if s.Info().Model != nameOf(c, m) || s.Info().Dialect != string(dialect.Native) {
		return badEventID()
	}
	return g.follow(c, s, from, nil)
}

// queryLastEventID is the parameter that has the position of readers that cannot send the header.
const queryLastEventID = "last_event_id"

// lastEventID returns the position where a reader goes on: by the header that browsers send, else
// by the query's last_event_id.
func lastEventID(r *http.Request) (id string, from position, err error) {
	values := r.Header.Values("Last-Event-ID")
	if len(values) == 0 || values[0] == "" {
		values = r.URL.Query()[queryLastEventID]
	}
	switch {
	case len(values) > 1:
		return "", position{}, badEventID()
	case len(values) == 0 || values[0] == "":
		return "", position{}, nil
	}
	id, after, err := parseEventID(values[0])
	return id, position{after: after, again: true}, err
}

// parseEventID splits an event's id: 32 hexadecimal digits, a dash, and a number without sign or
// leading zeros.
func parseEventID(value string) (id string, seq int64, err error) {
	id, number, ok := strings.Cut(value, "-")
	seq, perr := strconv.ParseInt(number, 10, 64)
	if !ok || perr != nil || seq < 0 || strconv.FormatInt(seq, 10) != number || len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", 0, badEventID()
	}
	return id, seq, nil
}

func badEventID() error {
	return apierr.InvalidInput("bad_last_event_id", "Last-Event-ID is not an event of this stream; send it as it came, or none")
}

// nothingLeft responds to a reader that has had the stream's last event: 204 stops an EventSource
// for good.
func nothingLeft(c *gin.Context, err error) bool {
	if !errors.Is(err, stream.ErrEnded) {
		return false
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return true
}
