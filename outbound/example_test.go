package outbound_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"penstock/outbound"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Header.Get("Traceparent"), r.URL.RawQuery)
		w.Header().Set("X-Reason", "the key "+r.Header.Get("Api-Key")+" is not valid")
	}))
	defer server.Close()
	s, err := outbound.New(server.URL, outbound.Config{
		Headers: map[string]string{"api-key": "a-secret-key"},
		Query:   map[string]string{"api-version": "2025-01-01"},
		Connect: 5 * time.Second,
		Keep:    64,
	})
	if err != nil {
		panic(err)
	}
	defer s.CloseIdleConnections()

	client := http.Header{"Traceparent": {"00-1-2-01"}, "Cookie": {"session=1"}} // of the client's request
	request, err := http.NewRequest(http.MethodPost, server.URL+"/chat/completions?seed=1", http.NoBody)
	if err != nil {
		panic(err)
	}
	request.Header = outbound.Forward(client, outbound.DefaultForward())
	s.Apply(request)
	response, err := s.RoundTrip(request)
	if err != nil {
		panic(s.Secrets().Error(err))
	}
	defer response.Body.Close()
	fmt.Println(s.Secrets().Values(response.Header["X-Reason"]))
	// Output:
	// 00-1-2-01 seed=1&api-version=2025-01-01
	// [the key [key] is not valid]
}
