// Package outbound sends HTTP requests to the servers that models are made of.
//
// A Server is one such server: its transport, and the headers, the query, the certificates and the
// proxy that its Config gives it.
//
//	s, err := outbound.New("https://example.com/v1", outbound.Config{
//		Headers: map[string]string{"X-Api-Key": key}, Connect: 5 * time.Second, Keep: 64,
//	})
//	request.Header = outbound.Forward(client, outbound.DefaultForward())
//	s.Apply(request)
//	response, err := s.RoundTrip(request)
//
// Secrets removes the values of those headers and of that query from what a server has sent, before
// clients and the log get it.
//
// The package follows no redirections, tries nothing again but a request that a server has not
// read, keeps no cookies, and knows no dialects.
package outbound
