// Package acceptance holds the tests by which Penstock is judged from outside: what its users were promised, shown
// through real HTTP.
//
// Most tests start the binary that users run, built anew, with a configuration file of their own, real models and real
// ONNX Runtime, and see of it only what HTTP, signals and exit statuses show: where a test has to know what waits or
// runs, it reads /metrics. What must be stopped at an exact place (between two tokens, under a permit) is assembled in
// the test's own process instead, and still spoken to over TCP. Tests wait for events and for each other, never for time.
//
// Pictures may be tried beside those in the repository: PENSTOCK_TEST_PHOTOS names their folder.
//
// The package ships nothing, and no other room imports it.
package acceptance
