package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWT configures the issuer whose tokens are accepted.
type JWT struct {
	Issuer   string
	Audience string
	JWKS     string // the address of its keys; "": discovered from Issuer
	// Claim names the claim that decides about a token's limits: a text or a list of texts. Dots
	// lead into objects.
	Claim   string
	Limits  []ClaimLimits // the first whose Value the claim has counts
	Default *Limits       // of tokens that none of these is for; nil: they are refused
}

// ClaimLimits are the limits of tokens whose claim has a value.
type ClaimLimits struct {
	Value  string
	Limits Limits
}

// clockSkew is by how much the issuer's clock may differ.
const clockSkew = 30 * time.Second

// maxSubject is how many bytes a token's subject may have.
const maxSubject = 256

// verifier checks tokens.
type verifier struct {
	config JWT
	keys   *keySet
	parser *jwt.Parser
}

func newVerifier(config JWT, log *slog.Logger) (*verifier, error) {
	for _, address := range []string{config.Issuer, config.JWKS} {
		if address == "" {
			continue
		}
		if u, err := url.Parse(address); err != nil || !secure(u) {
			return nil, fmt.Errorf("%s must be an https address, or http on this machine", address)
		}
	}
	if config.Issuer == "" || config.Audience == "" {
		return nil, errors.New("issuer and audience are both needed")
	}
	return &verifier{
		config: config,
		keys:   newKeySet(config.Issuer, config.JWKS, log),
		parser: jwt.NewParser(
			// Asymmetric algorithms only: with others the issuer's public key would make tokens.
			jwt.WithValidMethods([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}),
			jwt.WithExpirationRequired(),
			jwt.WithAudience(config.Audience),
			jwt.WithIssuer(config.Issuer),
			jwt.WithLeeway(clockSkew),
		),
	}, nil
}

// refresh fetches the issuer's keys again and again until ctx ends.
func (v *verifier) refresh(ctx context.Context) { v.keys.refresh(ctx) }

// verify returns a token's subject and what it may do.
func (v *verifier) verify(ctx context.Context, token string) (subject string, granted ClaimLimits, err error) {
	claims := jwt.MapClaims{}
	_, err = v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if _, ok := t.Header["crit"]; ok { // RFC 7515, 4.1.11: it has a meaning that is not known here
			return nil, errors.New("its header has crit")
		}
		kid, _ := t.Header["kid"].(string)
		return v.keys.find(ctx, kid, t.Method.Alg())
	})
	switch {
	case errors.Is(err, ErrUnavailable):
		return "", granted, ErrUnavailable
	case err != nil:
		return "", granted, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	subject, err = claims.GetSubject()
	if err != nil || subject == "" || len(subject) > maxSubject {
		return "", granted, fmt.Errorf("%w: its subject is missing or too long", ErrUnknown)
	}
	granted, ok := v.limits(claims)
	if !ok {
		return "", granted, ErrNoLimits
	}
	return subject, granted, nil
}

// limits returns what a token may do, by the claim that decides.
func (v *verifier) limits(claims jwt.MapClaims) (ClaimLimits, bool) {
	values := valuesOf(claims, v.config.Claim)
	for _, l := range v.config.Limits {
		for _, value := range values {
			if value == l.Value {
				return l, true
			}
		}
	}
	if v.config.Default == nil {
		return ClaimLimits{}, false
	}
	return ClaimLimits{Limits: *v.config.Default}, true
}

// valuesOf returns the texts of a claim, whose whole name is looked for before its parts.
func valuesOf(claims map[string]any, claim string) []string {
	value, ok := claims[claim]
	if !ok {
		first, rest, dotted := strings.Cut(claim, ".")
		inner, object := claims[first].(map[string]any)
		if !dotted || !object {
			return nil
		}
		return valuesOf(inner, rest)
	}
	switch value := value.(type) {
	case string:
		return append(strings.Fields(value), value) // as the claim scope: a text of words
	case []any:
		var texts []string
		for _, item := range value {
			if text, ok := item.(string); ok {
				texts = append(texts, text)
			}
		}
		return texts
	}
	return nil
}

// issued reports whether a credential is a token of the issuer's, without checking it.
func (v *verifier) issued(credential string) bool {
	if !looksLikeToken(credential) {
		return false
	}
	claims := jwt.MapClaims{}
	if _, _, err := v.parser.ParseUnverified(credential, claims); err != nil {
		return false
	}
	issuer, err := claims.GetIssuer()
	return err == nil && issuer == v.config.Issuer
}

// looksLikeToken reports whether a credential has the form of a signed token.
func looksLikeToken(credential string) bool {
	return len(credential) <= maxCredential && strings.Count(credential, ".") == 2
}
