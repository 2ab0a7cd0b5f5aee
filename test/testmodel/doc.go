// Package testmodel is a penstock inside the test's process, served over TCP, and a model whose
// output is known to the byte. Engine and gateway are the real ones. The model stands in for real
// ones where a test needs many streams, exact timing or a known text: it generates as many words as
// a Task says, as fast and with the end that the Task says.
//
//	s, err := testmodel.Start(ctx, testmodel.Options{Permits: 100})
//	response, err := http.Get(s.URL + "/v1/models/testmodel/stream?words=20&pause=5ms")
//	transcript := testmodel.Transcript{Task: testmodel.Task{Words: 20, Pause: "5ms"}}
//	_, err = testmodel.Events(response.Body, …transcript.Add…)
//	err = s.Close()
//
// All uses of the engine's and the gateway's Go APIs by the tests under test/ are here. The package
// is for tests and measurements only.
package testmodel
