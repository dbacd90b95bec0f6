package enroll

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// A token is one printable word: the prefix, then base64url without padding of
//
//	id (16) | secret (32) | SHA-256 of the CA's public key (32) | number of addresses (1) | length (1), address … | sum (4)
//
// sum is the beginning of the SHA-256 of prefix and all before it. The collector's side is collector/fleet/token.go; both
// sides test the same example.
const (
	tokenPrefix  = "pkt1_"
	idBytes      = 16
	secretBytes  = 32
	sumBytes     = 4
	maxTokenText = 4 << 10
)

// ErrToken says that a text is no whole token, whoever made it.
var ErrToken = errors.New("no valid token")

// Token is what a collector hands out for enrolment: who it is, where it is, and the right to enrol there.
type Token struct {
	ID        string // 32 lower-case hex digits, no secret
	Secret    []byte
	Pin       [sha256.Size]byte // SHA-256 of the public key of the collector's CA
	Addresses []string          // host:port, in the order in which to try them
}

// ParseToken reads a printed token. White space anywhere in it, as terminals add it to long words, does not matter. An error
// wraps ErrToken and never holds the text, which is a secret.
func ParseToken(text string) (Token, error) {
	if len(text) > maxTokenText {
		return Token{}, tokenError("it is far too long")
	}
	text = strings.Join(strings.Fields(text), "")
	if text == "" {
		return Token{}, tokenError("it is empty")
	}
	body, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok {
		return Token{}, tokenError("it does not begin with " + tokenPrefix)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || len(raw) < sumBytes {
		return Token{}, tokenError("it is truncated or mistyped; copy all of it")
	}
	raw, sum := raw[:len(raw)-sumBytes], raw[len(raw)-sumBytes:]
	want := sha256.Sum256(append([]byte(tokenPrefix), raw...))
	if !bytes.Equal(sum, want[:sumBytes]) {
		return Token{}, tokenError("it is truncated or mistyped; copy all of it")
	}
	return decodeToken(raw)
}

func decodeToken(raw []byte) (Token, error) {
	const fixed = idBytes + secretBytes + sha256.Size + 1
	if len(raw) < fixed {
		return Token{}, tokenError("it is too short")
	}
	t := Token{ID: hex.EncodeToString(raw[:idBytes]), Secret: bytes.Clone(raw[idBytes : idBytes+secretBytes])}
	copy(t.Pin[:], raw[idBytes+secretBytes:])
	n, rest := int(raw[fixed-1]), raw[fixed:]
	for range n {
		if len(rest) < 1 || len(rest) < 1+int(rest[0]) || rest[0] == 0 {
			return Token{}, tokenError("its addresses cannot be read")
		}
		address := string(rest[1 : 1+rest[0]])
		if !utf8.ValidString(address) {
			return Token{}, tokenError("its addresses cannot be read")
		}
		t.Addresses = append(t.Addresses, address)
		rest = rest[1+rest[0]:]
	}
	if len(rest) > 0 || n == 0 {
		return Token{}, tokenError("its addresses cannot be read")
	}
	return t, nil
}

// String names the token without its secret.
func (t Token) String() string { return "token " + t.ID }

// GoString is String, so that %#v shows no secret either.
func (t Token) GoString() string { return t.String() }

// LogValue logs the token without its secret.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.ID) }

func tokenError(why string) error { return fmt.Errorf("%w: %s", ErrToken, why) }
