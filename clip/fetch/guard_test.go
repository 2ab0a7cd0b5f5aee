package fetch

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"penstock/apierr"

	"golang.org/x/net/dns/dnsmessage"
)

func TestAddressesThatAreNotDialled(t *testing.T) {
	f := newFetcher(t, Options{Allow: []string{}})
	f.resolver = names(t, func(string) string { return "127.0.0.1" })
	for _, host := range []string{
		"127.0.0.1", "127.8.9.10", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.100.100.200", "192.0.0.192",
		"168.63.129.16", "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1", "[::1]", "[::]", "[fe80::1]", "[fe80::1%25lo]", "[fd00:ec2::254]",
		"[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]",
		"[2002:7f00:1::1]", "[2001:0:7f00:1::]", "[2001:db8::1]", "[100::1]",
		"\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c%25lo]", "[fec0::1]", "[64:ff9b::808:808]",
		// ISATAP below a public prefix.
		"[2606:2800:21f:cb07:0:5efe:127.0.0.1]", "[2606:2800:21f:cb07:200:5efe:10.0.0.1]", "[2606:2800:21f:cb07:0:5efe:8.8.8.8]", "[2606:2800:21f:cb07:300:5efe:a9fe:a9fe]",
		"[::ffff:0:127.0.0.1]", "[::ffff:0:0:127.0.0.1]", "[64:ff9b:1::127.0.0.1]", "[2002:a9fe:a9fe::]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[3fff::1]", "[5f00::1]", "[2001:2::1]", "[2001:20::1]",
		"localhost", "LOCALHOST", "localhost.", "metadata.google.internal", "0x7f000001",
		// Public, but not a web server's port.
		"93.184.215.14:22", "93.184.215.14:6379", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:25",
	} {
		t.Run(host, func(t *testing.T) {
			wantReason(t, fetchFrom(t.Context(), f, "http://"+host+"/cat.jpg", ignore), ReasonAddressNotAllowed)
		})
	}
}

// Go's resolver resolves none of these; the system's resolver would read some as addresses.
func TestUnusualNotationsOfAddresses(t *testing.T) {
	f := newFetcher(t, Options{Allow: []string{}})
	f.resolver = names(t, func(string) string { return "127.0.0.1" })
	for _, host := range []string{"2130706433", "0177.0.0.1", "127.1", "127.0.0.1."} {
		t.Run(host, func(t *testing.T) {
			wantReason(t, fetchFrom(t.Context(), f, "http://"+host+"/cat.jpg", ignore), ReasonAddressNotAllowed)
		})
	}
}

// Errors do not tell which names there are in this network.
func TestInternalNamesLookLikeMissingOnes(t *testing.T) {
	f := newFetcher(t, Options{Allow: []string{}, Deny: []string{"denied.internal"}})
	f.resolver = names(t, func(name string) string {
		switch name {
		case "internal.example.":
			return "10.0.0.1"
		case "local.example.":
			return "127.0.0.1"
		default:
			return "" // there is no such name
		}
	})
	var first string
	for _, url := range []string{
		"http://internal.example/cat.jpg", "http://local.example/", "http://missing.example/cat.jpg", "https://missing.example/", "http://denied.internal/",
		"http://internal.example:22/", "http://missing.example:22/", "http://10.0.0.1/",
	} {
		err := fetchFrom(t.Context(), f, url, ignore)
		wantReason(t, err, ReasonAddressNotAllowed)
		e, _ := errors.AsType[*apierr.Error](err)
		if first = cmp.Or(first, e.Message); e.Message != first {
			t.Errorf("%s: %q, not %q", url, e.Message, first)
		}
	}
}

