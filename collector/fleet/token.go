package fleet

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/picketmon/picket/internal/errs"
)

// A token is one printable word. After the prefix stands base64url without padding of
//
//	id (16) | secret (32) | SHA-256 of the CA's public key (32) | number of addresses (1) | length (1), address … | sum (4)
//
// sum is the beginning of the SHA-256 of prefix and all before it: it tells a truncated paste from a wrong token. The agent's
// side is agent/enroll/token.go; both sides test the same example.
const (
	tokenPrefix  = "pkt1_"
	secretBytes  = 32
	sumBytes     = 4
	maxAddresses = 8

	defaultTokenLife = 24 * time.Hour
	maxTokenLife     = 90 * 24 * time.Hour
	maxTokenUses     = 1_000_000
)

// TokenID is the id of an enrolment token; it is no secret.
type TokenID string

// TokenOptions say what a token allows.
type TokenOptions struct {
	// Uses is how many enrolments the token is good for; 0 means 1.
	Uses int
	// TTL is how long it is valid from NotBefore on; 0 means 24 h, the most is 90 d.
	TTL time.Duration
	// NotBefore is when it begins to be valid; zero means now.
	NotBefore time.Time
	// AllowReinstall lets a host that was enrolled before get its former id and instance back.
	AllowReinstall bool
	// Addresses are the collector's, host:port, in the order in which agents try them. At least one is required.
	Addresses []string
	// CreatedBy names the user, for the list and the audit.
	CreatedBy string
}

func (o *TokenOptions) complete(now time.Time) error {
	var p errs.Problems
	if o.Uses == 0 {
		o.Uses = 1
	}
	if o.Uses < 0 || o.Uses > maxTokenUses {
		p.Add("uses", "must be 1 to %d", maxTokenUses)
	}
	if o.TTL == 0 {
		o.TTL = defaultTokenLife
	}
	if o.TTL < time.Second || o.TTL > maxTokenLife {
		p.Add("ttl", "must be 1s to %s", maxTokenLife)
	}
	if o.NotBefore.IsZero() {
		o.NotBefore = now
	}
	if o.NotBefore.After(now.Add(maxTokenLife)) {
		p.Add("not_before", "must be within %s from now", maxTokenLife)
	}
	if len(o.Addresses) == 0 || len(o.Addresses) > maxAddresses {
		p.Add("addresses", "must be 1 to %d", maxAddresses)
	}
	for _, a := range o.Addresses {
		if err := checkAddress(a); err != nil {
			p.Add("addresses", "%v", err)
		}
	}
	return p.Err()
}

func checkAddress(a string) error {
	host, port, err := net.SplitHostPort(a)
	if err != nil || host == "" || port == "" || len(a) > 255 || !utf8.ValidString(a) || strings.ContainsAny(a, ", \t\r\n") {
		return fmt.Errorf("%q is not host:port", a)
	}
	return nil
}

// encodeToken returns the printable token.
func encodeToken(id TokenID, secret [secretBytes]byte, pin [sha256.Size]byte, addresses []string) (string, error) {
	raw, err := hex.DecodeString(string(id))
	if err != nil || len(raw) != 16 {
		return "", fmt.Errorf("encode token: id %q is not 32 hex digits", id)
	}
	b := append(raw, secret[:]...)
	b = append(b, pin[:]...)
	b = append(b, byte(len(addresses)))
	for _, a := range addresses {
		if len(a) == 0 || len(a) > 255 {
			return "", errors.New("encode token: an address has not 1 to 255 bytes")
		}
		b = append(b, byte(len(a)))
		b = append(b, a...)
	}
	sum := sha256.Sum256(append([]byte(tokenPrefix), b...))
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(b, sum[:sumBytes]...)), nil
}

func newSecret() (secret [secretBytes]byte) {
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
	return secret
}

// secretHash is what is kept of a secret. The secret has 256 random bits, so a slow hash would add nothing.
func secretHash(secret []byte) string {
	sum := sha256.Sum256(secret)
	return hex.EncodeToString(sum[:])
}
