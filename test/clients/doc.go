// Package e2e drives a started penstock with the clients people use: OpenAI's packages for
// Python, JavaScript and Go, Vercel's AI SDK and langchain-openai, each in a short program
// of its own that prints what its user sees, one JSON line for each check. The tests, behind
// the build tag e2e, hold those lines to one table. `make e2e` installs the clients, in
// versions pinned here, and runs everything.
//
// The models behind Penstock are the local SmolLM2 and a server that answers as the test
// wants, one way for each model name (scenes_test.go). A check is named after what the
// client does and the model it asks: "stream cut" streams from the server that breaks off.
//
// The package eventsource is a client of another sort: its connections are cut at any byte,
// and what it hears is held to what was told (eventsource_test.go).
//
// Nothing here looks into Penstock: what a client cannot see is other tests' business.
package e2e
