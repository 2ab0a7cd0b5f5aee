package configs_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"penstock/configs"
)

func TestUnknownVariables(t *testing.T) {
	for entry, want := range map[string]string{
		"PENSTOCK_SERVER_ADDRESS=:1":             "",
		"PENSTOCK_STREAMS_RESUME_WINDOW=1s":      "",
		"PENSTOCK_SERVER_ADRESS=SECRET":          "PENSTOCK_SERVER_ADRESS is not read: did you mean PENSTOCK_SERVER_ADDRESS?",
		"PENSTOCK_SERVE_ADDRESS=SECRET":          "PENSTOCK_SERVE_ADDRESS is not read: did you mean PENSTOCK_SERVER_ADDRESS?",
		"PENSTOCK_STREAM_RETRY=1s":               "PENSTOCK_STREAM_RETRY is not read: did you mean PENSTOCK_STREAMS_RETRY?",
		"PENSTOCK_RUNTIME_QUEUE_LIMT=1":          "PENSTOCK_RUNTIME_QUEUE_LIMT is not read: did you mean PENSTOCK_RUNTIME_QUEUE_LIMIT?",
		"PENSTOCK_SERVER_TLS_CERT=SECRET":        "PENSTOCK_SERVER_TLS_CERT is not read: the file has no such key",
		"PENSTOCK_SERVER_PORT=8080":              "PENSTOCK_SERVER_PORT is not read: the file has no such key",
		"PENSTOCK_server_address=x":              "PENSTOCK_server_address is not read: did you mean PENSTOCK_SERVER_ADDRESS?",
		"PENSTOCK_SERVER_HOSTS=SECRET":           "PENSTOCK_SERVER_HOSTS is not read: server.hosts is no single value, so only the file sets it",
		"PENSTOCK_SERVER_CORS_ORIGINS=SECRET":    "PENSTOCK_SERVER_CORS_ORIGINS is not read: server.cors.origins is no single value, so only the file sets it",
		"PENSTOCK_MODELS=SECRET":                 "PENSTOCK_MODELS is not read: models is no single value, so only the file sets it",
		"PENSTOCK_AUTH_KEYS=SECRET":              "PENSTOCK_AUTH_KEYS is not read: auth.keys is no single value, so only the file sets it",
		"PENSTOCK_MODELS_0_PATH=SECRET":          "PENSTOCK_MODELS_0_PATH is not read: the file has no such key",
		"PENSTOCK_VERSION=1":                     "",
		"PENSTOCK_CONFIG=penstock.yaml":          "",
		"PENSTOCK_SERVICE_HOST=10.0.0.1":         "",
		"PENSTOCK_SERVICE_PORT=80":               "",
		"PENSTOCK_SERVICE_PORT_HTTP=80":          "",
		"PENSTOCK_PORT=tcp://10.0.0.1:80":        "",
		"PENSTOCK_PORT_80_TCP=tcp://10.0.0.1:80": "",
		"PENSTOCK_PORT_80_TCP_ADDR=10.0.0.1":     "",
		"PENSTOCK_SERVER_SERVICE_HOST=10.0.0.1":  "", // of a service named penstock-server
		"PENSTOCK_SERVER_PORT=tcp://10.0.0.1:80": "",
		"PENSTOCK_SERVER_PORT_80_TCP_PROTO=tcp":  "",
		"SERVER_ADRESS=x":                        "",
		"PENSTOCK":                               "",
		"PENSTOCK_=":                             "",
	} {
		var all []string
		if want != "" {
			all = []string{want}
		}
		if got := configs.UnknownVariables([]string{"PATH=/bin", entry}); !slices.Equal(got, all) {
			t.Errorf("%s: %s", entry, cmp.Diff(all, got))
		}
	}
}
