package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"sync"
)

// KeyPrefix begins every key that NewKey makes, so that a key is recognized wherever it turns up.
const KeyPrefix = "psk_"

// NewKey returns a new random key of 256 bits.
func NewKey() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return KeyPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Digest returns what the configuration has of a key. A key is random, so its digest needs no salt
// and no slow hash: there is nothing to guess.
func Digest(key string) [sha256.Size]byte { return sha256.Sum256([]byte(key)) }

// Key is an API key and what it allows.
type Key struct {
	Name   string // unique
	SHA256 [sha256.Size]byte
	Limits Limits
}

// ring is a set of keys, which does not change.
type ring struct {
	byDigest map[[sha256.Size]byte]*held
	byID     map[string]*held
}

// held is a key of a ring.
type held struct {
	key     Key
	id      string
	account *account
	revoked *revocation
}

// find returns the key that a credential is. Neither the lookup nor its time helps to guess one:
// both depend on the credential's SHA-256 only, and a client cannot choose credentials whose
// digests approach one that it does not know.
func (r *ring) find(credential string) (*held, bool) {
	digest := Digest(credential)
	h, ok := r.byDigest[digest]
	return h, ok && subtle.ConstantTimeCompare(h.key.SHA256[:], digest[:]) == 1
}

// id identifies a key, not only its name: a key that replaces another has another one.
func (k Key) id() string { return keyPrefix + k.Name + "/" + hex.EncodeToString(k.SHA256[:8]) }

const (
	keyPrefix = "key:"
	jwtPrefix = "jwt:"
)

// join makes a ring of keys, and carries over from an old one what its keys have: accounts follow
// the name, revocations the key itself. gone are the keys of the old ring that the new one lacks.
func (a *accounts) join(old *ring, keys ...Key) (next *ring, gone []*held, err error) {
	next = &ring{byDigest: map[[sha256.Size]byte]*held{}, byID: map[string]*held{}}
	names := map[string]bool{}
	for _, k := range keys {
		h := &held{key: k, id: k.id(), revoked: &revocation{}}
		if _, doubled := next.byDigest[k.SHA256]; doubled {
			return nil, nil, fmt.Errorf("key %q has the same SHA-256 as another", k.Name)
		}
		if names[k.Name] {
			return nil, nil, fmt.Errorf("there are two keys named %q", k.Name)
		}
		names[k.Name] = true
		next.byDigest[k.SHA256], next.byID[h.id] = h, h
	}
	// Nothing has been refused: from here on the keys count.
	for id, h := range next.byID {
		if was, ok := old.byID[id]; ok {
			h.revoked = was.revoked
		}
		h.account = a.ofKey(keyPrefix+h.key.Name, h.key.Limits)
	}
	for id, was := range maps.All(old.byID) {
		if _, stays := next.byID[id]; !stays {
			gone = append(gone, was)
		}
	}
	return next, gone, nil
}

// looksOurs reports whether a credential has the form of a key that NewKey made: it may have been
// one, and have been revoked.
func looksOurs(credential string) bool { return strings.HasPrefix(credential, KeyPrefix) }

// revocation calls functions once a key has been revoked.
type revocation struct {
	mu    sync.Mutex
	over  bool
	next  int
	calls map[int]func()
}

// add registers f, which is called at once if the key has been revoked already.
func (r *revocation) add(f func()) (stop func()) {
	r.mu.Lock()
	if r.over {
		r.mu.Unlock()
		f()
		return func() {}
	}
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = map[int]func(){}
	}
	n := r.next
	r.next++
	r.calls[n] = f
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.calls, n)
	}
}

func (r *revocation) revoke() {
	r.mu.Lock()
	calls := r.calls
	r.over, r.calls = true, nil
	r.mu.Unlock()
	for _, f := range calls {
		f()
	}
}
