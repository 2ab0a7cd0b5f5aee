// Package upstream makes a model of any OpenAI-compatible server: requests go there
// with the client's own bytes, and what comes back is handed on byte for byte.
//
//	m, err := upstream.Add(e, upstream.Config{
//		Name:    "gpt",
//		Servers: []upstream.Server{{Name: "openai", BaseURL: "https://api.openai.com/v1", APIKey: key, Model: "gpt-4o-mini"}},
//		Timeouts: upstream.Timeouts{Connect: 5 * time.Second, FirstToken: 30 * time.Second, BetweenTokens: 30 * time.Second, Whole: 5 * time.Minute},
//		Gate:    engine.GateConfig{Permits: 64, Queue: 100, Timeout: 30 * time.Second},
//	})
//
// The model has the verbs "chat", "complete" and "responses", generators whose chunks
// are the data of the server's events; "chat_whole", "complete_whole",
// "responses_whole" and "embed", predictors that copy one whole answer into
// engine.Input.Answer; and "stream", the native generator, whose chunks are {"text":…}.
//
// Until something has been handed on, a request goes to the next server when one
// fails (walk.go says when and how often); afterwards only if Config.Match is set and the
// next answer repeats what the client already has (match.go). A generation is complete
// only when the server has said so (relay.go); everything else is a failure with one of
// the codes upstream_error, upstream_cut, upstream_timeout and upstream_unauthorized. A
// server's own rejection of a request is a *dialect.UpstreamAnswer in the error's cause.
//
// The package never looks into what it need not understand, never shows a client an
// address or a key, and keeps nothing of a request after its end.
package upstream
