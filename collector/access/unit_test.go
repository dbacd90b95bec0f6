package access

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRolesImply(t *testing.T) {
	// Which single roles let a holder of the row's role pass.
	want := map[Role][]Role{
		Viewer:      {Viewer},
		Operator:    {Operator, Viewer},
		ServiceDesk: {ServiceDesk, Viewer},
		CheckAuthor: {CheckAuthor, Viewer},
		Admin:       {Admin, CheckAuthor, Operator, ServiceDesk, Viewer},
		Agent:       nil,
		Token:       nil,
		Public:      nil,
		"king":      nil,
	}
	for held, may := range want {
		var got []Role
		for _, wanted := range []Role{Admin, Agent, CheckAuthor, Operator, Public, ServiceDesk, Token, Viewer, "", "king"} {
			if (Roles{held}).Allows(wanted) {
				got = append(got, wanted)
			}
		}
		if diff := cmp.Diff(may, got); diff != "" {
			t.Errorf("%s: %s", held, diff)
		}
	}
	if (Roles{Operator, ServiceDesk}).Allows(CheckAuthor, Admin) || !(Roles{Operator}).Allows(Admin, Viewer) || (Roles{}).Allows(Viewer) || (Roles{Admin}).Allows() {
		t.Error("lists of roles are misjudged")
	}
	if diff := cmp.Diff(Roles{Operator, Viewer}, (Roles{Admin, Operator, Viewer}).Within(Roles{Operator})); diff != "" {
		t.Error(diff)
	}
}

func TestPasswordHash(t *testing.T) {
	h := newHasher(HashParams{Memory: 64, Time: 1, Threads: 2})
	text, err := h.hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parsePasswordHash(text)
	if err != nil {
		t.Fatal(err)
	}
	if parsed.String() != text || !strings.HasPrefix(text, "$argon2id$v=19$m=64,t=1,p=2$") {
		t.Errorf("%s became %s", text, parsed)
	}
	if !parsed.matches("correct horse") || parsed.matches("correct horsf") || parsed.matches("") || h.dummy.matches("correct horse") {
		t.Error("passwords are misjudged")
	}
	again, err := h.hash(t.Context(), "correct horse")
	if err != nil || again == text {
		t.Error("two hashes of one password are the same")
	}
	// From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32.
	known, err := parsePasswordHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil || !known.matches("password") || known.matches("Password") {
		t.Errorf("the reference hash is misjudged: %v", err)
	}
}

func TestParsePasswordHashRefuses(t *testing.T) {
	good := "$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43)
	if _, err := parsePasswordHash(good); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"argon2id", "argon2i"},
		{"v=19", "v=16"},
		{"m=64", "m=4"},
		{"m=64", "m=9999999"},
		{"m=64", "m=-1"},
		{"m=64", "x=64"},
		{"t=1", "t=0"},
		{"t=1", "t=99"},
		{"p=1", "p=0"},
		{"p=1", "p=257"},
		{"p=1", "p=1,k=2"},
		{",p=1", ""},
		{strings.Repeat("A", 22), "AAAA"},
		{strings.Repeat("A", 43), "!"},
		{"$m", "$$m"},
		{"$argon", "argon"},
		{good, ""},
		{good, good + strings.Repeat("A", 100)},
	} {
		if _, err := parsePasswordHash(strings.Replace(good, change[0], change[1], 1)); err == nil {
			t.Errorf("%s for %s passes", change[1], change[0])
		}
	}
}

func FuzzParsePasswordHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43))
	f.Add("$argon2id$v=19$m=0,t=0,p=0$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parsePasswordHash(s)
		if err != nil {
			return
		}
		if err := h.params.check(); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		again, err := parsePasswordHash(h.String())
		if err != nil {
			t.Fatalf("%q became %q: %v", s, h, err)
		}
		if diff := cmp.Diff(h, again, cmp.AllowUnexported(passwordHash{})); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestLimiter(t *testing.T) {
	now := time.Now()
	l := newLimiter(6, 100) // one in 10 s, 6 at once
	for i := range 6 {
		if d := l.take("a", now); d != 0 {
			t.Fatalf("attempt %d waits %s", i, d)
		}
	}
	if d := l.take("a", now); d < 9*time.Second || d > 11*time.Second {
		t.Errorf("attempt 7 waits %s", d)
	}
	if l.wait("a", now) == 0 || l.wait("b", now) != 0 || l.take("b", now) != 0 {
		t.Error("keys are not apart")
	}
	if d := l.wait("a", now.Add(5*time.Second)); d < 4*time.Second || d > 6*time.Second {
		t.Errorf("after 5 s it waits %s", d)
	}
	if l.take("a", now.Add(11*time.Second)) != 0 || l.take("a", now.Add(11*time.Second)) == 0 {
		t.Error("10 s are not worth one attempt")
	}
	for i := range 20 {
		if d := l.take("c", now); d != 0 {
			t.Fatalf("attempt %d waits although successes give back", i)
		}
		l.restore("c", now)
	}
	if _, ok := l.buckets["c"]; ok {
		t.Error("a full bucket is kept")
	}
	l.take("d", now.Add(time.Hour))
	l.take("d", now) // a clock that goes back must not fill or drain
	if got := l.buckets["d"].tokens; got != 4 {
		t.Errorf("%v tokens", got)
	}
}

func TestLimiterIsBoundedAndRemembersTheLimited(t *testing.T) {
	now := time.Now()
	l := newLimiter(10, 50)
	for l.take("victim", now) == 0 {
	}
	for i := range 5000 {
		l.take(fmt.Sprint("stranger", i), now)
	}
	if len(l.buckets) > 50 {
		t.Errorf("%d buckets", len(l.buckets))
	}
	if l.wait("victim", now) == 0 {
		t.Error("strangers washed away the limit")
	}
}

func TestAddrKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::9":      "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
		"@":                    "@",
		"":                     "",
	} {
		if got := addrKey(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestVerifiedIsBoundedAndForgets(t *testing.T) {
	v, now := newVerified(), time.Now()
	key := v.keyOf("Ada", "secret")
	if key != v.keyOf("aDA", "secret") || key == v.keyOf("ada", "Secret") || key == v.keyOf("adas", "ecret") || key == newVerified().keyOf("ada", "secret") {
		t.Error("keys of names and passwords are misjudged")
	}
	v.put(key, verifiedEntry{userID: "1", passwordHash: "h"}, now)
	if e, ok := v.get(key, now.Add(verifiedFor-1)); !ok || e.userID != "1" {
		t.Error("forgotten too early")
	}
	if _, ok := v.get(key, now.Add(verifiedFor)); ok {
		t.Error("not forgotten")
	}
	for i := range 3 * maxVerified {
		v.put(v.keyOf(fmt.Sprint(i), ""), verifiedEntry{}, now)
	}
	if len(v.entries) > maxVerified {
		t.Errorf("%d entries", len(v.entries))
	}
}

func TestCredentialOf(t *testing.T) {
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, tc := range map[string]struct {
		headers []string
		cookie  string
		want    credential
		refused bool
	}{
		"none":            {},
		"basic":           {headers: []string{basic("ada:s:e cret")}, want: credential{scheme: schemeBasic, name: "ada", password: "s:e cret"}},
		"basic lower":     {headers: []string{strings.Replace(basic("ada:x"), "Basic", "basic", 1)}, want: credential{scheme: schemeBasic, name: "ada", password: "x"}},
		"basic empty":     {headers: []string{basic(":")}, want: credential{scheme: schemeBasic}},
		"bearer":          {headers: []string{"Bearer  abc "}, want: credential{scheme: schemeBearer, secret: "abc"}},
		"cookie":          {cookie: "pks_x", want: credential{scheme: schemeCookie, secret: "pks_x"}},
		"header first":    {headers: []string{"Bearer abc"}, cookie: "pks_x", want: credential{scheme: schemeBearer, secret: "abc"}},
		"no colon":        {headers: []string{basic("ada")}, refused: true},
		"no base64":       {headers: []string{"Basic ???"}, refused: true},
		"bearer empty":    {headers: []string{"Bearer "}, refused: true},
		"bearer two":      {headers: []string{"Bearer a b"}, refused: true},
		"digest":          {headers: []string{"Digest x"}, refused: true},
		"empty":           {headers: []string{""}, refused: true},
		"twice":           {headers: []string{"Bearer a", "Bearer b"}, refused: true},
		"bad over cookie": {headers: []string{"Nonsense"}, cookie: "pks_x", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{Header: http.Header{}}
			for _, h := range tc.headers {
				r.Header.Add("Authorization", h)
			}
			if tc.cookie != "" {
				r.AddCookie(&http.Cookie{Name: SessionCookie, Value: tc.cookie})
			}
			got, err := credentialOf(r)
			if (err != nil) != tc.refused {
				t.Fatalf("error %v", err)
			}
			if got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func FuzzParseAuthorization(f *testing.F) {
	for _, s := range []string{"Basic YWRhOng=", "Bearer pkt_abc", "bearer", "Basic", "", "Basic Og==", "Digest a=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, err := parseAuthorization(header)
		switch {
		case err != nil:
			if c != (credential{}) {
				t.Fatalf("%q is refused with %+v", header, c)
			}
		case c.scheme == schemeBasic:
			again, err := parseAuthorization("Basic " + base64.StdEncoding.EncodeToString([]byte(c.name+":"+c.password)))
			if err != nil || again != c || strings.Contains(c.name, ":") {
				t.Fatalf("%q: %+v became %+v, %v", header, c, again, err)
			}
		case c.scheme == schemeBearer:
			if c.secret == "" || strings.Contains(c.secret, " ") {
				t.Fatalf("%q: secret %q", header, c.secret)
			}
		default:
			t.Fatalf("%q: scheme %d", header, c.scheme)
		}
	})
}

func FuzzSecretKind(f *testing.F) {
	f.Add(newSecret(tokenPrefix))
	f.Add(newSecret(sessionPrefix))
	f.Add("pkt_" + strings.Repeat("A", 42) + "B")
	f.Add("pkt_" + strings.Repeat("\n", 43))
	f.Fuzz(func(t *testing.T, s string) {
		kind := secretKind(s)
		if kind == "" {
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(s, kind))
		if err != nil || len(raw) != secretBytes || kind+base64.RawURLEncoding.EncodeToString(raw) != s {
			t.Fatalf("%q passes as %s", s, kind)
		}
	})
}

func TestSecrets(t *testing.T) {
	a, b := newSecret(tokenPrefix), newSecret(tokenPrefix)
	if a == b || secretKind(a) != tokenPrefix || secretKind(newSecret(sessionPrefix)) != sessionPrefix {
		t.Error("secrets are misjudged")
	}
	for _, bad := range []string{"", "pkt_", a[:len(a)-1], a + "A", "xxx_" + a[4:], a[:10] + "+" + a[11:], a[:10] + "\n" + a[11:]} {
		if kind := secretKind(bad); kind != "" {
			t.Errorf("%q passes as %s", bad, kind)
		}
	}
	if h := hashSecret(a); len(h) != 64 || h == hashSecret(b) {
		t.Error("hashes are misjudged")
	}
}
