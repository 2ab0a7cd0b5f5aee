package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"penstock/engine"
)

const (
	// wholeFirst is how much of an answer is read before its head is handed on. Most
	// answers are shorter, and so can be seen to be complete and sound while another
	// server may still be asked.
	wholeFirst = 64 << 10
	wholePiece = 32 << 10
)

// whole answers a question with one whole answer, copied to where the question wants
// it; if it says nothing of that, the answer is the Output.
func (m *model) whole(ctx context.Context, e *endpoint, q question) (engine.Output, error) {
	var kept *keeper
	if q.answer == nil {
		kept = &keeper{}
		q.answer = kept
	}
	w := &walk{model: m, question: q}
	f := w.run(ctx, func(ctx context.Context, s *server) *fault {
		a, f := m.ask(ctx, s, e, q, m.config.Timeouts.Whole, errWhole)
		if f != nil {
			return f
		}
		defer a.close()
		return m.copyWhole(a, s, q.answer)
	})
	if f != nil {
		return engine.Output{}, f.err
	}
	if kept != nil {
		return engine.Output{ContentType: kept.kind, Body: kept.body.Bytes()}, nil
	}
	return engine.Output{}, nil
}

// copyWhole hands on a head and a body. Once the head has been handed on no fault can be
// mended any more.
func (m *model) copyWhole(a *open, s *server, to engine.Answer) *fault {
	a.watch.expect(m.config.Timeouts.BetweenTokens, errBetweenTokens)
	start, err := io.ReadAll(io.LimitReader(a.body, wholeFirst))
	if err != nil {
		return m.brokenBody(a, err)
	}
	complete := len(start) < wholeFirst
	if f := m.sound(a, start, complete); f != nil {
		return f.named(s)
	}
	s.breaker.answered()
	header := handedOn(a.head.Header, a.secret)
	header.Set(headerUpstream, s.Name)
	header.Set("Content-Type", redactText(a.head.Header.Get("Content-Type"), a.secret))
	switch {
	case complete:
		header.Set("Content-Length", strconv.Itoa(len(start)))
	case a.head.ContentLength >= 0:
		header.Set("Content-Length", strconv.FormatInt(a.head.ContentLength, 10))
	}
	to.Head(a.head.StatusCode, header)
	if _, err := to.Write(start); err != nil {
		return canceled(err)
	}
	if complete {
		return nil
	}
	f := m.copyRest(a, start, to)
	if f != nil {
		f.remedy = nothing
	}
	return f
}

// copyRest hands on what comes behind the start.
func (m *model) copyRest(a *open, start []byte, to io.Writer) *fault {
	var value nesting
	unframed := a.unframed() && a.isJSON()
	if unframed {
		value.follow(start)
	}
	buf := make([]byte, wholePiece)
	for {
		n, err := a.body.Read(buf)
		a.watch.touch()
		if unframed {
			value.follow(buf[:n])
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return canceled(err)
		}
		if err == io.EOF { //nolint:errorlint // io.EOF itself is a clean end
			if !value.closed() {
				return cut(errors.New("the connection ended in the middle of a whole answer"))
			}
			return nil
		}
		if err != nil {
			return m.brokenBody(a, err)
		}
	}
}

// unframed tells whether nothing but the end of the connection ends the body.
func (o *open) unframed() bool {
	return o.head.ProtoMajor == 1 && o.head.ContentLength < 0 && len(o.head.TransferEncoding) == 0
}

// isJSON tells whether the answer says that it is, or does not say what it is.
func (o *open) isJSON() bool {
	kind, _, _ := mime.ParseMediaType(o.head.Header.Get("Content-Type"))
	return kind == "application/json" || kind == ""
}

func (m *model) brokenBody(a *open, err error) *fault {
	if cause := context.Cause(a.ctx); cause != nil {
		return unanswered(a.ctx, cause, m.config.Timeouts)
	}
	return cut(fmt.Errorf("read a whole answer: %w", err))
}

// sound looks whether an answer is one: JSON, and no error that thinks itself a success.
// Of long ones only the type is looked at.
func (m *model) sound(a *open, start []byte, complete bool) *fault {
	kind, _, _ := mime.ParseMediaType(a.head.Header.Get("Content-Type"))
	if kind == "text/html" {
		return broken("a page of HTML in place of JSON")
	}
	if !a.isJSON() || !complete {
		return nil
	}
	var e envelope
	if err := json.Unmarshal(start, &e); err != nil {
		return broken("an answer that is no JSON: %w", err)
	}
	if e.reports() {
		return reported(start, a)
	}
	return nil
}

// maxKept bounds an answer that is kept for a caller without an Answer.
const maxKept = 64 << 20

var errTooLarge = errors.New("the answer is too large to be kept")

// keeper is the engine.Answer of callers who have none.
type keeper struct {
	kind string
	body bytes.Buffer
}

func (k *keeper) Head(_ int, header map[string][]string) {
	k.kind = http.Header(header).Get("Content-Type")
}

func (k *keeper) Write(p []byte) (int, error) {
	if k.body.Len()+len(p) > maxKept {
		return 0, errTooLarge
	}
	return k.body.Write(p)
}
