package outbound_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"penstock/outbound"
)

func TestCertificates(t *testing.T) {
	ours, other := newAuthority(t), newAuthority(t)
	cert, key := ours.issue()
	otherCert, otherKey := other.issue()
	served := func(w http.ResponseWriter, r *http.Request) {
		name := "no certificate"
		if certs := r.TLS.PeerCertificates; len(certs) > 0 {
			name = certs[0].Subject.CommonName
		}
		fmt.Fprintf(w, "%s %s", r.Proto, name)
	}
	plain, mutual := ours.serve(false, served), ours.serve(true, served)
	for name, c := range map[string]struct {
		url  string
		c    outbound.Config
		want string // "": the TLS handshake fails
	}{
		"a CA that the system does not trust": {url: plain.URL},
		"a CA of the configuration":           {plain.URL, outbound.Config{CAFile: ours.file}, "HTTP/2.0 no certificate"},
		"another CA":                          {url: plain.URL, c: outbound.Config{CAFile: other.file}},
		"any certificate":                     {plain.URL, outbound.Config{InsecureSkipVerify: true}, "HTTP/2.0 no certificate"},
		"no certificate of ours":              {url: mutual.URL, c: outbound.Config{CAFile: ours.file}},
		"a certificate of ours":               {mutual.URL, outbound.Config{CAFile: ours.file, CertFile: cert, KeyFile: key}, "HTTP/2.0 penstock"},
		"a certificate of another CA":         {url: mutual.URL, c: outbound.Config{CAFile: ours.file, CertFile: otherCert, KeyFile: otherKey}},
		"both, any certificate":               {mutual.URL, outbound.Config{InsecureSkipVerify: true, CertFile: cert, KeyFile: key}, "HTTP/2.0 penstock"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := get(t, c.url, c.c)
			_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
			if got != c.want || (c.want == "") != (err != nil) || unverified != (c.want == "" && c.url == plain.URL) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestProblemsNameTheirKeyAndNoSecret(t *testing.T) {
	const secret = "VERY-SECRET"
	a := newAuthority(t)
	cert, key := a.issue()
	_, otherKey := a.issue()
	text := filepath.Join(t.TempDir(), "text.pem")
	if err := os.WriteFile(text, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	header := func(name string) outbound.Config {
		return outbound.Config{Headers: map[string]string{name: secret}}
	}
	for name, c := range map[string]struct {
		c    outbound.Config
		want string
	}{
		"Host":                        {header("host"), "headers.host cannot be set: it is that of the URL"},
		"Content-Length":              {header("Content-Length"), "headers.Content-Length cannot be set: it is that of the body"},
		"Content-Type":                {header("Content-Type"), "headers.Content-Type cannot be set: it is that of the body"},
		"Transfer-Encoding":           {header("Transfer-Encoding"), "headers.Transfer-Encoding cannot be set"},
		"Accept-Encoding":             {header("Accept-Encoding"), "headers.Accept-Encoding cannot be set: a compressed stream"},
		"Connection":                  {header("Connection"), "headers.Connection cannot be set: it belongs to one connection"},
		"TE":                          {header("TE"), "headers.TE cannot be set: it belongs to one connection"},
		"Upgrade":                     {header("Upgrade"), "headers.Upgrade cannot be set"},
		"Proxy-Authorization":         {header("Proxy-Authorization"), "user and password are in its URL, the key proxy"},
		"a header with a space":       {header("X Key"), `headers has "X Key", which is no name of a header`},
		"a header with a line break":  {header("X\r\nKey"), `headers has "X\r\nKey", which is no name of a header`},
		"a header without a name":     {header(""), `headers has "", which is no name of a header`},
		"a header of HTTP/2":          {header(":path"), `headers has ":path", which is no name of a header`},
		"a header twice":              {outbound.Config{Headers: map[string]string{"x-key": secret, "X-Key": secret}}, "headers.x-key is the same header as X-Key"},
		"a value with a line break":   {outbound.Config{Headers: map[string]string{"X-Key": secret + "\nX: y"}}, "headers.X-Key has a value that no header can have"},
		"a value beyond ASCII":        {outbound.Config{Headers: map[string]string{"X-Key": secret + "\u00e9"}}, "headers.X-Key has a value that no header can have"},
		"a value of nothing":          {outbound.Config{Headers: map[string]string{"X-Key": ""}}, "headers.X-Key has a value that no header can have"},
		"a parameter without a name":  {outbound.Config{Query: map[string]string{"": secret}}, "query has the name"},
		"a CA file that is missing":   {outbound.Config{CAFile: "/missing.pem"}, "ca_file cannot be used: stat /missing.pem: no such file"},
		"a CA file of something else": {outbound.Config{CAFile: text}, "ca_file cannot be used: " + text + " holds no certificate in PEM"},
		"a CA file that is a folder":  {outbound.Config{CAFile: t.TempDir()}, "ca_file cannot be used: "},
		"half a certificate":          {outbound.Config{CertFile: cert}, "client_cert needs both cert_file and key_file"},
		"a certificate, another key":  {outbound.Config{CertFile: cert, KeyFile: otherKey}, "private key does not match public key"},
		"a key as a certificate":      {outbound.Config{CertFile: key, KeyFile: key}, "client_cert cannot be used"},
		"a text as a key":             {outbound.Config{CertFile: cert, KeyFile: text}, "client_cert cannot be used"},
		"a CA and any certificate":    {outbound.Config{CAFile: a.file, InsecureSkipVerify: true}, "insecure_skip_verify stands beside ca_file"},
		"a proxy that is none":        {outbound.Config{Proxy: "no-" + secret}, "proxy must be none, or an http, https or socks5 URL"},
		"a proxy of FTP":              {outbound.Config{Proxy: "ftp://me:" + secret + "@proxy.example"}, "proxy must be none"},
		"a proxy with a path":         {outbound.Config{Proxy: "http://me:" + secret + "@proxy.example/x"}, "proxy must be none"},
		"a broken proxy":              {outbound.Config{Proxy: "http://me:" + secret + "@proxy.example:x"}, "proxy must be none"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := outbound.New("https://api.example", c.c)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v", err)
			}
		})
	}
	for _, c := range []outbound.Config{{CAFile: a.file}, {CertFile: cert, KeyFile: key}, {InsecureSkipVerify: true}} {
		if _, err := outbound.New("http://api.example", c); err == nil || !strings.Contains(err.Error(), "needs an https URL") {
			t.Errorf("for a plaintext URL: %v", err)
		}
	}
	for _, base := range []string{"", "api.example", "ftp://api.example", "https://me:" + secret + "@api.example", "https://api.example:" + secret} {
		if _, err := outbound.New(base, outbound.Config{}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", base, err)
		}
	}
}
