package configs

import "reflect"

// LoadUnrestricted is Load without the list of what is not available.
func LoadUnrestricted(source Source, options Options) (Config, error) {
	return load(source, options, nil)
}

// CheckSchema is checkSchema.
func CheckSchema(structure reflect.Type) error { return checkSchema(structure) }

// NewSecret returns a secret.
func NewSecret(value string) Secret { return Secret{value} }

// NewSecretText returns a SecretText.
func NewSecretText(value string) SecretText { return SecretText{Secret{value}} }
