package dialect

// OpenAIRemote returns how a request is sent to a server that has OpenAI's API. In a dialect of
// that API it is sent as it is, and the response comes back as it is: as events, or, unless it is
// streamed, through the request's Passthrough. Any other request, and one that wants typed values,
// is translated to a streamed /chat/completions, and its deltas have typed values.
func OpenAIRemote(r *Request) Remote {
	if !r.Typed && (r.Stream || r.Passthrough != nil) {
		switch r.Dialect {
		case Chat:
			return untranslated{Chat, "/chat/completions"}
		case Completions:
			return untranslated{Completions, "/completions"}
		case Responses:
			return untranslated{Responses, "/responses"}
		default:
		}
	}
	return translated{}
}

// untranslated is the Remote of requests that are in a dialect of OpenAI's API.
type untranslated struct {
	name Name
	path string
}

// Name implements Remote.
func (u untranslated) Name() Name { return u.name }

// Path implements Remote.
func (u untranslated) Path() string { return u.path }

// Body implements Remote.
func (u untranslated) Body(r *Request) (Body, error) {
	b, err := r.OwnBody()
	b.asks = u.name != Responses && r.Stream && b.asks // /v1/responses always reports its usage
	return b, err
}

// Reader implements Remote.
func (u untranslated) Reader(r *Request, asked bool) Reader {
	if u.name == Responses {
		return &responsesReader{}
	}
	c := newChunkReader(u.name, r, false)
	c.asked = asked
	return c
}
