// Package sse writes and reads Server-Sent Events (WHATWG HTML, section 9.2).
//
// Event names and ids are types that cannot hold a line end, so whatever a model, a server or a
// store returns, an event that can be built is one event on the wire, and no data can forge
// another. Data may hold any bytes: Append writes a data field for each of its lines.
//
//	name, err := sse.ParseName("done")
//	buf = sse.Event{Name: name, Data: data}.Append(buf, id)
//
// A Reader parses the events of a server, which may be careless: it is bounded and allocates
// nothing per event.
//
// The package knows no HTTP and no model protocol, and never buffers what it writes.
package sse