func TestPublicAddressesAreDialled(t *testing.T) {
	g, err := newGuard(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"93.184.215.14:443", "8.8.8.8:80", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:443", "[::ffff:8.8.8.8]:80", "[2606:2800:21f:cb07:1:5efe:127.0.0.1]:80"} {
		network := "tcp4"
		if netip.MustParseAddrPort(address).Addr().Is6() {
			network = "tcp6"
		}
		if err := g.control("example.com")(network, address, nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestNoConnectionIsMadeToARefusedAddress(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		if state == http.StateNew {
			t.Error("a connection was made")
		}
	}
	s.Start()
	defer s.Close()
	f := newFetcher(t, Options{Allow: []string{}})
	wantReason(t, fetchFrom(t.Context(), f, s.URL, ignore), ReasonAddressNotAllowed)
}

func TestAllowAndDeny(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	port := s.URL[strings.LastIndex(s.URL, ":"):]
	for _, c := range []struct {
		allow, deny, host string
		reason            string
	}{
		{"127.0.0.1", "", "127.0.0.1", ""},
		{"127.0.0.0/8", "", "127.0.0.1", ""},
		{"127.0.0.1", "", "pictures.internal", ""},
		{"pictures.internal", "", "pictures.internal", ""},
		{"Pictures.Internal.", "", "PICTURES.internal.", ""},
		{"::ffff:127.0.0.1", "", "127.0.0.1", ""},
		{"127.0.0.1", "", "[::ffff:127.0.0.1]", ""},
		{"pictures.internal", "", "127.0.0.1", ReasonAddressNotAllowed},
		{"pictures.internal", "", "others.internal", ReasonAddressNotAllowed},
		{"127.0.0.2", "", "127.0.0.1", ReasonAddressNotAllowed},
		{"127.0.0.1", "pictures.internal", "pictures.internal", ReasonAddressNotAllowed},
		{"pictures.internal", "127.0.0.0/8", "pictures.internal", ReasonAddressNotAllowed},
		{"127.0.0.1", "127.0.0.1", "127.0.0.1", ReasonAddressNotAllowed},
		{"::ffff:127.0.0.0/104", "", "127.0.0.1", ""},
		{"127.0.0.1", "::ffff:127.0.0.0/104", "127.0.0.1", ReasonAddressNotAllowed},
		{"bücher.internal", "", "xn--bcher-kva.internal", ""},
		{"127.0.0.1", "bücher.internal", "xn--bcher-kva.internal", ReasonAddressNotAllowed},
		{"127.0.0.1", "Bücher.internal", "b\u00fccher.INTERNAL", ReasonAddressNotAllowed},
		{"127.0.0.1", "pictures.internal", "\uff50ictures\u3002internal", ReasonAddressNotAllowed},
		{"127.0.0.1", "pictures.internal", "%ef%bd%90ictures.internal", ReasonAddressNotAllowed},
	} {
		t.Run(c.host+" with allow "+c.allow+", deny "+c.deny, func(t *testing.T) {
			o := Options{Allow: []string{c.allow}}
			if c.deny != "" {
				o.Deny = []string{c.deny}
			}
			f := newFetcher(t, o)
			f.resolver = names(t, func(string) string { return "127.0.0.1" })
			err := fetchFrom(t.Context(), f, "http://"+c.host+port, ignore)
			if c.reason == "" && err != nil {
				t.Fatal(err)
			}
			if c.reason != "" {
				wantReason(t, err, c.reason)
			}
		})
	}
}

// A host has one limit, however its name is spelled.
func TestOneHostInManySpellings(t *testing.T) {
	f := newFetcher(t, Options{})
	for want, spellings := range map[string][]string{
		"example.com":             {"example.com", "EXAMPLE.com", "example.com.", "\uff45xample.com", "example\u3002com", "ex%ef%bd%81mple.com"},
		"xn--bcher-kva.example":   {"bücher.example", "BÜCHER.example", "bu\u0308cher.example", "b%c3%bccher.example", "XN--bcher-kva.example"},
		"2606:2800:21f:cb07::b8c": {"[2606:2800:21f:cb07::b8c]", "[2606:2800:021f:cb07:0:0:0:0B8C]", "[2606:2800:21f:cb07::b8c%25lo]"},
		"93.184.215.14":           {"93.184.215.14", "[::ffff:93.184.215.14]", "[::ffff:5db8:d70e]"},
	} {
		for _, spelling := range spellings {
			u, err := f.parse("http://" + spelling + "/cat.jpg")
			if err != nil {
				t.Errorf("%s: %v", spelling, err)
			} else if got := hostOf(u); got != want {
				t.Errorf("%s is %s", spelling, got)
			}
		}
	}
}

func TestInvalidRules(t *testing.T) {
	for _, entry := range []string{"", "10.0.0.0/33", "10.0.0.0/", "a/b", "example.com:80", "*.example.com", "user@host", "http://example.com", "two words"} {
		if _, err := New(Options{Allow: []string{entry}}); err == nil || !strings.HasPrefix(err.Error(), "allow: ") {
			t.Errorf("allow %q: %v", entry, err)
		}
		if _, err := New(Options{Deny: []string{entry}}); err == nil || !strings.HasPrefix(err.Error(), "deny: ") {
			t.Errorf("deny %q: %v", entry, err)
		}
	}
}

// A name whose address changes between two fetches (or between a check and a dial, if there were
// one) gains nothing.
func TestRebinding(t *testing.T) {
	good := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	port := good.URL[strings.LastIndex(good.URL, ":"):]
	f := newFetcher(t, Options{Allow: []string{"127.0.0.1"}})
	address := "127.0.0.1"
	f.resolver = names(t, func(string) string { return address })
	if err := fetchFrom(t.Context(), f, "http://rebind.example"+port, ignore); err != nil {
		t.Fatal(err)
	}
	address = "127.0.0.2"
	wantReason(t, fetchFrom(t.Context(), f, "http://rebind.example"+port, ignore), ReasonAddressNotAllowed)
}

// names is a resolver with a name server in this process, which resolves every name to the IPv4
// address that lookup returns, and to no IPv6 address. A name whose address is "" does not exist.
func names(t *testing.T, lookup func(name string) string) *net.Resolver {
	return &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			for {
				if err := serveOne(server, lookup); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { client.Close() })
		return client, nil
	}}
}

// serveOne responds to one DNS query in the form used over TCP, where each message follows its
// length.
func serveOne(conn net.Conn, lookup func(string) string) error {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, message); err != nil {
		return err
	}
	var query dnsmessage.Message
	if err := query.Unpack(message); err != nil {
		return err
	}
	q := query.Questions[0]
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: query.ID, Response: true, RecursionAvailable: true}, Questions: query.Questions[:1]}
	address := lookup(q.Name.String())
	switch {
	case address == "":
		reply.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		reply.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(address).As4()},
		}}
	}
	packed, err := reply.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...))
	return err
}
