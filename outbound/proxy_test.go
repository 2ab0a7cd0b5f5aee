package outbound_test

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"penstock/outbound"
)

// proxy is an HTTP proxy with a user and a password.
type proxy struct {
	*httptest.Server
	requests atomic.Int64
}

const (
	user     = "me"
	password = "a secret/word"
)

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP forwards plaintext requests, and connects for others.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)) {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	server, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	if r.Method == http.MethodConnect {
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	} else {
		r.Header.Del("Proxy-Authorization")
		_ = r.Write(server)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(client, server)
		client.Close()
	}()
	_, _ = io.Copy(server, buffered)
	server.Close()
	<-ended
}

// as returns the proxy's URL with a password.
func (p *proxy) as(password string) string {
	return strings.Replace(p.URL, "http://", "http://"+user+":"+password+"@", 1)
}

func TestProxies(t *testing.T) {
	a := newAuthority(t)
	served := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto+" "+r.Header.Get("X-Key")+r.Header.Get("Proxy-Authorization"))
	}
	secure := a.serve(false, served)
	plain := httptest.NewServer(http.HandlerFunc(served))
	defer plain.Close()
	const right, wrong = "a%20secret%2Fword", "another"
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, c := range map[string]struct {
		url   string
		proxy func(*proxy) string
		want  string // "": the error below
		err   string
	}{
		"TLS":                     {secure.URL, func(p *proxy) string { return p.as(right) }, "HTTP/2.0 value", ""},
		"plaintext":               {plain.URL, func(p *proxy) string { return p.as(right) }, "HTTP/1.1 value", ""},
		"TLS, wrong password":     {secure.URL, func(p *proxy) string { return p.as(wrong) }, "", "the proxy refused the request with status 407"},
		"plaintext, no password":  {plain.URL, func(p *proxy) string { return p.URL }, "", "the proxy refused the request with status 407"},
		"TLS, unreachable server": {"https://" + strings.TrimPrefix(gone.URL, "http://"), func(p *proxy) string { return p.as(right) }, "", "the proxy refused the request with status 502"},
		"unreachable proxy":       {secure.URL, func(*proxy) string { return gone.URL }, "", "proxyconnect"},
		"unreachable SOCKS proxy": {secure.URL, func(*proxy) string { return "socks5://" + strings.TrimPrefix(gone.URL, "http://") }, "", "refused"},
		"SOCKS, TLS":              {secure.URL, func(*proxy) string { return socks(t, right) }, "HTTP/2.0 value", ""},
		"SOCKS, plaintext":        {plain.URL, func(*proxy) string { return socks(t, right) }, "HTTP/1.1 value", ""},
		"SOCKS, wrong password":   {secure.URL, func(*proxy) string { return socks(t, wrong) }, "", "username/password authentication failed"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t)
			config := outbound.Config{Headers: map[string]string{"X-Key": "value"}, Proxy: c.proxy(p)}
			if strings.HasPrefix(c.url, "https") {
				config.CAFile = a.file
			}
			got, err := get(t, c.url, config)
			if got != c.want {
				t.Errorf("%q, %v", got, err)
			}
			if c.want != "" {
				if p.requests.Load() == 0 && !strings.HasPrefix(name, "SOCKS") {
					t.Error("the proxy was not used")
				}
				return
			}
			op, ok := errors.AsType[*net.OpError](err)
			if !ok || op.Op != "dial" || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), wrong) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAServerIsReachedDirectlyDespiteTheEnvironment(t *testing.T) {
	p := newProxy(t)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "direct") }))
	defer s.Close()
	if got, err := get(t, s.URL, outbound.Config{Proxy: outbound.ProxyNone}); got != "direct" || p.requests.Load() > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAProxysPasswordIsASecret(t *testing.T) {
	s, err := outbound.New("https://api.example", outbound.Config{Proxy: "http://me:a%20secret%2Fword@proxy.example"})
	if err != nil {
		t.Fatal(err)
	}
	header := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	if got := s.Secrets().Text(password + " a%20secret%2fword " + header); got != "[key] [key] [key]" {
		t.Errorf("%s", got)
	}
}

// socks starts a SOCKS5 proxy for one connection, and returns its URL with a password.
func socks(t *testing.T, given string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		if err := relaySOCKS(client); err != nil {
			t.Log(err)
		}
	})
	t.Cleanup(func() {
		l.Close()
		served.Wait()
	})
	return "socks5://" + user + ":" + given + "@" + l.Addr().String()
}

// relaySOCKS serves a connection as RFC 1928 and RFC 1929 describe it.
func relaySOCKS(client net.Conn) error {
	r := bufio.NewReader(client)
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(r, b) // what is missing is 0
		return b
	}
	read(int(read(2)[1])) // the methods of authentication
	_, _ = client.Write([]byte{5, 2})
	name := read(int(read(2)[1]))
	secret := read(int(read(1)[0]))
	if string(name) != user || string(secret) != password {
		_, err := client.Write([]byte{1, 1})
		return err
	}
	_, _ = client.Write([]byte{1, 0})
	read(4) // connect to an IPv4 address
	host, port := net.IP(read(4)), binary.BigEndian.Uint16(read(2))
	server, err := net.Dial("tcp", net.JoinHostPort(host.String(), strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	_, _ = client.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	var back sync.WaitGroup
	back.Go(func() { _, _ = io.Copy(client, server) })
	_, err = io.Copy(server, r)
	server.Close()
	back.Wait()
	return err
}
