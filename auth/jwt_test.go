package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
)

// issuer is a fake issuer of tokens, with a key of each kind.
type issuer struct {
	url     string
	keys    map[string]crypto.Signer
	fetches int
	answer  func(w http.ResponseWriter) // instead of the keys
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{url: "http://127.0.0.1", keys: map[string]crypto.Signer{}}
	var err error
	for id, make := range map[string]func() (crypto.Signer, error){
		"rsa":   func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
		"ec":    func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
		"ed":    func() (crypto.Signer, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err },
		"other": func() (crypto.Signer, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err },
	} {
		if i.keys[id], err = make(); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// ServeHTTP serves the discovery document and the keys, "other" excluded.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/.well-known/openid-configuration" {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.url, "jwks_uri": i.url + "/keys"})
		return
	}
	i.fetches++
	if i.answer != nil {
		i.answer(w)
		return
	}
	i.write(w, "rsa", "ec", "ed")
}

func (i *issuer) write(w io.Writer, ids ...string) {
	set := jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{{KTY: jwkset.KtyOct, KID: "secret", K: "c2VjcmV0"}}}
	for _, id := range ids {
		jwk, err := jwkset.NewJWKFromKey(i.keys[id].Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: id}})
		if err == nil {
			set.Keys = append(set.Keys, jwk.Marshal())
		}
	}
	_ = json.NewEncoder(w).Encode(set)
}

// RoundTrip serves without a network, in virtual time.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w.Result(), nil
}

func (i *issuer) token(method jwt.SigningMethod, id string, key any, change ...func(jwt.MapClaims)) string {
	header := map[string]any{}
	if id != "" {
		header["kid"] = id
	}
	return i.signed(method, header, key, change...)
}

func (i *issuer) signed(method jwt.SigningMethod, header map[string]any, key any, change ...func(jwt.MapClaims)) string {
	claims := jwt.MapClaims{"iss": i.url, "aud": "penstock", "sub": "ann", "exp": time.Now().Add(time.Hour).Unix()}
	for _, c := range change {
		c(claims)
	}
	t := jwt.NewWithClaims(method, claims)
	maps.Copy(t.Header, header)
	signed, err := t.SignedString(key)
	if err != nil {
		panic(err)
	}
	return signed
}

func set(name string, value any) func(jwt.MapClaims) {
	return func(c jwt.MapClaims) {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
}

func (i *issuer) open(t testing.TB, change ...func(*JWT)) *Auth {
	t.Helper()
	j := JWT{Issuer: i.url, Audience: "penstock", Default: &Limits{}}
	for _, c := range change {
		c(&j)
	}
	a, err := Open(Options{JWT: &j, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTokens(t *testing.T) {
	i := newIssuer(t)
	s := httptest.NewServer(i)
	defer s.Close()
	i.url = s.URL
	public, err := json.Marshal(i.keys["rsa"].Public())
	if err != nil {
		t.Fatal(err)
	}
	a := i.open(t)
	for name, test := range map[string]struct {
		token string
		valid bool
	}{
		"RS256":             {i.token(jwt.SigningMethodRS256, "rsa", i.keys["rsa"]), true},
		"PS512":             {i.token(jwt.SigningMethodPS512, "rsa", i.keys["rsa"]), true},
		"ES256":             {i.token(jwt.SigningMethodES256, "ec", i.keys["ec"]), true},
		"EdDSA":             {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"]), true},
		"several audiences": {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("aud", []string{"x", "penstock"})), true},
		"just expired":      {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("exp", time.Now().Add(-10*time.Second).Unix())), true},

		"expired":              {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("exp", time.Now().Add(-time.Minute).Unix())), false},
		"without exp":          {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("exp", nil)), false},
		"not yet":              {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("nbf", time.Now().Add(time.Hour).Unix())), false},
		"without aud":          {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("aud", nil)), false},
		"another audience":     {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("aud", "other")), false},
		"another issuer":       {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("iss", "https://other.example")), false},
		"without iss":          {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("iss", nil)), false},
		"without sub":          {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("sub", nil)), false},
		"endless sub":          {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("sub", strings.Repeat("x", maxSubject+1))), false},
		"unsigned":             {i.token(jwt.SigningMethodNone, "ed", jwt.UnsafeAllowNoneSignatureType), false},
		"HMAC":                 {i.token(jwt.SigningMethodHS256, "secret", []byte("secret")), false},
		"HMAC by a public key": {i.token(jwt.SigningMethodHS256, "rsa", public), false},
		"another key":          {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["other"]), false},
		"an unknown key":       {i.token(jwt.SigningMethodEdDSA, "other", i.keys["other"]), false},
		"no key's name":        {i.token(jwt.SigningMethodEdDSA, "", i.keys["ed"]), false},
		"a critical extension": {i.signed(jwt.SigningMethodEdDSA, map[string]any{"kid": "ed", "crit": []string{"b64"}, "b64": false}, i.keys["ed"]), false},
		"changed":              {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"]) + "A", false},
		"no token":             {"a.b.c", false},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := a.identify(t.Context(), test.token)
			if test.valid && (err != nil || c.Name != "jwt:ann") || !test.valid && !errors.Is(err, ErrUnknown) {
				t.Errorf("identified as %+v: %v", c, err)
			}
			if err == nil && !a.Valid(c.ID) {
				t.Error("its streams would be refused")
			}
		})
	}
	// A token of the issuer's is ours, even an expired one; others are not.
	h := http.Header{"X-Api-Key": {i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"])}}
	h.Set("Authorization", "Bearer "+i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("exp", 1)))
	if got := a.Foreign(h); got != "" {
		t.Error("an upstream would get an expired token of ours")
	}
	theirs := i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], set("iss", "https://other.example"))
	h.Set("Authorization", "Bearer "+theirs)
	if got := a.Foreign(h); got != theirs {
		t.Errorf("an upstream would get %q", got)
	}
}

func TestUnknownKeysAreFetchedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		a := i.open(t)
		a.tokens.keys.client.Transport = i
		valid := func(id string) bool {
			_, err := a.identify(t.Context(), i.token(jwt.SigningMethodEdDSA, id, i.keys["other"]))
			return err == nil
		}
		for range 1000 {
			valid("other")
		}
		if i.fetches != 1 {
			t.Fatalf("%d fetches", i.fetches)
		}
		i.answer = func(w http.ResponseWriter) { i.write(w, "other") } // rotated
		time.Sleep(refetchInterval)
		if !valid("other") || i.fetches != 2 {
			t.Errorf("the new key is not used after %d fetches", i.fetches)
		}
		if _, err := a.identify(t.Context(), i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"])); !errors.Is(err, ErrUnknown) {
			t.Errorf("the old key is used: %v", err)
		}
		i.answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }
		stop := runs(t, a)
		time.Sleep(24 * time.Hour)
		stop()
		if !valid("other") || i.fetches < 20 {
			t.Errorf("%d fetches; keys that were known must stay where none can be fetched", i.fetches)
		}
	})
}

func TestAnIssuerThatFails(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"status":   func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"not JSON": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		"no keys":  func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`) },
		"endless": func(w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"keys":[`+strings.Repeat(" ", maxFetched)+`]}`)
		},
		"redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", "http://10.0.0.1/")
			w.WriteHeader(http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t)
			i.answer = answer
			a := i.open(t)
			a.tokens.keys.client.Transport = i
			if _, err := a.identify(t.Context(), i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"])); !errors.Is(err, ErrUnavailable) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	for _, j := range []JWT{{Issuer: "http://login.example.com", Audience: "a"}, {Issuer: "https://l.example", Audience: "a", JWKS: "http://l.example"}, {Issuer: "https://l.example"}} {
		if _, err := Open(Options{JWT: &j}); err == nil {
			t.Errorf("%+v was taken", j)
		}
	}
}

func TestClaimsDecideAboutLimits(t *testing.T) {
	i := newIssuer(t)
	plans := []ClaimLimits{{Value: "gold", Limits: Limits{TokensPerMinute: 2}}, {Value: "silver", Limits: Limits{TokensPerMinute: 1}}}
	for name, test := range map[string]struct {
		claim string
		value func(jwt.MapClaims)
		want  int64 // -1: refused
	}{
		"text":         {"plan", set("plan", "silver"), 1},
		"list":         {"plan", set("plan", []string{"x", "silver", "gold"}), 2},
		"words":        {"scope", set("scope", "openid gold"), 2},
		"nested":       {"realm_access.roles", set("realm_access", map[string]any{"roles": []string{"gold"}}), 2},
		"with a dot":   {"https://a.example/plan", set("https://a.example/plan", "gold"), 2},
		"another":      {"plan", set("plan", "lead"), -1},
		"none":         {"plan", set("x", 1), -1},
		"no text":      {"plan", set("plan", 1), -1},
		"in no object": {"plan.x", set("plan", "gold"), -1},
	} {
		t.Run(name, func(t *testing.T) {
			a := i.open(t, func(j *JWT) { j.Claim, j.Limits, j.Default = test.claim, plans, nil })
			a.tokens.keys.client.Transport = i
			c, err := a.identify(t.Context(), i.token(jwt.SigningMethodEdDSA, "ed", i.keys["ed"], test.value))
			if test.want < 0 && !errors.Is(err, ErrNoLimits) || test.want > 0 && (err != nil || c.limits.TokensPerMinute != test.want) {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
}

func BenchmarkToken(b *testing.B) {
	i := newIssuer(b)
	a := i.open(b)
	a.tokens.keys.client.Transport = i
	for name, token := range map[string]string{
		"RS256": i.token(jwt.SigningMethodRS256, "rsa", i.keys["rsa"]), "ES256": i.token(jwt.SigningMethodES256, "ec", i.keys["ec"]),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := a.identify(b.Context(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
