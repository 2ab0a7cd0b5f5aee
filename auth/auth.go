package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configures an Auth.
type Options struct {
	Keys []Key
	// File is a file of further keys, which is read again when its content changes; "": none.
	// Parse parses it.
	File  string
	Parse func(text []byte) ([]Key, error)
	State string       // the folder in which budgets survive a restart; "": they do not
	JWT   *JWT         // the issuer whose tokens are accepted too; nil: none
	Log   *slog.Logger // nil: slog.Default()
}

// Auth identifies callers and counts what they use. It is safe for use by many goroutines.
type Auth struct {
	log      *slog.Logger
	own      []Key // of the configuration
	file     *keysFile
	keys     atomic.Pointer[ring]
	accounts *accounts
	state    string
	tokens   *verifier

	fileBroken                              atomic.Bool
	fileReloads, fileFailures, saveFailures atomic.Int64
}

// Open reads the keys file and the saved budgets. A file that is missing or broken is an error.
func Open(o Options) (*Auth, error) {
	a := &Auth{log: o.Log, own: o.Keys, accounts: newAccounts(), state: o.State}
	if a.log == nil {
		a.log = slog.Default()
	}
	if o.State != "" {
		saved, err := readState(o.State)
		if err != nil {
			return nil, fmt.Errorf("auth.state: %w", err)
		}
		a.accounts.saved = saved
	}
	keys := o.Keys
	if o.File != "" {
		a.file = &keysFile{path: o.File, parse: o.Parse}
		further, err := a.file.read()
		if err != nil {
			return nil, fmt.Errorf("auth.keys_file: %w", err)
		}
		keys = append(append([]Key{}, keys...), further...)
	}
	ring, _, err := a.accounts.join(&ring{}, keys...)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	a.keys.Store(ring)
	if o.JWT != nil {
		if a.tokens, err = newVerifier(*o.JWT, a.log); err != nil {
			return nil, fmt.Errorf("auth.jwt: %w", err)
		}
	}
	return a, nil
}

// Run reads the keys file again when it changes, fetches the issuer's keys, and saves budgets,
// until ctx ends; then it saves them for the last time. End ctx after the last request.
func (a *Auth) Run(ctx context.Context) {
	var wg sync.WaitGroup
	if a.file != nil {
		wg.Go(func() { a.watchFile(ctx) })
	}
	if a.tokens != nil {
		wg.Go(func() { a.tokens.refresh(ctx) })
	}
	if a.state != "" {
		wg.Go(func() { a.keepState(ctx) })
	}
	wg.Wait()
}

