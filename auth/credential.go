package auth

import (
	"net/http"
	"strings"
)

// maxCredential is how many bytes a key or token may have.
const maxCredential = 16 << 10

// credentials are what a request's headers hold: named is from X-API-Key or api-key, bearer from
// Authorization. Either may be empty.
type credentials struct{ named, bearer string }

// credentialsOf reads a request's headers. One that comes twice, and two names for a key that
// differ, are ErrConflict: it would be chance which of them counted.
func credentialsOf(h http.Header) (c credentials, err error) {
	for _, value := range h["X-Api-Key"] {
		if err := only(&c.named, strings.TrimSpace(value)); err != nil {
			return c, err
		}
	}
	for _, value := range h["Api-Key"] {
		if err := only(&c.named, strings.TrimSpace(value)); err != nil {
			return c, err
		}
	}
	for _, value := range h["Authorization"] {
		scheme, credential, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue // of a proxy, say
		}
		if err := only(&c.bearer, strings.TrimSpace(credential)); err != nil {
			return c, err
		}
	}
	return c, nil
}

func only(seen *string, value string) error {
	if *seen != "" && value != "" && *seen != value {
		return ErrConflict
	}
	if value != "" {
		*seen = value
	}
	return nil
}
