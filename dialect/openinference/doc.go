// Package openinference holds the Open Inference Protocol's messages (version 2, that of KServe and
// Triton) as Go types: a model's metadata, and requests and responses of named tensors, with their
// numbers as JSON or, by the protocol's binary extension, as bytes behind the JSON.
//
//	request, err := openinference.ParseRequest(contentType, body) // *Error
//	contentType, body, err := response.Encode()
//
// A binary message has the length of its JSON part in a header of its own. Here it travels as a
// parameter of the media type, so that a message is its bytes and its media type: MediaType and
// HeaderLength convert between the two.
//
// Numbers are float32 (FP32) or int64 (INT64; INT32 is read as well): the types of models of images
// and texts. The package has no HTTP handlers and no models.
package openinference
