package gateway

import (
	"encoding/json"
	"fmt"

	"github.com/gin-gonic/gin"

	"penstock/dialect"
	"penstock/engine"
)

// wholeStream is a stream read to its end for a client that wants one answer.
type wholeStream struct {
	stream *engine.Stream
	c      *gin.Context
	end    engine.End
	err    error
}

// chunks yields the chunks' bytes; err and end tell afterwards how it went.
func (w *wholeStream) chunks(yield func([]byte) bool) {
	for ev, err := range w.stream.Follow(w.c.Request.Context(), 0, 0) {
		switch {
		case err != nil:
			w.err = err
			return
		case ev.Kind == engine.EventFailed:
			w.err = ev.Err
			return
		case ev.Kind == engine.EventDone:
			w.end = ev.End
			return
		case ev.Kind == engine.EventChunk:
			if !yield(ev.Data) {
				return
			}
		}
	}
}

func (w *wholeStream) usage() *dialect.Usage {
	u := w.end.Usage()
	return &dialect.Usage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.PromptTokens + u.CompletionTokens}
}

// wrong tells what went wrong, the stream's failure before what could not be made of it.
func (w *wholeStream) wrong(err error) error {
	if w.err != nil {
		return w.err
	}
	if err != nil {
		return fmt.Errorf("gather the chunks of model %q: %w", w.stream.Model(), err)
	}
	return nil
}

func (w *wholeStream) chat() (any, error) {
	answer, err := dialect.GatherChat(w.chunks)
	if err := w.wrong(err); err != nil {
		return nil, err
	}
	if answer.Usage == nil {
		answer.Usage = w.usage()
	}
	return answer, nil
}

func (w *wholeStream) completion() (any, error) {
	answer, err := dialect.GatherCompletion(w.chunks)
	if err := w.wrong(err); err != nil {
		return nil, err
	}
	if answer.Usage == nil {
		answer.Usage = w.usage()
	}
	return answer, nil
}

// response is the object that the last event of /v1/responses holds.
func (w *wholeStream) response() (any, error) {
	var last []byte
	for data := range w.chunks {
		last = data
	}
	var event struct {
		Response json.RawMessage `json:"response"`
	}
	err := w.wrong(nil)
	if err == nil {
		err = w.wrong(json.Unmarshal(last, &event))
	}
	return event.Response, err
}
