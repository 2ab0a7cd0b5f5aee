// Package openinference holds the Open Inference Protocol's messages (version 2, as KServe and Triton speak it) as Go
// types: a model's metadata, and requests and responses of named tensors, with their numbers as JSON or, by the protocol's
// binary extension, as bytes behind the JSON.
//
//	request, err := openinference.ParseRequest(contentType, body) // err is an *Error, made for the caller
//	contentType, body, err := response.Encode()
//
// A binary message has the length of its JSON part in a header of its own. Here it travels as a parameter of the media
// type, so that bytes and media type are all there is of a message: MediaType and HeaderLength go to and fro.
//
// Numbers are float32 (FP32) or int64 (INT64; INT32 is read as well): what models of pictures and texts take. The package
// knows no HTTP handlers and no models.
package openinference
