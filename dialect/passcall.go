package dialect

import (
	"bytes"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"penstock/strictjson"
)

// PassCall is a request of a route that is passed through to an OpenAI-compatible server: all of it
// stays as it is, but for the model's name.
type PassCall struct {
	Call
	Method   string
	Path     string      // below /v1, as PassPath returns it
	RawQuery string      // as the client wrote it
	Fields   http.Header // of the request's head that concern the content: Accept, Range, …

	inQuery, inBody modelName
	isJSON          bool // Body is a JSON object
}

// modelName is where a request has the model's name: bytes from start up to, not including, end.
type modelName struct {
	found      bool
	start, end int
	value      string
	quote      func(name string) string // as it is written there
}

// ReadPass finds the model's name in the query and the body of a call, and sets Model: to "" if
// there is none, or an empty one. A request that servers could read differently is refused: one
// that has two names, or a form that is malformed. Its error is an *Error.
func (c *PassCall) ReadPass() error {
	var err error
	if c.inQuery, err = inForm(c.RawQuery); err != nil {
		return err
	}
	if c.inBody, err = c.findInBody(); err != nil {
		return err
	}
	if c.inQuery.found && c.inBody.found && c.inQuery.value != c.inBody.value {
		return badRequest("model", codeInvalidValue, "The query names the model '%s', and the body '%s'. Name one.", c.inQuery.value, c.inBody.value)
	}
	c.Model = c.inBody.value
	if c.inQuery.found {
		c.Model = c.inQuery.value
	}
	return nil
}

const (
	mediaForm      = "multipart/form-data"
	mediaURLForm   = "application/x-www-form-urlencoded"
	mediaPlainJSON = "application/json"
)

// findInBody finds the model's name by what the body is labeled as. An object without a label, or
// with a wrong one, is JSON too: some servers do not look at labels.
func (c *PassCall) findInBody() (modelName, error) {
	if len(c.Body) == 0 {
		return modelName{}, nil
	}
	media, parameters, err := mime.ParseMediaType(c.MediaType)
	if err != nil && c.MediaType != "" {
		return modelName{}, badRequest("", codeInvalidValue, "The Content-Type of the request is malformed.")
	}
	switch {
	case strings.HasPrefix(media, "multipart/"):
		// Some servers read other types as forms too, and boundary* is the boundary to some.
		if media != mediaForm || strings.Contains(c.MediaType, "*") {
			return modelName{}, badRequest("", codeInvalidValue, "The Content-Type of a form must be %s, with a plain boundary.", mediaForm)
		}
		return inMultipart(c.Body, parameters["boundary"])
	case beginsObject(c.Body) || media == "" || media == mediaPlainJSON || strings.HasSuffix(media, "+json"):
		name, err := inJSON(c.Body)
		c.isJSON = err == nil
		if media != mediaURLForm || err != nil {
			return name, err
		}
		if form, err := inForm(string(c.Body)); err != nil || form.found { // it is both
			return form, badRequest("", codeInvalidValue, "The body of the request is JSON, and its Content-Type is that of a form.")
		}
		return name, nil
	case media == mediaURLForm:
		return inForm(string(c.Body))
	}
	return modelName{}, nil
}

// beginsObject reports whether a server could read a body as an object, in any encoding of Unicode.
func beginsObject(body []byte) bool {
	zeros := 0
	for i, b := range body {
		switch {
		case b == '{':
			return true
		case b == 0 && zeros < 3: // of a wide character
			zeros++
		case b == ' ', b == '\t', b == '\r', b == '\n', i < 4 && bytes.IndexByte([]byte("\xef\xbb\xbf\xff\xfe"), b) >= 0: // a mark
			zeros = 0
		default:
			return false
		}
	}
	return false
}

// inJSON finds the member "model" of the object that a body must be.
func inJSON(body []byte) (name modelName, err error) {
	if strictjson.CountMembers(body) != nil {
		return name, tooManyValues()
	}
	err = members(body, func(member string, value jsontext.Value, end int64) error {
		switch {
		case member == "model":
			name = modelName{found: true, start: int(end) - len(value), end: int(end), quote: quoteJSON}
			return peek(member, value, '"', &name.value)
		case strings.EqualFold(member, "model"):
			return otherCase(member)
		}
		return nil
	})
	return name, err
}

func quoteJSON(name string) string {
	quoted, _ := jsontext.AppendQuote(nil, name) // what is not UTF-8 is replaced
	return string(quoted)
}

// inForm finds the value of the key "model" in a query, or in a form of that encoding.
func inForm(form string) (name modelName, err error) {
	if _, err := url.ParseQuery(form); err != nil {
		return name, badRequest("", codeInvalidValue, "The query or the form of the request is malformed.")
	}
	for at := 0; at <= len(form); {
		pair, _, _ := strings.Cut(form[at:], "&")
		key, value, _ := strings.Cut(pair, "=")
		if k, _ := url.QueryUnescape(key); strings.EqualFold(k, "model") {
			switch {
			case k != "model":
				return name, otherCase(k)
			case name.found:
				return name, twoModels()
			}
			name = modelName{found: true, start: at + min(len(key)+1, len(pair)), end: at + len(pair), quote: url.QueryEscape}
			if len(key) == len(pair) { // it has no value, and no room for one
				name.quote = func(model string) string { return "=" + url.QueryEscape(model) }
			}
			name.value, _ = url.QueryUnescape(value)
		}
		at += len(pair) + 1
	}
	return name, nil
}

// otherCase is the error of a name that some servers read as "model", and others do not.
func otherCase(name string) *Error {
	return badRequest(name, codeUnknown, "Unrecognized request argument supplied: %s. It is 'model'.", name)
}

func twoModels() *Error {
	return badRequest("model", codeInvalidValue, "The request names a model twice. Name one.")
}

// For returns the query and the body, in pieces, for a server whose model has that name. The pieces
// are not to be changed.
func (c *PassCall) For(model string) (query string, body [][]byte) {
	query = c.RawQuery
	if n := c.inQuery; n.found {
		query = query[:n.start] + n.quote(model) + query[n.end:]
	}
	if n := c.inBody; n.found {
		return query, [][]byte{c.Body[:n.start], []byte(n.quote(model)), c.Body[n.end:]}
	}
	return query, [][]byte{c.Body}
}

// Expectation reads what the request may come to, as far as it is JSON: of sounds and pictures
// nothing is known.
func (c *PassCall) Expectation() Expectation {
	if !c.isJSON {
		return Expectation{}
	}
	var e expecting
	s := scanner{data: c.Body}
	for s.enter('{'); s.more('}'); {
		switch name := plainName(s.name()); name {
		case "query", "documents": // of rerank
			e.value(&s, 0)
		default:
			e.member(name, &s)
		}
	}
	if s.bad {
		e.text = len(c.Body)
	}
	return Expectation{PromptTokens: EstimateTokens(e.text), MaxTokens: min(e.limit, maxExpected)}
}
