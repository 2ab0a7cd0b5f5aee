// Package endurance holds the tests of what streams are to survive on TCP: a thousand readers, readers that are slow, stuck
// or dead, and the server's own end.
//
// They go through the real gateway and the kernel's real buffers. What writes is internal/teller, whose text is known to the
// byte, and for the drain the binary itself with an upstream that the test holds. A stream's text counts as right if it is
// the very text that was told, and its end the right one.
//
// Connections cut at any byte are tried with real clients, where these are: the package eventsource in e2e, Chromium in
// web. All of it for ten minutes and longer, by chance: bench/soak. The package ships nothing, and no other room imports it.
package endurance
