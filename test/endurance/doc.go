// Package endurance holds the tests of what streams survive on TCP: a thousand readers, readers
// that are slow, stuck or dead, and the server's own shutdown.
//
// They go through the real gateway and the kernel's real buffers. The model is test/testmodel,
// whose text is known to the byte, and for the shutdown the binary itself with an upstream that the
// test controls. A stream is right if its text is exactly the model's and its terminal event the
// right one.
//
// Connections that are cut at any byte are tested with real clients: the package eventsource in
// test/clients, Chromium in web. All of it for ten minutes and longer, at random: test/soak. The
// package ships nothing, and no other package imports it.
package endurance
