package kinds

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"penstock/configs"
	"penstock/regular"
)

// maxKeyFile bounds a file that holds a key.
const maxKeyFile = 64 << 10

// Check reports keys that are given twice.
func (o OpenAIOptions) Check(report func(key, problem string)) {
	for i, u := range o.Upstreams {
		if u.APIKey.Reveal() != "" && u.APIKeyFile != "" {
			report(fmt.Sprintf("upstreams[%d].api_key_file", i), "stands beside api_key: leave one of them out")
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
	text = bytes.TrimRight(text, "\r\n")
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
