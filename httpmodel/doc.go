// Package httpmodel makes a model of HTTP servers, in whatever language they are written: a server
// of one's own that predicts, or that generates a stream, behind the engine's gate, queue, streams
// and metrics.
//
// Each step of the model is an Endpoint, which is sent bytes of any media type and responds with
// some. Predict gives a whole result; Stream generates: server-sent events, lines of JSON or text,
// of which each is a chunk. Preprocess runs before either, and Postprocess after Predict, outside
// the gate. An endpoint of several URLs uses the next when one fails.
//
//	model, err := httpmodel.Add(e, httpmodel.Config{Name: "cats", Predict: endpoint, …})
//
// A response is complete only if HTTP shows it, by a length or by chunks, or if its own form does:
// a stream of events by its last event, a result without a length by being one JSON value. What may
// have been cut is a failure.
//
// The package never looks into what goes in and what comes out of Predict, never follows a
// redirection, and sends a request again only while nothing of a response has been passed on.
package httpmodel
