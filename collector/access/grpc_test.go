package access_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

// health answers with the error that was set, and notes who called.
type health struct {
	healthpb.UnimplementedHealthServer
	caller access.Principal
	err    error
}

func (h *health) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	h.caller = access.From(ctx)
	return &healthpb.HealthCheckResponse{}, h.err
}

func (h *health) Watch(_ *healthpb.HealthCheckRequest, s grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	h.caller = access.From(s.Context())
	return h.err
}

// dial returns a client of a server whose table has the given rows; verify stands for package fleet.
func dial(t *testing.T, h *health, rows map[string][]access.Role, verify func(context.Context) (access.Principal, error)) (healthpb.HealthClient, error) {
	t.Helper()
	r, err := access.NewRouter(access.RouterOptions{
		Guard: newGuard(t, newStore(t, dbtest.Open(t))), Logger: slog.New(slog.DiscardHandler), VerifyAgent: verify,
	})
	if err != nil {
		t.Fatal(err)
	}
	for method, roles := range rows {
		r.RouteGRPC("/grpc.health.v1.Health/"+method, roles...)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(r.UnaryInterceptor()), grpc.StreamInterceptor(r.StreamInterceptor()))
	healthpb.RegisterHealthServer(server, h)
	listener := bufconn.Listen(1 << 16)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return healthpb.NewHealthClient(conn), r.CheckGRPC(server.GetServiceInfo())
}

func watch(ctx context.Context, c healthpb.HealthClient) error {
	s, err := c.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return err
	}
	_, err = s.Recv()
	return err
}

func TestGRPCNeedsARow(t *testing.T) {
	h := &health{}
	c, err := dial(t, h, map[string][]access.Role{"Nothing": {access.Token}}, nil)
	_, call := c.Check(t.Context(), &healthpb.HealthCheckRequest{})
	for name, err := range map[string]error{"unary": call, "stream": watch(t.Context(), c)} {
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s without a row: %v", name, err)
		}
	}
	if h.caller.Kind != "" {
		t.Errorf("the method ran for %+v", h.caller)
	}
	for _, want := range []string{"Health/Check has no row", "Health/Watch has no row", "Health/List has no row", "Health/Nothing has a row but no server"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckGRPC says %v, not %q", err, want)
		}
	}
}

func TestGRPCRoles(t *testing.T) {
	agent := access.Principal{UserID: "id", Name: "web-1"}
	fails := errs.New(errs.Unauthenticated, "the certificate is revoked")
	for name, tc := range map[string]struct {
		roles  []access.Role
		verify error
		code   codes.Code
		kind   access.Kind
	}{
		"agent":                      {[]access.Role{access.Agent}, nil, codes.OK, access.KindAgent},
		"no agent":                   {[]access.Role{access.Agent}, fails, codes.Unauthenticated, ""},
		"broken":                     {[]access.Role{access.Agent}, fmt.Errorf("disk"), codes.Internal, ""},
		"token":                      {[]access.Role{access.Token}, fails, codes.OK, access.KindAnonymous},
		"token of an agent":          {[]access.Role{access.Token}, nil, codes.OK, access.KindAnonymous},
		"token or agent":             {[]access.Role{access.Token, access.Agent}, nil, codes.OK, access.KindAgent},
		"token or agent, but is not": {[]access.Role{access.Token, access.Agent}, fails, codes.OK, access.KindAnonymous},
	} {
		t.Run(name, func(t *testing.T) {
			h := &health{}
			c, err := dial(t, h, map[string][]access.Role{"Check": tc.roles, "Watch": tc.roles, "List": tc.roles},
				func(context.Context) (access.Principal, error) { return agent, tc.verify })
			if err != nil {
				t.Errorf("CheckGRPC: %v", err)
			}
			_, err = c.Check(t.Context(), &healthpb.HealthCheckRequest{})
			if status.Code(err) != tc.code || h.caller.Kind != tc.kind {
				t.Errorf("unary: %v, %+v", err, h.caller)
			}
			if tc.kind == access.KindAgent && (h.caller.UserID != "id" || h.caller.Allows(access.Viewer)) {
				t.Errorf("the agent is %+v", h.caller)
			}
			if tc.code == codes.OK {
				h.err = errs.New(errs.Conflict, "in the way")
				if err := watch(t.Context(), c); status.Code(err) != codes.AlreadyExists || status.Convert(err).Message() != "in the way" {
					t.Errorf("stream: %v", err)
				}
				h.err = status.Error(codes.DataLoss, "own")
				if err := watch(t.Context(), c); status.Code(err) != codes.DataLoss {
					t.Errorf("own status: %v", err)
				}
				h.err = fmt.Errorf("secret")
				if err := watch(t.Context(), c); status.Code(err) != codes.Internal || status.Convert(err).Message() != "Internal error" {
					t.Errorf("internal: %v", err)
				}
			} else if err := watch(t.Context(), c); status.Code(err) != tc.code {
				t.Errorf("stream: %v", err)
			}
		})
	}
}

func TestAgentWithoutVerifierNeedsAVerifiedChain(t *testing.T) {
	r, err := access.NewRouter(access.RouterOptions{Guard: newGuard(t, newStore(t, dbtest.Open(t))), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r.RouteGRPC("/p.S/M", access.Agent)
	cert := &x509.Certificate{Subject: pkix.Name{CommonName: "agent-id"}}
	for name, tc := range map[string]struct {
		auth credentials.AuthInfo
		want string
	}{
		"no TLS":     {nil, ""},
		"unverified": {credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}}, ""},
		"verified":   {credentials.TLSInfo{State: tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{cert}}}}, "agent-id"},
	} {
		ctx := peer.NewContext(t.Context(), &peer.Peer{Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1}, AuthInfo: tc.auth})
		var got access.Principal
		_, err := r.UnaryInterceptor()(ctx, nil, &grpc.UnaryServerInfo{FullMethod: "/p.S/M"}, func(ctx context.Context, _ any) (any, error) {
			got = access.From(ctx)
			return nil, nil
		})
		if (err == nil) != (tc.want != "") || got.UserID != tc.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if tc.want != "" {
			if diff := cmp.Diff(access.Principal{UserID: tc.want, Name: tc.want, Kind: access.KindAgent, Roles: access.Roles{access.Agent}, RemoteAddr: "192.0.2.7"}, got); diff != "" {
				t.Error(diff)
			}
		}
	}
}
