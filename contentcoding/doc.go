// Package contentcoding undoes the content codings of HTTP bodies (RFC 9110, 8.4): gzip, deflate,
// br and zstd, also one within the other.
//
//	codings, err := contentcoding.Parse(header["Content-Encoding"])
//	r, err := codings.NewReader(body, limit)
//	defer r.Close()
//	decoded, err := io.ReadAll(r)
//
// A small body may become a large one, so a reader has a limit, and what decoders take is known
// before they are made. It starts no goroutines. What is not whole, or is followed by more, is an
// error.
//
// The package encodes nothing, and does not read or change a header itself.
package contentcoding
