package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
)

const (
	refetchInterval = time.Minute // at most so often for keys that are not known
	refreshInterval = time.Hour   // a key that the issuer withdrew is valid so long at most, while it can be reached
	fetchTimeout    = 5 * time.Second
	maxFetched      = 1 << 20
	minRSABits      = 2048
)

// keySet holds an issuer's public keys.
type keySet struct {
	issuer, address string // address: "" if it is to be discovered
	client          *http.Client
	log             *slog.Logger

	fetching sync.Mutex // held for a fetch; guards tried
	tried    time.Time

	mu    sync.RWMutex
	byID  map[string]publicKey
	known bool // they have been fetched
}

type publicKey struct {
	key any
	alg string // "": any that fits the key
}

func newKeySet(issuer, address string, log *slog.Logger) *keySet {
	return &keySet{issuer: issuer, address: address, log: log, client: &http.Client{
		Timeout: fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("a redirect, which is not followed")
		},
	}}
}

// find returns the key of that id. One that is not known is fetched, at most once a minute.
func (s *keySet) find(ctx context.Context, id, alg string) (any, error) {
	if key, ok := s.get(id, alg); ok {
		return key, nil
	}
	s.fetching.Lock()
	defer s.fetching.Unlock()
	if key, ok := s.get(id, alg); ok { // another request has fetched it meanwhile
		return key, nil
	}
	if s.tried.IsZero() || time.Since(s.tried) >= refetchInterval {
		s.fetch(context.WithoutCancel(ctx)) // other requests wait for it too
		if key, ok := s.get(id, alg); ok {
			return key, nil
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.known {
		return nil, ErrUnavailable
	}
	return nil, errors.New("the issuer has no such key")
}

// get returns a known key. A token need not name it if there is only one.
func (s *keySet) get(id, alg string) (any, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	key, ok := s.byID[id]
	if !ok && id == "" && len(s.byID) == 1 {
		for _, key = range s.byID {
			ok = true
		}
	}
	return key.key, ok && (key.alg == "" || key.alg == alg)
}

// refresh fetches the keys every hour, so that those that the issuer has withdrawn go, and every
// minute until it has succeeded.
func (s *keySet) refresh(ctx context.Context) {
	for {
		s.fetching.Lock()
		wait := refreshInterval
		// A request that came first may have fetched them already.
		if s.tried.IsZero() || time.Since(s.tried) >= refetchInterval {
			s.fetch(ctx)
		}
		s.mu.RLock()
		if !s.known {
			wait = refetchInterval
		}
		s.mu.RUnlock()
		s.fetching.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// fetch replaces the keys. If it fails those it had stay. The caller holds s.fetching.
func (s *keySet) fetch(ctx context.Context) {
	s.tried = time.Now()
	keys, err := s.download(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("the keys of the tokens' issuer cannot be fetched: those known before stay valid", "issuer", s.issuer, "error", err)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID, s.known = keys, true
}

func (s *keySet) download(ctx context.Context) (map[string]publicKey, error) {
	address := s.address
	if address == "" {
		var discovered struct {
			Issuer string `json:"issuer"`
			JWKS   string `json:"jwks_uri"`
		}
		if err := s.getJSON(ctx, strings.TrimSuffix(s.issuer, "/")+"/.well-known/openid-configuration", &discovered); err != nil {
			return nil, fmt.Errorf("discover the address of the keys: %w", err)
		}
		if discovered.Issuer != s.issuer {
			return nil, fmt.Errorf("discover the address of the keys: the document is of the issuer %q", discovered.Issuer)
		}
		address = discovered.JWKS
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.getJSON(ctx, address, &set); err != nil {
		return nil, fmt.Errorf("fetch the keys: %w", err)
	}
	keys := map[string]publicKey{}
	for _, raw := range set.Keys {
		if id, key, ok := parseKey(raw); ok { // others are not for signatures that are accepted here
			keys[id] = key
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("fetch the keys: %s has no public key that signs tokens", address)
	}
	return keys, nil
}

// getJSON fetches a document, within bounds of time and size.
func (s *keySet) getJSON(ctx context.Context, address string, into any) error {
	u, err := url.Parse(address)
	if err != nil || !secure(u) {
		return fmt.Errorf("%q is not an https address, or http on this machine", address)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s has the status %s", address, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxFetched+1))
	if err != nil {
		return err
	}
	if len(body) > maxFetched {
		return fmt.Errorf("%s has more than %d bytes", address, maxFetched)
	}
	return json.Unmarshal(body, into)
}

// parseKey returns a public key that signs tokens.
func parseKey(raw json.RawMessage) (id string, key publicKey, ok bool) {
	jwk, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return "", key, false
	}
	m := jwk.Marshal()
	if m.USE != "" && m.USE != jwkset.UseSig {
		return "", key, false
	}
	key = publicKey{key: jwk.Key(), alg: string(m.ALG)}
	switch k := key.key.(type) {
	case *rsa.PublicKey:
		ok = k.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		ok = true
	}
	return m.KID, key, ok
}

// secure reports whether what is fetched from there cannot be changed on the way.
func secure(u *url.URL) bool {
	if u.Host == "" || u.User != nil {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}
