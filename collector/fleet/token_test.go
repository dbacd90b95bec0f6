package fleet

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/internal/errs"
)

// goldenToken is the example both sides of the format test; agent/enroll/token_test.go reads it.
const goldenToken = "pkt1_AZCpxjw6cACAAAAAAAAAAQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f___________" +
	"_______________________________8CE2MxLmV4YW1wbGUub3JnOjQ2MDEKMTAuMC4wLjE6MYKVd3o"

func TestTokenIsAsAgentsReadIt(t *testing.T) {
	var secret [secretBytes]byte
	var pin [sha256.Size]byte
	for i := range secret {
		secret[i], pin[i] = byte(i), 0xff
	}
	got, err := encodeToken("0190a9c63c3a70008000000000000001", secret, pin, []string{"c1.example.org:4601", "10.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if got != goldenToken {
		t.Errorf("token\n got %s\nwant %s", got, goldenToken)
	}
}

func TestTokenIDMustBeAnID(t *testing.T) {
	for _, id := range []TokenID{"", "12", "zz90a9c63c3a70008000000000000001"} {
		if text, err := encodeToken(id, [secretBytes]byte{}, [sha256.Size]byte{}, nil); err == nil {
			t.Errorf("id %q was encoded as %s", id, text)
		}
	}
}

func TestTokenOptions(t *testing.T) {
	now := time.Now()
	good := TokenOptions{Addresses: []string{"c:4601"}}
	for name, tc := range map[string]struct {
		change func(*TokenOptions)
		field  string // "" is valid
	}{
		"defaults":        {func(*TokenOptions) {}, ""},
		"ipv6":            {func(o *TokenOptions) { o.Addresses = []string{"[::1]:4601"} }, ""},
		"longest":         {func(o *TokenOptions) { o.TTL = maxTokenLife }, ""},
		"negative uses":   {func(o *TokenOptions) { o.Uses = -1 }, "uses"},
		"too many uses":   {func(o *TokenOptions) { o.Uses = maxTokenUses + 1 }, "uses"},
		"too long":        {func(o *TokenOptions) { o.TTL = maxTokenLife + 1 }, "ttl"},
		"negative ttl":    {func(o *TokenOptions) { o.TTL = -time.Hour }, "ttl"},
		"far future":      {func(o *TokenOptions) { o.NotBefore = now.Add(maxTokenLife + time.Hour) }, "not_before"},
		"no address":      {func(o *TokenOptions) { o.Addresses = nil }, "addresses"},
		"no port":         {func(o *TokenOptions) { o.Addresses = []string{"c"} }, "addresses"},
		"comma":           {func(o *TokenOptions) { o.Addresses = []string{"a,b:1"} }, "addresses"},
		"too many places": {func(o *TokenOptions) { o.Addresses = strings.Split(strings.Repeat("c:1 ", 9)+"c:1", " ") }, "addresses"},
	} {
		t.Run(name, func(t *testing.T) {
			o := good
			tc.change(&o)
			err := o.complete(now)
			if tc.field == "" {
				if err != nil || o.Uses != 1 || o.TTL == 0 || o.NotBefore.IsZero() {
					t.Errorf("options became %+v, error %v", o, err)
				}
				return
			}
			if f := errs.Fields(err); !errs.Is(err, errs.Invalid) || len(f) != 1 || f[0].Name != tc.field {
				t.Errorf("error %v, want one problem with %s", err, tc.field)
			}
		})
	}
}

// decodePrinted returns the bytes of a printed token.
func decodePrinted(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, tokenPrefix))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
