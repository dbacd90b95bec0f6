package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/proto/gen/picketv1"
)

func TestEnrollMakesAnIdentity(t *testing.T) {
	c := newCollector(t, nil)
	made, dir := c.enrolled(t)
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []*Identity{made, loaded} {
		got := []string{i.AgentID(), i.Instance(), strings.Join(i.Addresses(), " "), i.evidence().Fingerprint}
		want := []string{strings.Repeat("a", 32), "web-a", c.addr, testHost("m1").Evidence.Fingerprint}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	req := c.requests[0]
	if req.GetTokenId() != "000102030405060708090a0b0c0d0e0f" || len(req.GetTokenSecret()) != secretBytes || req.GetClone() {
		t.Errorf("request %v", req)
	}
	if h := req.GetHost(); h.GetHostname() != "web1" || len(h.GetFingerprint()) != 32 || h.GetOs() == "" || h.GetArch() == "" || h.GetAgentVersion() != "1.0.0" {
		t.Errorf("host %v", h)
	}
	path := filepath.Join(dir, identityFolder, identityFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v, want 0600", info.Mode(), err)
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without an identity: %v, want fs.ErrNotExist", err)
	}
}

func TestEnrollErrorsAreToldApart(t *testing.T) {
	c := newCollector(t, nil)
	other := newCollector(t, nil)
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	webAddr := web.Listener.Addr().String()
	wrongName := newCollector(t, func(x *x509.Certificate) { x.DNSNames = []string{"localhost"} })
	expired := newCollector(t, func(x *x509.Certificate) { x.NotAfter = time.Now().Add(-time.Minute) })
	early := newCollector(t, func(x *x509.Certificate) { x.NotBefore = time.Now().Add(time.Minute) })
	agentCert := newCollector(t, func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	unreachable := func(err error) bool { _, ok := errors.AsType[*Unreachable](err); return ok }
	pin := func(err error) bool { return errors.Is(err, ErrPin) }
	certificate := func(text string) func(error) bool {
		return func(err error) bool {
			return !unreachable(err) && !pin(err) && strings.Contains(err.Error(), "verify collector") && strings.Contains(err.Error(), text)
		}
	}
	for name, tc := range map[string]struct {
		token string
		is    func(error) bool
	}{
		"mistyped":          {c.token()[:50], func(err error) bool { return errors.Is(err, ErrToken) }},
		"nobody there":      {c.token(closedPort(t)), unreachable},
		"no TLS there":      {c.token(webAddr), unreachable},
		"unknown host":      {c.token("host.invalid:4601"), unreachable},
		"another collector": {c.token(other.addr), pin},
		"one of two":        {c.token(closedPort(t), other.addr), pin},
		"wrong name":        {wrongName.token(), certificate("picket-collector")},
		"expired":           {expired.token(), certificate("expired")},
		"not yet valid":     {early.token(), certificate("not yet valid")},
		"an agent's":        {agentCert.token(), certificate("usage")},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.options(t)
			o.Token = tc.token
			if strings.Contains(name, "unknown") {
				o.Dial = func(context.Context, string) (net.Conn, error) {
					return nil, &net.DNSError{Err: "no such host", Name: "host.invalid"}
				}
			}
			_, err := Enroll(t.Context(), o)
			if err == nil || !tc.is(err) {
				t.Errorf("error %v", err)
			}
			if _, err := Load(o.DataDir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after a failure the identity is %v", err)
			}
		})
	}
	for _, x := range []*collector{c, other, wrongName, expired, early, agentCert} {
		if n := x.calls(); n != 0 {
			t.Errorf("%d calls got through: a secret went to a stranger", n)
		}
	}
}

