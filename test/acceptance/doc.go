// Package acceptance holds the tests that judge Penstock from outside: what its users were
// promised, shown over real HTTP.
//
// Most tests start the binary that users run, built for them, with a configuration file of their
// own, real models and the real ONNX Runtime, and observe only HTTP, signals and exit statuses:
// where a test has to know what waits or runs, it reads /metrics. A test that has to stop Penstock
// at an exact point (between two tokens, under a permit) runs it in its own process instead, and
// still connects over TCP. Tests wait for events and for each other, never for time.
//
// More photos than the repository's can be tested: PENSTOCK_TEST_PHOTOS names their folder.
//
// The package ships nothing, and no other package imports it.
package acceptance
