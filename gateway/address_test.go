package gateway_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"penstock/gateway"
)

func trusting(networks ...string) func(*gateway.Options) {
	return func(o *gateway.Options) {
		for _, n := range networks {
			o.TrustedProxies = append(o.TrustedProxies, netip.MustParsePrefix(n))
		}
	}
}

func TestXForwardedForCountsFromTrustedProxiesOnly(t *testing.T) {
	s := newServer(t, 1, 1, words(nil), trusting("10.0.0.0/8", "2001:db8:ffff::/48"))
	for _, c := range []struct{ peer, forwarded, client string }{
		{"10.0.0.1:5", "", "10.0.0.1"},
		{"10.0.0.1:5", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:5", "198.51.100.1, 203.0.113.9", "203.0.113.9"}, // the client wrote the first
		{"10.0.0.1:5", "198.51.100.1, 203.0.113.9, 10.7.7.7", "203.0.113.9"},
		{"10.0.0.1:5", "10.1.1.1,10.2.2.2", "10.1.1.1"}, // a client among the proxies' addresses
		{"10.0.0.1:5", "203.0.113.9:4711", "203.0.113.9"},
		{"10.0.0.1:5", "[2001:db8::7]:4711", "2001:db8::7"},
		{"10.0.0.1:5", " 2001:db8::7 ", "2001:db8::7"},
		{"[::ffff:10.0.0.1]:5", "::ffff:203.0.113.9", "203.0.113.9"},
		{"[2001:db8:ffff::1]:5", "203.0.113.9", "203.0.113.9"},
		{"10.0.0.1:5", "203.0.113.9, unknown", "10.0.0.1"},
		{"10.0.0.1:5", "203.0.113.9, , 10.2.2.2", "10.2.2.2"},
		{"10.0.0.1:5", "evil\"\n", "10.0.0.1"},
		{"192.0.2.1:5", "203.0.113.9", "192.0.2.1"},
		{"127.0.0.1:5", "203.0.113.9", "127.0.0.1"},
	} {
		before := len(s.log.String())
		r := request("GET", "/nowhere", "")
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		s.record(r)
		if line := s.log.String()[before:]; !strings.Contains(line, " client="+c.client+" ") && !strings.Contains(line, ` client="`+c.client+`" `) {
			t.Errorf("%s for %q: %s", c.peer, c.forwarded, line)
		}
	}
	two := request("GET", "/nowhere", "")
	two.RemoteAddr = "10.0.0.1:5"
	two.Header["X-Forwarded-For"] = []string{"198.51.100.1", "203.0.113.9", "10.7.7.7"}
	s.record(two)
	if log := s.log.String(); !strings.Contains(log[strings.LastIndex(log, "msg=request"):], "client=203.0.113.9 ") {
		t.Errorf("of three headers: %s", log)
	}
	if log := s.log.String(); strings.Count(log, "trusted_proxies") != 1 || !strings.Contains(log, "peer=192.0.2.1") {
		t.Errorf("an untrusted X-Forwarded-For is not warned of once:\n%s", log)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestThePROXYProtocolCountsFromTrustedProxiesOnly(t *testing.T) {
	v2 := func() string {
		var b bytes.Buffer
		h := proxyproto.Header{
			Version: 2, Command: proxyproto.PROXY, TransportProtocol: proxyproto.TCPv4,
			SourceAddr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 4}, DestinationAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80},
		}
		if _, err := h.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}()
	const v1 = "PROXY TCP4 203.0.113.9 192.0.2.1 4 80\r\n"
	for name, c := range map[string]struct {
		trusted        []string
		header, client string // no client: 400
	}{
		"version 1":                {[]string{"127.0.0.0/8"}, v1, "203.0.113.9"},
		"version 2":                {[]string{"127.0.0.0/8"}, v2, "203.0.113.9"},
		"none":                     {[]string{"127.0.0.0/8"}, "", "127.0.0.1"},
		"of another, version 1":    {[]string{"10.0.0.0/8"}, v1, ""},
		"of another, version 2":    {nil, v2, ""},
		"none, and no one trusted": {nil, "", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, 1, 1, words(nil), trusting(c.trusted...))
			url, _ := s.onTCP(t)
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, c.header+"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			log := s.log.String()
			if c.client == "" {
				if res.StatusCode != 400 || strings.Contains(log, "203.0.113.9") {
					t.Errorf("%d, the log: %s", res.StatusCode, log)
				}
				return
			}
			if res.StatusCode != 404 || !strings.Contains(log, "client="+c.client+" ") {
				t.Errorf("%d, the log: %s", res.StatusCode, log)
			}
		})
	}
}
