// Package teller is a penstock on TCP whose one model, "teller", tells as many words as it is asked for, as fast or slowly
// as it is asked to, and ends as it is asked to. What it will say is known beforehand (Text), down to the byte.
//
//	h, err := teller.Start(ctx, teller.Options{Permits: 100})
//	response, err := http.Get(h.URL + "/v1/models/teller/stream?words=20&pause=5ms")
//	… teller.Text(20) …
//	err = h.Close()
//
// Engine and gateway are the real ones; the model stands in for those that write, where many streams, exact timing or a
// known text are needed, which no real model has on a small machine. It is for tests and measurements only.
package teller
