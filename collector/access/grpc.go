package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/internal/errs"
)

// RouteGRPC gives a gRPC method ("/picket.v1.Delivery/Stream") its row in the table: Agent for calls with a client
// certificate, Token for calls whose secret the method itself checks, or both. Without a row the interceptors refuse a
// method. It panics on wiring that makes no sense.
func (r *Router) RouteGRPC(fullMethod string, roles ...Role) {
	if parts := strings.Split(fullMethod, "/"); len(parts) != 3 || parts[0] != "" || parts[1] == "" || parts[2] == "" {
		panic("access: " + fullMethod + " is no full gRPC method")
	}
	if len(roles) == 0 {
		panic("access: gRPC method " + fullMethod + " has no roles")
	}
	for _, role := range roles {
		if role != Agent && role != Token {
			panic("access: gRPC method " + fullMethod + " asks for " + string(role) + ", which no call has")
		}
	}
	r.mu.Lock()
	_, taken := r.grpc[fullMethod]
	r.grpc[fullMethod] = slices.Clone(Roles(roles))
	r.mu.Unlock()
	if taken {
		panic("access: gRPC method " + fullMethod + " is mounted twice")
	}
	r.add(RouteInfo{Method: "gRPC", Pattern: fullMethod, Roles: slices.Clone(Roles(roles))})
}

// CheckGRPC returns an error that names the registered methods without a row and the rows without a registered method. Call
// it with (*grpc.Server).GetServiceInfo() before serving.
func (r *Router) CheckGRPC(services map[string]grpc.ServiceInfo) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all error
	known := map[string]bool{}
	for service, info := range services {
		for _, m := range info.Methods {
			method := "/" + service + "/" + m.Name
			known[method] = true
			if _, ok := r.grpc[method]; !ok {
				all = errors.Join(all, fmt.Errorf("gRPC method %s has no row in the table of routes", method))
			}
		}
	}
	for method := range r.grpc {
		if !known[method] {
			all = errors.Join(all, fmt.Errorf("gRPC method %s has a row but no server", method))
		}
	}
	return all
}

// UnaryInterceptor refuses calls that the table does not allow and puts the principal into the context of others. Errors of
// package errs become their gRPC codes.
func (r *Router) UnaryInterceptor() grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		p, err := r.admitCall(ctx, info.FullMethod)
		if err != nil {
			return nil, r.grpcError(info.FullMethod, err)
		}
		answer, err := handler(With(ctx, p), req)
		return answer, r.grpcError(info.FullMethod, err)
	}
}

// StreamInterceptor is UnaryInterceptor for streams.
func (r *Router) StreamInterceptor() grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		p, err := r.admitCall(ss.Context(), info.FullMethod)
		if err != nil {
			return r.grpcError(info.FullMethod, err)
		}
		return r.grpcError(info.FullMethod, handler(srv, &serverStream{ServerStream: ss, ctx: With(ss.Context(), p)}))
	}
}

// serverStream is a stream with a principal in its context.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (s *serverStream) Context() context.Context { return s.ctx }

func (t *table) admitCall(ctx context.Context, method string) (Principal, error) {
	t.mu.RLock()
	roles, ok := t.grpc[method]
	t.mu.RUnlock()
	if !ok {
		return Principal{}, errs.New(errs.Denied, "method %s is not mounted", method)
	}
	addr := peerAddr(ctx)
	if slices.Contains(roles, Agent) {
		p, err := t.verifyAgent(ctx)
		if err == nil {
			p.Kind, p.Roles, p.RemoteAddr = KindAgent, Roles{Agent}, addr
			return p, nil
		}
		if !slices.Contains(roles, Token) {
			return Principal{}, err
		}
	}
	return Principal{Kind: KindAnonymous, RemoteAddr: addr}, nil
}

func peerAddr(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok || p.Addr == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(p.Addr.String())
	if err != nil {
		return p.Addr.String()
	}
	return host
}

// certificatePrincipal takes the identity from a certificate chain that TLS verified.
func certificatePrincipal(ctx context.Context) (Principal, error) {
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
			name := info.State.VerifiedChains[0][0].Subject.CommonName
			return Principal{UserID: name, Name: name}, nil
		}
	}
	return Principal{}, errs.New(errs.Unauthenticated, "a client certificate is needed")
}

// grpcError turns err into a gRPC status, unless it is one; it logs internal errors.
func (t *table) grpcError(method string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	code := GRPCCode(err)
	if code == codes.Internal {
		t.logger.Error("call went wrong", "method", method, "err", err)
	}
	_, message := describe(Status(err), err)
	return status.Error(code, message)
}
