package kinds

const authorization = "Authorization"

// checkConnection reports what is wrong with the connection, and credentials that stand beside each
// other.
func (u Upstream) checkConnection(at string, report func(key, problem string)) {
	u.check(string(u.BaseURL), at, report)
	name, ok := u.header(authorization)
	if !ok {
		return
	}
	key := at + ".headers." + name
	switch {
	case u.APIKey.Reveal() != "", u.APIKeyFile != "":
		report(key, "stands beside the key of api_key or api_key_file, which it would replace: leave one of them out")
	case u.ForwardAuthorization:
		report(key, "would replace the client's own key that forward_authorization passes on: "+
			"give the gateway's key as api_key")
	}
}
