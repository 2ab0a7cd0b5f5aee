package configs

import "errors"

// EndpointURL is the URL of one endpoint of a server, as it is written: a slash at its end may mean
// something there.
type EndpointURL string

// UnmarshalText parses the URL of an endpoint.
func (e *EndpointURL) UnmarshalText(text []byte) error {
	if _, ok := parseHTTP(string(text)); !ok {
		return errors.New("must be an http or https URL such as http://127.0.0.1:9000/predict, without user, query or fragment " +
			"(give a query as query: {name: value}, and credentials as headers: {Authorization: …})")
	}
	*e = EndpointURL(text)
	return nil
}
