package enroll

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// goldenToken is the example both sides of the format test; collector/fleet/token_test.go makes it.
const goldenToken = "pkt1_AZCpxjw6cACAAAAAAAAAAQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f____________" +
	"______________________________8CE2MxLmV4YW1wbGUub3JnOjQ2MDEKMTAuMC4wLjE6MYKVd3o"

func TestTokenIsAsTheCollectorMakesIt(t *testing.T) {
	// Terminals and mail add white space to long words.
	for _, text := range []string{goldenToken, "  " + goldenToken + "\n", goldenToken[:40] + "\n  " + goldenToken[40:]} {
		tok, err := ParseToken(text)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(tok.ID, " ", hex.EncodeToString(tok.Secret), " ", hex.EncodeToString(tok.Pin[:]), " ", tok.Addresses)
		want := "0190a9c63c3a70008000000000000001 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f " +
			strings.Repeat("ff", 32) + " [c1.example.org:4601 10.0.0.1:1]"
		if got != want {
			t.Errorf("token\n got %s\nwant %s", got, want)
		}
	}
}

func TestTokensThatAreNotWhole(t *testing.T) {
	for n := range len(goldenToken) {
		if _, err := ParseToken(goldenToken[:n]); !errors.Is(err, ErrToken) {
			t.Errorf("the first %d bytes: error %v", n, err)
		}
	}
	for i := len(tokenPrefix); i < len(goldenToken); i++ {
		b := []byte(goldenToken)
		b[i] = map[bool]byte{true: 'A', false: 'B'}[b[i] != 'A']
		if _, err := ParseToken(string(b)); !errors.Is(err, ErrToken) {
			t.Errorf("byte %d mistyped: error %v", i, err)
		}
	}
	for name, tc := range map[string]struct{ text, want string }{
		"empty":     {"", "it is empty"},
		"prefix":    {"pkt9_abc", "does not begin with pkt1_"},
		"truncated": {goldenToken[:100], "truncated or mistyped"},
		"appended":  {goldenToken + "AAAA", "truncated or mistyped"},
		"no base64": {"pkt1_???", "truncated or mistyped"},
		"huge":      {strings.Repeat("A", 1<<20), "too long"},
	} {
		_, err := ParseToken(tc.text)
		if !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, tc.want)
		}
	}
}

func TestTokenDoesNotPrintItsSecret(t *testing.T) {
	tok, err := ParseToken(goldenToken)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", tok)
	_, mistyped := ParseToken(goldenToken[:len(goldenToken)-1])
	for _, text := range []string{log.String(), fmt.Sprint(tok), fmt.Sprintf("%v %+v %#v %s", tok, tok, tok, tok), mistyped.Error()} {
		if strings.Contains(text, "0001020304") || strings.Contains(text, "0 1 2 3 4") || strings.Contains(text, "0x1, 0x2") ||
			strings.Contains(text, goldenToken[10:20]) {
			t.Errorf("the secret is in %q", text)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(goldenToken)
	f.Add("pkt1_")
	f.Add("pkt1_AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		tok, err := ParseToken(text)
		if err != nil {
			if !errors.Is(err, ErrToken) {
				t.Errorf("error %v does not wrap ErrToken", err)
			}
			return
		}
		if len(tok.ID) != 32 || len(tok.Secret) != secretBytes || len(tok.Addresses) == 0 {
			t.Errorf("half a token: %+v", tok)
		}
	})
}

func FuzzDecodeToken(f *testing.F) {
	f.Add(make([]byte, 81))
	f.Add(append(make([]byte, 80), 1, 3, 'a', ':', '1'))
	f.Fuzz(func(t *testing.T, raw []byte) { // without the sum, which fuzzing cannot guess
		tok, err := decodeToken(raw)
		if err == nil && (len(tok.Addresses) == 0 || len(tok.Secret) != secretBytes) {
			t.Errorf("half a token: %+v", tok)
		}
	})
}
