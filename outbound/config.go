package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"penstock/regular"
)

// Config describes how a server is reached.
type Config struct {
	Headers map[string]string // set in every request, whatever the client has sent; secrets
	Query   map[string]string // set in the query of every request; secrets

	// CAFile holds PEM certificates, by one of which the server's must be signed. "": by one that
	// the system trusts.
	CAFile string
	// CertFile and KeyFile hold the certificate, in PEM, that the server is shown; "": none.
	CertFile, KeyFile  string
	InsecureSkipVerify bool // accept any certificate

	// Proxy is the URL of an http, https or socks5 proxy, which may have a user and a password.
	// "": that of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY); ProxyNone: none.
	Proxy string

	Connect time.Duration // until a connection is open; dialing that no request waits for may take twice that
	Keep    int           // how many idle connections stay open at most

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: by a net.Dialer
}

// ProxyNone is the Proxy of a server that is reached directly, whatever the environment has.
const ProxyNone = "none"

// maxFile bounds a file of certificates: all that a system trusts are 250 KB.
const maxFile = 4 << 20

// Check reports what is wrong with the Config of a server at the URL base, by the key of the
// configuration: headers (or headers.NAME), query, ca_file, client_cert, insecure_skip_verify,
// proxy. It reads the files. A problem holds no secret.
func (c Config) Check(base string, report func(key, problem string)) {
	_, _ = c.open(base, report)
}

// open checks everything, and returns what the files hold and the URL of the proxy.
func (c Config) open(base string, report func(key, problem string)) (*tls.Config, *url.URL) {
	names := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if first, doubled := names[strings.ToLower(name)]; doubled {
			report("headers."+name, "is the same header as "+first)
			continue
		}
		names[strings.ToLower(name)] = name
		checkHeader(name, c.Headers[name], report)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Query)) {
		if name == "" || strings.ContainsFunc(name, unicode.IsControl) || len(name) > maxName {
			report("query", fmt.Sprintf("has the name %.60q: it must be a parameter's name such as api-version", name))
		}
	}
	u, err := url.Parse(base)
	if err == nil && u.Scheme == "http" { // a URL that is none has been reported as such
		const problem = "needs an https URL: without TLS there are no certificates"
		for key, given := range map[string]bool{
			"ca_file": c.CAFile != "", "client_cert": c.CertFile+c.KeyFile != "", "insecure_skip_verify": c.InsecureSkipVerify,
		} {
			if given {
				report(key, problem)
			}
		}
		c.CAFile, c.CertFile, c.KeyFile, c.InsecureSkipVerify = "", "", "", false
	}
	return c.openTLS(report), c.parseProxy(report)
}

// openTLS returns nil if there is nothing to configure.
func (c Config) openTLS(report func(key, problem string)) *tls.Config {
	t := &tls.Config{InsecureSkipVerify: c.InsecureSkipVerify} //nolint:gosec // the configuration has it set, and a warning is logged
	if c.CAFile != "" && c.InsecureSkipVerify {
		report("insecure_skip_verify", "stands beside ca_file, whose certificates would not be looked at: leave one of them out")
	}
	if c.CAFile != "" {
		text, err := readFile(c.CAFile)
		t.RootCAs = x509.NewCertPool()
		if err == nil && !t.RootCAs.AppendCertsFromPEM(text) {
			err = fmt.Errorf("%s holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", c.CAFile)
		}
		if err != nil {
			report("ca_file", "cannot be used: "+err.Error())
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		report("client_cert", "needs both cert_file and key_file")
	} else if c.CertFile != "" {
		pair, err := readPair(c.CertFile, c.KeyFile)
		if err != nil {
			report("client_cert", "cannot be used: "+err.Error())
		}
		t.Certificates = []tls.Certificate{pair}
	}
	if t.RootCAs == nil && t.Certificates == nil && !t.InsecureSkipVerify {
		return nil
	}
	return t
}

// readPair reads a certificate and its key. The errors of crypto/tls hold nothing of the key.
func readPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := readFile(certFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readFile(keyFile)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s: %s", certFile, keyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	return pair, nil
}

func readFile(name string) ([]byte, error) {
	file, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return text, err
}

// parseProxy returns nil if there is none. The URL is not shown: it may hold a password.
func (c Config) parseProxy(report func(key, problem string)) *url.URL {
	if c.Proxy == "" || c.Proxy == ProxyNone {
		return nil
	}
	u, err := url.Parse(c.Proxy)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		err = errors.New("it is none")
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme):
		err = errors.New("it has another scheme")
	}
	if err != nil {
		report("proxy", `must be none, or an http, https or socks5 URL such as "http://user:password@proxy.example:3128", `+
			`without path or query`)
		return nil
	}
	return u
}
