package kinds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"

	"penstock/configs"
	"penstock/regular"
)

// maxKeyFile bounds a file that holds a key.
const maxKeyFile = 64 << 10

// Check reports keys that are given twice, files that cannot be used, and headers that cannot be
// sent: at their position, and to `penstock check` too.
func (o OpenAIOptions) Check(report func(key, problem string)) {
	for i, u := range o.Upstreams {
		key := fmt.Sprintf("upstreams[%d].api_key_file", i)
		if u.APIKey.Reveal() != "" && u.APIKeyFile != "" {
			report(key, "stands beside api_key: leave one of them out")
		} else if _, err := u.key(); err != nil {
			report(key, "cannot be used: "+err.Error())
		}
		u.checkConnection(fmt.Sprintf("upstreams[%d]", i), report)
	}
	o.ForwardHeaders.check(report)
	for i, name := range o.ForwardHeaders {
		if textproto.CanonicalMIMEHeaderKey(name) == authorization {
			report(fmt.Sprintf("forward_headers[%d]", i), "has Authorization, which needs a choice of upstreams: "+
				"forward_authorization: true at those that are sent the client's own key")
		}
	}
}

// key returns the upstream's key, from its file if it has one. An error never shows what the file
// holds.
func (u Upstream) key() (configs.Secret, error) {
	if u.APIKeyFile == "" {
		return u.APIKey, nil
	}
	file, err := regular.Open(string(u.APIKeyFile))
	if err != nil {
		return configs.Secret{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return configs.Secret{}, err
	}
	var key configs.Secret
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case len(text) == 0:
		err = errors.New("it is empty")
	case len(text) > maxKeyFile:
		err = fmt.Errorf("it has more than %d bytes: it must hold the key and nothing else", maxKeyFile)
	default:
		if err = key.UnmarshalText(text); err != nil {
			err = fmt.Errorf("the key in it %w", err)
		}
	}
	if err != nil {
		return configs.Secret{}, fmt.Errorf("%s: %w", u.APIKeyFile, err)
	}
	return key, nil
}
