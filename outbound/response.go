package outbound

import (
	"fmt"
	"net/http"
	"net/url"
)

// Framed reports whether HTTP shows where the body of a response ends: by a length, by chunks, or
// by the end of a stream of HTTP/2. The body of any other may have been cut where it ends.
func Framed(r *http.Response) bool {
	return r.ProtoMajor > 1 || r.ContentLength >= 0 || len(r.TransferEncoding) > 0
}

// Destination returns where a redirection leads, as " to https://host/path": without a user, a
// query or a fragment, which may hold secrets. It is empty if the response does not contain it.
func Destination(r *http.Response, secrets Secrets) string {
	location := r.Header.Get("Location")
	to, err := url.Parse(location)
	if err != nil || location == "" {
		return ""
	}
	to = r.Request.URL.ResolveReference(to)
	to = &url.URL{Scheme: to.Scheme, Host: to.Host, Path: to.Path}
	return fmt.Sprintf(" to %.500s", secrets.Text(to.String()))
}
