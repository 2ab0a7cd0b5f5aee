// Package clients tests Penstock with the clients that people use: OpenAI's packages for Python,
// JavaScript and Go, of Python and Go the newest and one of long ago, Vercel's AI SDK, LangChain,
// pydantic-ai, OpenAI's Agents SDK and instructor. Each has a short program that prints what its
// user observes, one JSON line for each check. The tests, behind the build tag e2e, compare these
// lines with one table. `make e2e` installs the clients, in versions pinned here, and runs
// everything. Package test/field does so with larger programs.
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
