// Package strictjson decodes JSON that clients send, strictly, and reports what is wrong with it in
// a form that callers can turn into an error of their own protocol.
//
//	var request struct {
//		Model string `json:"model"`
//	}
//	err := strictjson.Decode(body, &request)
//	if e, ok := errors.AsType[*strictjson.Error](err); ok && e.Kind == strictjson.UnknownMember {
//		fmt.Printf("there is no %q; there are %v", e.Path.Last(), e.Known)
//	}
//
// Strict means: the data is exactly one JSON value in UTF-8, no object names a member twice, and
// every member of an object has a field in the Go type it is decoded into. A null leaves its field
// at the zero value, as if the member were absent.
//
// An Error has a Kind, the Path of the value at fault, and what its kind calls for: the byte offset
// of a syntax error, the names that are known where an unknown member is, the type that was wanted
// and the type that was found. It holds no text written for clients: which words and which codes an
// error has is the caller's protocol's business.
//
// A type that takes values of several types has an UnmarshalJSON method that calls Decode for each,
// and Mismatch for all others. The paths of such nested errors are joined.
//
// The package encodes nothing, and it never decodes leniently.
package strictjson
