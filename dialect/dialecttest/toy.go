package dialecttest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"penstock/apierr"
	"penstock/dialect"
	"penstock/sse"
)

// ToyName is the name of Toy's dialect.
const ToyName dialect.Name = "test.toy"

// Toy returns the codec of a dialect of lines. A request is
//
//	model NAME
//	message TEXT
//
// with "message" as often as the conversation has messages, and, if the response is to be a stream,
// a line "stream". An event is a line, say "TEXT" quoted as in Go; the last one is named "end", or
// "failure" if the stream failed. A whole response is the lines of such a stream.
func Toy() dialect.Codec { return toy{} }

type toy struct{}

// Name implements dialect.Codec.
func (toy) Name() dialect.Name { return ToyName }

// Decode implements dialect.Codec.
func (toy) Decode(in dialect.Input) (*dialect.Request, error) {
	c := dialect.Call{Dialect: ToyName, Body: in.Body, MediaType: in.MediaType}
	stream := false
	p := &dialect.Parameters{N: 1, Names: dialect.ParameterNames{Input: "message"}}
	for line := range strings.Lines(string(in.Body)) {
		verb, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch verb {
		case "model":
			c.Model = text
		case "stream":
			stream = true
		case "message":
			p.Messages = append(p.Messages, dialect.Message{Role: "user", Content: dialect.Text(text)})
		default:
			return nil, dialect.InvalidValue(verb, "a line starts with model, message or stream.")
		}
	}
	return dialect.NewRequest(c, stream, 1, func() (*dialect.Parameters, error) {
		if len(p.Messages) == 0 {
			return nil, dialect.InvalidValue("message", "there is none.")
		}
		return p, nil
	}), nil
}

// Stream implements dialect.Codec.
func (toy) Stream(*dialect.Request) dialect.Encoder { return toyEncoder{} }

type toyEncoder struct{}

// Encode implements dialect.Encoder.
func (toyEncoder) Encode(into []sse.Event, deltas []dialect.Delta) ([]sse.Event, error) {
	for i := range deltas {
		switch d := &deltas[i]; {
		case d.Dialect == ToyName:
			into = append(append(into, d.Event), d.More...)
		case d.Text != "":
			into = append(into, say(d.Text))
		}
	}
	return into, nil
}

// End implements dialect.Encoder.
func (toyEncoder) End(into []sse.Event, end dialect.End) ([]sse.Event, error) {
	return append(into, named("end", end.Reason)), nil
}

// Fail implements dialect.Encoder.
func (toyEncoder) Fail(err *apierr.Error) sse.Event { return named("failure", err.Message) }

func say(text string) sse.Event { return sse.Event{Data: []byte("say " + strconv.Quote(text))} }

func named(name, text string) sse.Event {
	return sse.Event{Name: sse.MustName(name), Data: []byte(strconv.Quote(text))}
}

// Ends implements dialect.Codec.
func (toy) Ends(e sse.Event) bool { return e.Name.String() == "end" || e.Name.String() == "failure" }

// Notice implements dialect.Codec.
func (toy) Notice(n dialect.Notice) (sse.Event, bool) {
	return named("wait", strconv.Itoa(n.Position)), n.Position > 0
}

// Whole implements dialect.Codec.
func (toy) Whole(*dialect.Request) dialect.Gatherer { return &toyGatherer{} }

type toyGatherer struct{ lines strings.Builder }

// Add implements dialect.Gatherer.
func (g *toyGatherer) Add(deltas ...dialect.Delta) error {
	events, err := toyEncoder{}.Encode(nil, deltas)
	for _, e := range events {
		fmt.Fprintf(&g.lines, "%s\n", e.Data)
	}
	return err
}

// Whole implements dialect.Gatherer.
func (g *toyGatherer) Whole(end dialect.End) ([]byte, error) {
	return fmt.Appendf(nil, "%send %q\n", g.lines.String(), end.Reason), nil
}

// Error implements dialect.Codec.
func (toy) Error(err error, requestID string) dialect.ErrorResponse {
	if a, ok := errors.AsType[*dialect.UpstreamAnswer](err); ok {
		return dialect.ErrorResponse{Status: a.Status, Header: a.Header, Body: a.Body}
	}
	e := dialect.ErrorOf(err)
	r := dialect.NewErrorResponse(e, nil)
	http.Header(r.Header).Set("Content-Type", "text/plain; charset=utf-8")
	r.Body = fmt.Appendf(nil, "failure %q %q\n", e.Message, requestID)
	return r
}
