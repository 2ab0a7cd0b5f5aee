// Package server runs the penstock command for tests and measurements, and is an HTTP client for
// it. The command runs as its users run it: in the project's folder, with a configuration file, on
// a port that the kernel chooses, stopped by a signal.
//
//	func TestMain(m *testing.M) { server.Main(m) }
//
//	func TestChat(t *testing.T) {
//		p := server.Start(t, server.Options{Config: "models: […]"})
//		c := p.Client()
//		events := c.Open("POST", "/v1/models/smollm2/stream", `{"prompt":"Hello"}`).Rest()
//	}
//
// The command is built once for each test process, when a test first starts it without naming a
// binary of its own. A Client may also be used with a server that runs inside the test's process.
//
// The package never sleeps to wait for the command: it reads what the command prints. Where a test
// has to know what another process is doing, and the process does not report it, Client.WaitMetric
// polls /metrics.
package server