// keepState saves budgets when they have changed, at most every saveInterval.
func (a *Auth) keepState(ctx context.Context) {
	for {
		select {
		case <-a.accounts.dirty:
			a.save()
		case <-ctx.Done():
			a.save()
			return
		}
		pause := time.NewTimer(saveInterval)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
}

func (a *Auth) save() {
	if err := writeState(a.state, a.accounts.records()); err != nil {
		a.saveFailures.Add(1)
		a.accounts.changed() // try again
		a.log.Error("the budgets of callers could not be saved: a restart would forget what was spent since", "error", err)
	}
}

// Caller is the origin of a request, as its credential identifies it.
type Caller struct {
	// Name is key:NAME or jwt:SUBJECT. Requests of one Name share their limits.
	Name string
	// ID identifies the credential: of a key that replaces another under its name it is another.
	ID string

	limits  Limits
	account *account
}

// Identify returns the caller that a request's headers identify. Its errors are those of this
// package, and do not depend on which keys exist.
//
// X-API-Key and api-key decide where one of them is given; Authorization is then for an upstream,
// unless it holds a credential of ours too, which is ErrConflict if it is another one.
func (a *Auth) Identify(ctx context.Context, h http.Header) (*Caller, error) {
	c, err := credentialsOf(h)
	if err != nil {
		return nil, err
	}
	if c.named == "" {
		return a.identify(ctx, c.bearer)
	}
	if c.bearer != "" && c.bearer != c.named && a.ours(c.bearer) {
		return nil, ErrConflict
	}
	return a.identify(ctx, c.named)
}

func (a *Auth) identify(ctx context.Context, credential string) (*Caller, error) {
	if credential == "" {
		return nil, ErrNoCredential
	}
	if len(credential) > maxCredential {
		return nil, ErrUnknown
	}
	if h, ok := a.keys.Load().find(credential); ok {
		return &Caller{Name: keyPrefix + h.key.Name, ID: h.id, limits: h.key.Limits, account: h.account}, nil
	}
	if a.tokens == nil || !looksLikeToken(credential) {
		return nil, ErrUnknown
	}
	subject, granted, err := a.tokens.verify(ctx, credential)
	if err != nil {
		return nil, err
	}
	name := jwtPrefix + subject
	account, err := a.accounts.ofSubject(name, granted.Limits, strings.TrimSuffix(jwtPrefix+granted.Value, ":"))
	if err != nil {
		return nil, err
	}
	return &Caller{Name: name, ID: name, limits: granted.Limits, account: account}, nil
}

// Foreign returns the bearer credential of a request that may be passed on to an upstream, "" if
// there is none: one beside the header that identified the caller, and not a key or token of ours.
func (a *Auth) Foreign(h http.Header) string {
	c, err := credentialsOf(h)
	if err != nil || c.named == "" || a.ours(c.bearer) {
		return ""
	}
	// What is no token (RFC 6750, 2.1) may have one of ours in it: Bearer Bearer KEY.
	if strings.ContainsAny(c.bearer, " \t,;\"'") {
		return ""
	}
	return c.bearer
}

// ours reports whether a credential is a key of ours, may have been one, or is a token of the
// issuer's, valid or not.
func (a *Auth) ours(credential string) bool {
	if _, ok := a.keys.Load().find(credential); ok || looksOurs(credential) {
		return true
	}
	return a.tokens != nil && a.tokens.issued(credential)
}

// Valid reports whether the credential with that Caller.ID has not been revoked. Tokens cannot be.
func (a *Auth) Valid(id string) bool {
	if strings.HasPrefix(id, jwtPrefix) {
		return a.tokens != nil
	}
	_, ok := a.keys.Load().byID[id]
	return ok
}

// OnRevoked calls f once the credential with that Caller.ID has been revoked, unless stop is called
// before.
func (a *Auth) OnRevoked(id string, f func()) (stop func()) {
	if h, ok := a.keys.Load().byID[id]; ok {
		return h.revoked.add(f)
	}
	if !a.Valid(id) {
		f()
	}
	return func() {}
}

// May reports whether the caller may use a model.
func (c *Caller) May(model string) bool { return c.limits.allows(model) }

// Priority returns the caller's priority.
func (c *Caller) Priority() Priority { return c.limits.Priority }

// CountsTokens reports whether any limit of the caller is one of tokens.
func (c *Caller) CountsTokens() bool { return c.limits.CountsTokens() }

// NotAllowed counts a request for a model that the caller may not use, and returns the *Refusal.
func (c *Caller) NotAllowed() error {
	c.account.counters.refuse(NotAllowed)
	return &Refusal{Reason: NotAllowed}
}

// Admit reserves what a request needs, or returns a *Refusal and charges nothing.
func (c *Caller) Admit(r Request) (*Grant, error) { return c.account.admit(r) }

// Status is what an operator should know of an Auth.
type Status struct {
	Keys                                    int
	FileBroken                              bool // the keys are the last good ones
	FileReloads, FileFailures, SaveFailures int64
	Counts                                  []Count // by name
}

// Status returns the present status.
func (a *Auth) Status() Status {
	return Status{
		Keys: len(a.keys.Load().byID), FileBroken: a.fileBroken.Load(),
		FileReloads: a.fileReloads.Load(), FileFailures: a.fileFailures.Load(), SaveFailures: a.saveFailures.Load(),
		Counts: a.accounts.count.counts(),
	}
}
