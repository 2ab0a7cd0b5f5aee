package main

import (
	"strings"
	"testing"
)

// A password in a URL, of the configuration, the hub or a proxy, is in no message.
func TestPasswordsInURLsAreNotShown(t *testing.T) {
	const secret = "hunter2"
	dir := t.TempDir()
	for name, c := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"the configured address": {[]string{"PENSTOCK_SERVER_ADDRESS=http://me:" + secret + "@h:1"}, []string{"check"}, "server.address must be host:port"},
		"the flag":               {nil, []string{"serve", "--address", "me:" + secret + "@h:1"}, "server.address must be host:port"},
		"HF_ENDPOINT":            {[]string{"HF_ENDPOINT=https://me:" + secret + "@hub.example"}, []string{"pull", "a/b"}, "HF_ENDPOINT must be an address"},
		"HF_ENDPOINT, malformed": {[]string{"HF_ENDPOINT=https://me:" + secret + "%zz@hub.example"}, []string{"pull", "a/b"}, "HF_ENDPOINT must be an address"},
		"a proxy":                {[]string{"HTTPS_PROXY=http://me:" + secret + "@127.0.0.1:1", "HF_ENDPOINT=https://hub.example"}, []string{"pull", "a/b"}, "no connection"},
		"a proxy for plain HTTP": {[]string{"HTTP_PROXY=http://me:" + secret + "@127.0.0.1:1", "HF_ENDPOINT=http://hub.example"}, []string{"pull", "a/b"}, "no connection"},
		"a SOCKS proxy":          {[]string{"HTTPS_PROXY=socks5://me:" + secret + "@127.0.0.1:1", "HF_ENDPOINT=https://hub.example"}, []string{"pull", "a/b"}, "no connection"},
		"a malformed proxy":      {[]string{"HTTPS_PROXY=http://me:" + secret + "%zz@127.0.0.1:1", "HF_ENDPOINT=https://127.0.0.1:1"}, []string{"pull", "a/b"}, "no connection"},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := penstock(t, dir, c.env, c.args...)
			if status == 0 || strings.Contains(stdout+stderr, secret) || !strings.Contains(stderr, c.want) {
				t.Errorf("status %d, %s%s", status, stdout, stderr)
			}
		})
	}
}
