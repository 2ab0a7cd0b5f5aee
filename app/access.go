package app

import (
	"context"
	"log/slog"
	"path/filepath"

	"penstock/auth"
	"penstock/configs"
)

// openAuth returns what identifies callers, nil if every request is allowed.
func openAuth(c configs.Config, log *slog.Logger) (*auth.Auth, error) {
	if !c.Auth.Required() {
		return nil, nil //nolint:nilnil // gateway.Options.Auth is nil then
	}
	o := auth.Options{
		Keys:  keysOf(c.Auth.Keys),
		File:  string(c.Auth.KeysFile),
		State: string(c.Auth.State),
		Log:   log,
		Parse: func(text []byte) ([]auth.Key, error) {
			path := string(c.Auth.KeysFile)
			keys, err := configs.ParseKeys(configs.Source{Name: path, Dir: filepath.Dir(path), Text: text}, c.Models)
			return keysOf(keys), err
		},
	}
	if j := c.Auth.JWT; j != nil {
		o.JWT = &auth.JWT{Issuer: string(j.Issuer), Audience: j.Audience, JWKS: string(j.JWKSURL), Claim: j.Claim}
		for _, l := range j.Limits {
			o.JWT.Limits = append(o.JWT.Limits, auth.ClaimLimits{Value: l.Value, Limits: limitsOf(l.Limits)})
		}
		if j.Default != nil {
			limits := limitsOf(*j.Default)
			o.JWT.Default = &limits
		}
	}
	return auth.Open(o)
}

// checkKeysFile reads the keys file, if there is one, and nothing else of what openAuth opens.
func checkKeysFile(c configs.Config) error {
	if c.Auth.KeysFile == "" {
		return nil
	}
	c.Auth.State, c.Auth.JWT = "", nil
	_, err := openAuth(c, slog.New(slog.DiscardHandler))
	return err
}

// runAuth runs what an Auth does in the background, until stop is called, after the last request.
func runAuth(a *auth.Auth) (stop func()) {
	if a == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

func keysOf(keys []configs.Key) []auth.Key {
	list := make([]auth.Key, 0, len(keys))
	for _, k := range keys {
		list = append(list, auth.Key{Name: k.Name, SHA256: k.SHA256, Limits: limitsOf(k.Limits)})
	}
	return list
}

func limitsOf(l configs.Limits) auth.Limits {
	limits := auth.Limits{
		RequestsPerMinute: int64(l.RequestsPerMinute),
		TokensPerMinute:   int64(l.TokensPerMinute),
		TokensPerDay:      int64(l.TokensPerDay),
		TokensPerMonth:    int64(l.TokensPerMonth),
		Streams:           int64(l.Streams),
	}
	for _, p := range l.Models {
		limits.Models = append(limits.Models, string(p))
	}
	if l.Priority == configs.PriorityBatch {
		limits.Priority = auth.Batch
	}
	return limits
}
