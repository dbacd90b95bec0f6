package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/picketmon/picket/internal/errs"
)

// Limits of passwords.
const (
	MinPasswordChars = 12
	MaxPasswordBytes = 1024
)

const (
	saltBytes       = 16
	keyBytes        = 32
	hashesAtOnce    = 2  // each takes HashParams.Memory
	hashesWaiting   = 64 // more are refused
	maxMemoryKiB    = 1 << 20
	maxTime         = 16
	maxThreads      = 16
	maxEncodedBytes = 128
)

// HashParams are the cost of argon2id.
type HashParams struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// DefaultHash returns a cost of about a tenth of a second and 64 MiB.
func DefaultHash() HashParams { return HashParams{Memory: 64 << 10, Time: 2, Threads: 2} }

func (p HashParams) check() error {
	if p.Memory < 8*uint32(p.Threads) || p.Memory > maxMemoryKiB || p.Time < 1 || p.Time > maxTime || p.Threads < 1 || p.Threads > maxThreads {
		return fmt.Errorf("argon2id parameters m=%d,t=%d,p=%d are out of bounds", p.Memory, p.Time, p.Threads)
	}
	return nil
}

// passwordHash is a parsed PHC string: $argon2id$v=19$m=65536,t=2,p=2$salt$key.
type passwordHash struct {
	params    HashParams
	salt, key []byte
}

func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.params.Memory, h.params.Time, h.params.Threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

func parsePasswordHash(s string) (passwordHash, error) {
	var h passwordHash
	parts := strings.Split(s, "$")
	if len(s) > maxEncodedBytes || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return h, fmt.Errorf("password hash is not argon2id of version %d", argon2.Version)
	}
	costs := strings.Split(parts[3], ",")
	if len(costs) != 3 {
		return h, fmt.Errorf("password hash has %d parameters", len(costs))
	}
	var numbers [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(costs[i], name)
		n, err := strconv.ParseUint(digits, 10, 24)
		if !ok || err != nil {
			return h, fmt.Errorf("password hash has a bad parameter %q", costs[i])
		}
		numbers[i] = n
	}
	if numbers[2] > maxThreads {
		return h, fmt.Errorf("password hash has too many threads")
	}
	h.params = HashParams{Memory: uint32(numbers[0]), Time: uint32(numbers[1]), Threads: uint8(numbers[2])}
	if err := h.params.check(); err != nil {
		return h, err
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil || len(h.salt) < 8 {
		return h, fmt.Errorf("password hash has a bad salt")
	}
	if h.key, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil || len(h.key) < 16 {
		return h, fmt.Errorf("password hash has a bad key")
	}
	return h, nil
}

// hasher makes and compares password hashes, few at once because each takes much memory.
type hasher struct {
	params  HashParams
	slots   chan struct{}
	waiting atomic.Int64
	dummy   passwordHash // compared with when there is no user, so that answers take the same time
}

func newHasher(p HashParams) *hasher {
	h := &hasher{params: p, slots: make(chan struct{}, hashesAtOnce)}
	h.dummy = passwordHash{params: p, salt: randomBytes(saltBytes), key: randomBytes(keyBytes)}
	return h
}

// acquire waits for a slot; the caller must release it. It refuses when too many wait.
func (h *hasher) acquire(ctx context.Context) error {
	if h.waiting.Add(1) > hashesWaiting {
		h.waiting.Add(-1)
		return errs.New(errs.Unavailable, "too many logins at once, try again")
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errs.Wrap(errs.Unavailable, context.Cause(ctx), "the login took too long, try again")
	}
}

func (h *hasher) release() { <-h.slots }

// hash returns the PHC string of a new password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	made := passwordHash{params: h.params, salt: randomBytes(saltBytes)}
	made.key = argon2.IDKey([]byte(password), made.salt, h.params.Time, h.params.Memory, h.params.Threads, keyBytes)
	return made.String(), nil
}

// matches reports whether password has the hash. The caller holds a slot.
func (h passwordHash) matches(password string) bool {
	key := argon2.IDKey([]byte(password), h.salt, h.params.Time, h.params.Memory, h.params.Threads, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

func checkPassword(password string) error {
	switch {
	case len(password) > MaxPasswordBytes:
		return errs.New(errs.Invalid, "must have at most %d bytes", MaxPasswordBytes)
	case utf8.RuneCountInString(password) < MinPasswordChars:
		return errs.New(errs.Invalid, "must have at least %d characters", MinPasswordChars)
	}
	return nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it would end the program
	return b
}
