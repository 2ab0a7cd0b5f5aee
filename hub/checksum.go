package hub

import (
	"crypto/sha1" // #nosec G505 -- git's own checksum: the hub has no other for small files
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// A Checksum is the hub's checksum of a file's content: SHA-256 for a file in large file storage,
// otherwise git's SHA-1 of a blob, which covers the length too.
type Checksum struct {
	hex string
	git bool
}

func newChecksum(oid, lfs string) (Checksum, error) {
	c, size := Checksum{hex: lfs}, sha256.Size
	if lfs == "" {
		c, size = Checksum{hex: oid, git: true}, sha1.Size
	}
	if raw, err := hex.DecodeString(c.hex); err != nil || len(raw) != size || hex.EncodeToString(raw) != c.hex {
		return Checksum{}, errors.New("its checksum is missing or malformed")
	}
	return c, nil
}

// String returns the algorithm and the checksum in hexadecimal.
func (c Checksum) String() string {
	if c.git {
		return "git-sha1:" + c.hex
	}
	return "sha256:" + c.hex
}

// hash returns a hash for a file of size bytes.
func (c Checksum) hash(size int64) hash.Hash {
	if !c.git {
		return sha256.New()
	}
	h := sha1.New() // #nosec G401 -- see the import
	fmt.Fprintf(h, "blob %d\x00", size)
	return h
}

// matches reports whether h, which has read the whole file, yields the checksum.
func (c Checksum) matches(h hash.Hash) bool { return hex.EncodeToString(h.Sum(nil)) == c.hex }