// closedPort is an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestRefusalIsFinal(t *testing.T) {
	c := newCollector(t, nil)
	c.fail = []error{status.Error(codes.Unauthenticated, "token_expired: the token expired yesterday: sorry")}
	o := c.options(t)
	o.Attempts = 0
	_, err := Enroll(t.Context(), o)
	r, ok := errors.AsType[*Refused](err)
	if !ok {
		t.Fatalf("error %v, want a refusal", err)
	}
	want := Refused{Reason: "token_expired", Detail: "the token expired yesterday: sorry", Code: codes.Unauthenticated}
	if diff := cmp.Diff(want, *r); diff != "" {
		t.Error(diff)
	}
	if n := c.calls(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestFaultsAreTriedAgain(t *testing.T) {
	c := newCollector(t, nil)
	c.fail = []error{status.Error(codes.Unavailable, "busy"), status.Error(codes.ResourceExhausted, "too_many_attempts: wait 1s")}
	o := c.options(t)
	o.Attempts = 3
	if _, err := Enroll(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if n := c.calls(); n != 3 {
		t.Errorf("asked %d times, want 3", n)
	}
}

func TestFaultSaysWhatTheCollectorSaid(t *testing.T) {
	c := newCollector(t, nil)
	c.fail = []error{status.Error(codes.ResourceExhausted, "too_many_attempts: wait 1s")}
	_, err := Enroll(t.Context(), c.options(t))
	if err == nil || !strings.Contains(err.Error(), c.addr+" is not available: too_many_attempts: wait 1s") {
		t.Errorf("error %v", err)
	}
}

func TestEnrollStopsWithItsContext(t *testing.T) {
	c := newCollector(t, nil)
	o := c.options(t)
	o.Token, o.Attempts = c.token(closedPort(t)), 0
	cause := errors.New("the user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	defer stop.Stop()
	_, err := Enroll(ctx, o)
	if _, away := errors.AsType[*Unreachable](err); !errors.Is(err, cause) || !away {
		t.Errorf("error %v, want the cause and what was wrong until then", err)
	}
}

func TestEnrollTriesAllAddresses(t *testing.T) {
	c := newCollector(t, nil)
	o := c.options(t)
	o.Token = c.token(closedPort(t), c.addr)
	i, err := Enroll(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(i.Addresses()) != 2 {
		t.Errorf("addresses %v", i.Addresses())
	}
	o = c.options(t)
	o.Token, o.Addresses = c.token(closedPort(t)), []string{c.addr}
	if _, err := Enroll(t.Context(), o); err != nil {
		t.Errorf("the address given is not used: %v", err)
	}
}

func TestAnswersThatAreNotAccepted(t *testing.T) {
	stranger := newAuthority(t)
	for name, spoil := range map[string]func(*collector, *picketv1.EnrollResponse){
		"another CA": func(_ *collector, r *picketv1.EnrollResponse) { r.CaDer = stranger.cert.Raw },
		"no CA":      func(_ *collector, r *picketv1.EnrollResponse) { r.CaDer = nil },
		"another key": func(c *collector, r *picketv1.EnrollResponse) {
			r.CertificateDer = c.agent(t, r.GetAgentId(), &newECKey(t).PublicKey, time.Hour).Raw
		},
		"another id":     func(_ *collector, r *picketv1.EnrollResponse) { r.AgentId = strings.Repeat("f", 32) },
		"no id":          func(_ *collector, r *picketv1.EnrollResponse) { r.AgentId = "" },
		"no certificate": func(_ *collector, r *picketv1.EnrollResponse) { r.CertificateDer = []byte("x") },
		"another signer": func(_ *collector, r *picketv1.EnrollResponse) {
			cert, err := x509.ParseCertificate(r.GetCertificateDer())
			if err != nil {
				t.Error(err)
				return
			}
			r.CertificateDer = stranger.agent(t, r.GetAgentId(), cert.PublicKey, time.Hour).Raw
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t, nil)
			c.spoil = func(r *picketv1.EnrollResponse) { spoil(c, r) }
			o := c.options(t)
			if _, err := Enroll(t.Context(), o); err == nil || !strings.Contains(err.Error(), "check the collector's answer") {
				t.Errorf("error %v", err)
			}
			if _, err := Load(o.DataDir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something was kept: %v", err)
			}
		})
	}
}

func TestOptionsThatAreMissing(t *testing.T) {
	c := newCollector(t, nil)
	for name, change := range map[string]func(*Options){
		"DataDir": func(o *Options) { o.DataDir = "" },
		"Logger":  func(o *Options) { o.Logger = nil },
		"Host":    func(o *Options) { o.Host = Host{} },
	} {
		o := c.options(t)
		change(&o)
		if _, err := Enroll(t.Context(), o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: error %v", name, err)
		}
	}
}

func TestReenrollAsClone(t *testing.T) {
	c := newCollector(t, nil)
	i, dir := c.enrolled(t)
	config := i.TLS() // made before: it follows
	former := i.Certificate()
	err := i.ReenrollAsClone(t.Context(), Options{DataDir: dir, Host: testHost("m2"), Logger: logger(t), Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if c.shown[1] != strings.Repeat("a", 32) || !c.requests[1].GetClone() || len(c.requests[1].GetTokenSecret()) != 0 {
		t.Errorf("the clone showed %q and asked %v", c.shown[1], c.requests[1])
	}
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []*Identity{i, loaded} {
		if i.AgentID() != strings.Repeat("b", 32) || i.Instance() != "web-b" || i.evidence().Fingerprint != testHost("m2").Evidence.Fingerprint {
			t.Errorf("the clone is %s (%s)", i.Instance(), i.AgentID())
		}
	}
	pair, err := config.GetClientCertificate(nil)
	if err != nil || pair.Leaf.Equal(former) {
		t.Errorf("the former certificate is still shown, error %v", err)
	}
	if c.keyCount() != 2 {
		t.Error("the clone kept the key of the original")
	}

	c.fail = []error{status.Error(codes.ResourceExhausted, "clone_limit: no more today")}
	err = i.ReenrollAsClone(t.Context(), Options{DataDir: dir, Host: testHost("m3"), Logger: logger(t), Attempts: 1})
	if err == nil || i.AgentID() != strings.Repeat("b", 32) {
		t.Errorf("a failure made %s, error %v", i.AgentID(), err)
	}
}

func TestRefusal(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want *Refused
	}{
		"none":        {nil, nil},
		"no gRPC":     {errors.New("x"), nil},
		"unavailable": {status.Error(codes.Unavailable, "clone: x"), nil},
		"overloaded":  {status.Error(codes.ResourceExhausted, "renewal_limit: x"), nil},
		"internal":    {status.Error(codes.Internal, "x"), nil},
		"clone":       {status.Error(codes.FailedPrecondition, "clone: x"), &Refused{ReasonClone, "x", codes.FailedPrecondition}},
		"no reason":   {status.Error(codes.PermissionDenied, "No: never"), &Refused{"permissiondenied", "No: never", codes.PermissionDenied}},
		"passed on":   {errors.Join(&Refused{ReasonClone, "x", codes.OK}), &Refused{ReasonClone, "x", codes.OK}},
	} {
		if diff := cmp.Diff(tc.want, Refusal(tc.err)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestWithPort(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a:4601", "a:1": "a:1", "10.0.0.1": "10.0.0.1:4601", "[::1]:5": "[::1]:5", "::1": "[::1]:4601", "[::1]": "[::1]:4601",
	} {
		if got := withPort(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
