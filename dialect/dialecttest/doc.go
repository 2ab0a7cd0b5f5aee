// Package dialecttest tests codecs: Conform checks what a gateway relies on, for any codec.
//
//	func TestMyCodec(t *testing.T) {
//		dialecttest.Conform(t, mydialect.New(), []byte(`{"model": "m"}`))
//	}
//
// Toy returns a codec for tests of servers: a whole dialect in one file, which uses the exported
// names of package dialect only. It is no protocol that any client uses.
package dialecttest
