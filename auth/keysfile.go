package auth

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

const (
	// pollInterval is how often the keys file is read. Its content decides: times and inodes do not
	// tell whether it changed, least of all where a link to its folder is replaced.
	pollInterval = time.Second
	maxKeysFile  = 1 << 20
)

// keysFile is a file of keys that is read again and again.
type keysFile struct {
	path  string
	parse func(text []byte) ([]Key, error)

	used   []byte // what the keys are from
	seen   []byte // what was read last, or refused
	failed string // the last error; "": none
}

// read reads the file for the first time: then it must be right.
func (f *keysFile) read() ([]Key, error) {
	text, err := readRegular(f.path, maxKeysFile)
	if err != nil {
		return nil, fmt.Errorf("read the keys file: %w", err)
	}
	keys, err := f.parse(text)
	if err == nil {
		f.used, f.seen = text, text
	}
	return keys, err
}

// poll reads the file once, and passes its keys to use if it has changed. A content counts once it
// has been read twice, so that a file that is being written is not taken for one that lacks keys.
// changed reports whether there is anything to log.
func (f *keysFile) poll(use func([]Key) error) (changed bool, err error) {
	text, err := readRegular(f.path, maxKeysFile)
	if err != nil {
		return f.fail(fmt.Errorf("read the keys file: %w", err))
	}
	if bytes.Equal(text, f.used) {
		changed = f.failed != "" // it is back to what it was
		f.seen, f.failed = text, ""
		return changed, nil
	}
	if !bytes.Equal(text, f.seen) {
		f.seen = text
		return false, nil
	}
	keys, err := f.parse(text)
	if err == nil {
		err = use(keys)
	}
	if err != nil {
		return f.fail(err)
	}
	f.used, f.failed = text, ""
	return true, nil
}

// fail notes an error, which is news unless it is the last one again.
func (f *keysFile) fail(err error) (changed bool, _ error) {
	changed = f.failed != err.Error()
	f.failed = err.Error()
	return changed, err
}

// watchFile polls the keys file until ctx ends.
func (a *Auth) watchFile(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		changed, err := a.file.poll(a.replaceFileKeys)
		a.fileBroken.Store(a.file.failed != "")
		switch {
		case !changed:
		case err != nil:
			a.fileFailures.Add(1)
			a.log.Error("the keys file cannot be used: the keys it had before stay valid", "error", err)
		default:
			a.fileReloads.Add(1)
			a.log.Info("the keys file was read again", "keys", len(a.keys.Load().byID))
		}
	}
}

// replaceFileKeys makes these the keys of the file, and revokes those it had and has no more.
func (a *Auth) replaceFileKeys(keys []Key) error {
	next, gone, err := a.accounts.join(a.keys.Load(), append(append([]Key{}, a.own...), keys...)...)
	if err != nil {
		return err
	}
	a.keys.Store(next)
	for _, h := range gone {
		a.log.Info("a key was revoked", "key", h.key.Name)
		h.revoked.revoke()
	}
	return nil
}
