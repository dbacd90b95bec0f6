package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

const (
	verifiedFor = time.Minute
	maxVerified = 1024
)

type verifyKey [sha256.Size]byte

// verified remembers for a minute which names and passwords were right, so that Basic authentication does not pay for argon2
// with each request. Keys are HMACs under a key that only this process has, and an entry holds for one password hash only: a
// change of the password, by whatever process, ends it.
type verified struct {
	key []byte

	mu      sync.Mutex
	entries map[verifyKey]verifiedEntry
}

type verifiedEntry struct {
	userID       string
	passwordHash string
	until        time.Time
}

func newVerified() *verified {
	return &verified{key: randomBytes(sha256.Size), entries: map[verifyKey]verifiedEntry{}}
}

func (v *verified) keyOf(name, password string) verifyKey {
	mac := hmac.New(sha256.New, v.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(name)))) // where the name ends
	mac.Write([]byte(strings.ToLower(name)))
	mac.Write([]byte(password))
	var k verifyKey
	mac.Sum(k[:0])
	return k
}

func (v *verified) get(k verifyKey, now time.Time) (verifiedEntry, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	e, ok := v.entries[k]
	if ok && !now.Before(e.until) {
		delete(v.entries, k)
		return verifiedEntry{}, false
	}
	return e, ok
}

func (v *verified) put(k verifyKey, e verifiedEntry, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.entries) >= maxVerified {
		for other, o := range v.entries {
			if !now.Before(o.until) {
				delete(v.entries, other)
			}
		}
		for other := range v.entries {
			if len(v.entries) < maxVerified {
				break
			}
			delete(v.entries, other)
		}
	}
	e.until = now.Add(verifiedFor)
	v.entries[k] = e
}

func (v *verified) drop(k verifyKey) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.entries, k)
}
