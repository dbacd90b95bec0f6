package enroll

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrPin says that what answered at an address is not the collector that made the token: someone is in between, the address
// leads to another collector, or the collector lost its CA.
var ErrPin = errors.New("the collector's CA is not the one the token was made for")

// The reasons of refusals that programs act upon. The collector's collector/fleet/refusal.go has all of them.
const (
	ReasonClone              = "clone"               // this certificate belongs to another host: ReenrollAsClone
	ReasonAgentRevoked       = "agent_revoked"       // for good: a new token is needed
	ReasonCertificateRevoked = "certificate_revoked" // for good: another installation took this agent over
	ReasonCertificateExpired = "certificate_expired" // dial again if the identity has a newer one, else a new token is needed
)

// Refused is the error of a call that the collector understood and will not do. Trying again is useless.
type Refused struct {
	Reason string // a word such as token_expired
	Detail string // a sentence for people
	Code   codes.Code
}

// Error returns both, the sentence first.
func (r *Refused) Error() string {
	return fmt.Sprintf("refused by the collector: %s (%s)", r.Detail, r.Reason)
}

// Unreachable is the error of an address where no collector answered, or one that is overloaded or out of order for now.
type Unreachable struct {
	Address string
	Err     error
}

// Error says which address and why.
func (u *Unreachable) Error() string {
	return fmt.Sprintf("collector %s is not available: %v", u.Address, u.Err)
}

// Unwrap returns the cause.
func (u *Unreachable) Unwrap() error { return u.Err }

// Refusal returns the refusal in a gRPC error from the collector, nil when err is none: when it is a fault that may pass,
// such as an unreachable or overloaded collector, or not from gRPC at all. Unary calls and streams refuse alike.
func Refusal(err error) *Refused {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r
	}
	s, ok := status.FromError(err)
	if !ok || err == nil {
		return nil
	}
	switch s.Code() {
	case codes.InvalidArgument, codes.AlreadyExists, codes.FailedPrecondition, codes.PermissionDenied, codes.Unauthenticated,
		codes.Unimplemented:
	default:
		return nil
	}
	reason, detail, ok := strings.Cut(s.Message(), ": ")
	if !ok || !isWord(reason) {
		reason, detail = strings.ToLower(s.Code().String()), s.Message()
	}
	return &Refused{Reason: reason, Detail: detail, Code: s.Code()}
}

func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return s != ""
}
