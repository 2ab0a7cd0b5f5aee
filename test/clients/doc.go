// Package clients tests Penstock with the clients that people use: OpenAI's packages for Python,
// JavaScript and Go, Vercel's AI SDK and langchain-openai. Each has a short program that prints
// what its user observes, one JSON line for each check. The tests, behind the build tag e2e,
// compare these lines with one table. `make e2e` installs the clients, in versions pinned here, and
// runs everything.
//
// The models behind Penstock are the local SmolLM2 and an upstream that responds in a different way
// for each model name (upstream_test.go). A check is named after what the client does and the model
// it requests: "stream cut" streams from the upstream that cuts the connection.
//
// The package eventsource is another sort of client: its connections are cut at any byte, and the
// text that it receives is compared with the model's (eventsource_test.go).
//
// The tests observe only what clients can.
package clients
