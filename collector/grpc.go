package collector

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/ingest"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// agentWindow is the flow control window of an agent's connection. It is fixed: the estimator would send pings.
const agentWindow = 1 << 20

// mountGRPC makes the agents' door. Each method has its row in the table of routes.
func (c *Collector) mountGRPC() error {
	c.router.RouteGRPC(pb.Enrollment_Enroll_FullMethodName, access.Token)
	c.router.RouteGRPC(pb.Enrollment_Renew_FullMethodName, access.Agent)
	c.router.RouteGRPC(pb.Delivery_Stream_FullMethodName, access.Agent)
	c.grpc = NewAgentServer(
		grpc.Creds(credentials.NewTLS(c.ca.ServerTLS())),
		grpc.UnaryInterceptor(c.router.UnaryInterceptor()),
		grpc.StreamInterceptor(c.router.StreamInterceptor()),
	)
	pb.RegisterEnrollmentServer(c.grpc, c.fleet.EnrollmentServer())
	pb.RegisterDeliveryServer(c.grpc, c.ingest)
	return c.router.CheckGRPC(c.grpc.GetServiceInfo())
}

// NewAgentServer returns a gRPC server tuned for many agents that each say little: small shared buffers, no pings of its own
// while agents talk.
func NewAgentServer(o ...grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(o,
		grpc.MaxRecvMsgSize(ingest.MaxMessage), grpc.MaxConcurrentStreams(16), grpc.ConnectionTimeout(20*time.Second),
		grpc.InitialWindowSize(agentWindow), grpc.InitialConnWindowSize(agentWindow),
		grpc.ReadBufferSize(4<<10), grpc.WriteBufferSize(4<<10), grpc.MaxHeaderListSize(16<<10),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 90 * time.Second, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 20 * time.Second, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
	)...)
}

// verifyAgent finds out which agent calls, for the table of routes.
func (c *Collector) verifyAgent(ctx context.Context) (access.Principal, error) {
	a, err := c.fleet.Authenticate(ctx)
	if err != nil {
		return access.Principal{}, err
	}
	return access.Principal{Name: a.Instance, UserID: string(a.ID)}, nil
}
