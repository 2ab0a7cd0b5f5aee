package configs

import (
	"errors"
	"net/netip"
)

// SecureURL is a URL from which what is fetched cannot be changed on the way: https, or http on
// this machine.
type SecureURL string

// UnmarshalText parses a secure URL. It is kept as it is written: an issuer is compared with it.
func (s *SecureURL) UnmarshalText(text []byte) error {
	u, ok := parseHTTP(string(text))
	if ok && u.Scheme == "http" {
		ip, err := netip.ParseAddr(u.Hostname())
		ok = u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	}
	if !ok {
		return errors.New("must be an https URL such as https://login.example.com, " +
			"without user, query or fragment (http on this machine only)")
	}
	*s = SecureURL(text)
	return nil
}
