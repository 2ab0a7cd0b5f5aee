package kinds

const authorization = "Authorization"

// checkConnection reports what is wrong with the connection, and credentials that stand beside each
// other.
func (u Upstream) checkConnection(at string, report func(key, problem string)) {
	u.check(string(u.BaseURL), at, report)
	if !u.sets(authorization) {
		return
	}
	switch {
	case u.APIKey.Reveal() != "", u.APIKeyFile != "":
		report(at+".headers", "has Authorization, which the key of api_key or api_key_file is sent in: leave one of them out")
	case u.ForwardAuthorization:
		report(at+".headers", "has Authorization, which would replace the client's own key that forward_authorization passes on: "+
			"give the gateway's key as api_key")
	}
}
