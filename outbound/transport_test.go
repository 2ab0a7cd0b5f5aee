package outbound

import (
	"net/http"
	"testing"

	"penstock/outbound/internal/http1"
)

func TestPlaintextServers(t *testing.T) {
	for base, want := range map[string]string{ // "": by net/http
		"http://127.0.0.1:8000/v1":      "127.0.0.1:8000",
		"http://localhost/v1":           "localhost:80",
		"http://[::1]:8000":             "[::1]:8000",
		"https://api.openai.com/v1":     "",
		"http://b\u00fccher.example/v1": "",
	} {
		s, err := New(base, Config{Keep: 1})
		if err != nil {
			t.Fatal(err)
		}
		switch transport := s.transport.(type) {
		case *http1.Transport:
			if transport.Address != want {
				t.Errorf("the address of %s is %q", base, transport.Address)
			}
		case *http.Transport:
			if want != "" {
				t.Errorf("net/http is used for %s", base)
			}
		}
	}
}
