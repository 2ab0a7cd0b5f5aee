package gateway

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"penstock/apierr"
	"penstock/engine"
)

// leaseAfterRetry is how much longer than its retry time an EventSource is waited for.
const leaseAfterRetry = 5 * time.Second

// createStream answers POST /v1/streams: it starts a stream of its own, which runs without readers.
func (g *Gateway) createStream(c *gin.Context) error {
	body, err := g.readUnrouted(c)
	if err != nil {
		return err
	}
	var request struct {
		Model string         `json:"model"`
		Input jsontext.Value `json:"input"`
	}
	if err := json.Unmarshal(body, &request, json.RejectUnknownMembers(true)); err != nil {
		return &apierr.Error{Code: apierr.CodeInvalidJSON, Message: `the body must be {"model": "…", "input": {…}}, with no other name and none twice`, Cause: err}
	}
	if request.Model == "" || len(request.Input) == 0 {
		return apierr.InvalidInput("missing_field", `"model" and "input" are both needed`)
	}
	m, err := g.model(c, request.Model)
	if err != nil {
		return err
	}
	v, ok := m.Verb(verbStream)
	if !ok {
		return noVerb(m, verbStream)
	}
	call, err := v.Admit(engine.Caller{})
	if err != nil {
		return err
	}
	defer call.Close()
	s, err := call.Start(c.Request.Context(), engine.Input{ContentType: "application/json", Body: []byte(request.Input)}, g.detached())
	if err != nil {
		return err
	}
	c.Header("Location", streamURL(s))
	err = g.answer(c, http.StatusCreated, struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	}{s.ID(), streamURL(s)})
	if err != nil { // nobody else knows that there is a stream
		s.Cancel()
	}
	return err
}

func streamURL(s *engine.Stream) string { return "/v1/streams/" + s.ID() }

// detached is how streams live whose url is handed out.
func (g *Gateway) detached() engine.StreamOptions {
	return engine.StreamOptions{Buffer: g.Buffer, Lease: g.Window, Detached: true}
}

// readStream answers GET /v1/streams/{id}: from the start, or from after the reader's last event.
func (g *Gateway) readStream(c *gin.Context) error {
	setRoute(c, "/v1/streams/{id}")
	s, err := g.Engine.Stream(c.Param("id"))
	if err != nil {
		return err
	}
	c.Set(keyModel, s.Model())
	id, from, err := lastEventID(c.Request)
	if err != nil {
		return err
	}
	if from.again && id != s.ID() {
		return badEventID()
	}
	switch s.Verb() {
	case verbChat:
		return g.relay(c, s, chatRoute(), from, nil)
	case verbComplete:
		return g.relay(c, s, completionRoute(), from, nil)
	case verbResponses:
		return g.relay(c, s, responsesRoute(), from, nil)
	default:
		return g.follow(c, s, from)
	}
}

// deleteStream answers DELETE /v1/streams/{id}: nobody wants it any more.
func (g *Gateway) deleteStream(c *gin.Context) error {
	setRoute(c, "/v1/streams/{id}")
	s, err := g.Engine.Stream(c.Param("id"))
	if err != nil {
		return err
	}
	s.Cancel()
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// resumeModelStream goes on with a stream that GET …/stream began. It never starts a second one.
func (g *Gateway) resumeModelStream(c *gin.Context, m *engine.Model, id string, from place) error {
	s, err := g.Engine.Stream(id)
	if err != nil {
		return err
	}
	if s.Model() != m.Name() || s.Verb() != verbStream {
		return badEventID()
	}
	return g.follow(c, s, from)
}

// place is where in a stream a connection begins.
type place struct {
	after int64 // the number of the last event its reader has had; 0: none
	again bool  // the reader has been here before: what it is told now are events, not statuses
}

// lastEventID reads where a reader wants to go on: the header a browser sends, else the query's last_event_id.
func lastEventID(r *http.Request) (id string, from place, err error) {
	value := r.Header.Get("Last-Event-ID")
	if value == "" {
		value = r.URL.Query().Get("last_event_id")
	}
	if value == "" {
		return "", place{}, nil
	}
	id, after, err := parseEventID(value)
	return id, place{after: after, again: true}, err
}

// parseEventID takes an event's id apart: 32 hexadecimal digits, a dash, and a number without sign or leading zeros.
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

// nothingLeft answers a reader that has had the stream's last event: 204 stops an EventSource for good.
func nothingLeft(c *gin.Context, err error) bool {
	if !errors.Is(err, engine.ErrOver) {
		return false
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return true
}
