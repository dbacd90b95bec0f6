package fleet

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/internal/errs"
)

// Reason is the machine-readable word a refusal begins with, on the wire and in metrics. Agents act upon some of them
// (agent/enroll), so a word never changes its meaning.
type Reason string

// The reasons why a call or a stream is refused.
const (
	reasonCSR          Reason = "csr_invalid"
	reasonHost         Reason = "host_invalid"
	reasonKeyKnown     Reason = "key_known"
	reasonTokenWrong   Reason = "token_wrong"
	reasonTokenExpired Reason = "token_expired"
	reasonTokenEarly   Reason = "token_not_yet_valid"
	reasonTokenUsed    Reason = "token_used_up"
	reasonTokenRevoked Reason = "token_revoked"
	reasonAttempts     Reason = "too_many_attempts"
	reasonNotClone     Reason = "not_a_clone"
	reasonCloneLimit   Reason = "clone_limit"
	reasonRenewLimit   Reason = "renewal_limit"
	reasonUndecided    Reason = "agent_unsettled"

	// ReasonNoCertificate: the caller showed none.
	ReasonNoCertificate Reason = "no_certificate"
	// ReasonWrongCA: another authority signed it.
	ReasonWrongCA Reason = "certificate_wrong_ca"
	// ReasonExpired: its life is over.
	ReasonExpired Reason = "certificate_expired"
	// ReasonNotYetValid: its life has not begun, by this collector's clock.
	ReasonNotYetValid Reason = "certificate_not_yet_valid"
	// ReasonWrongName: it does not name an agent, or two different ones.
	ReasonWrongName Reason = "certificate_wrong_name"
	// ReasonBadCertificate: it may not be used for this (key usage, constraints).
	ReasonBadCertificate Reason = "certificate_unfit"
	// ReasonCertificateRevoked: this certificate was revoked, alone or by a reinstall.
	ReasonCertificateRevoked Reason = "certificate_revoked"
	// ReasonUnknownAgent: the authority signed it, but no such agent is known here.
	ReasonUnknownAgent Reason = "agent_unknown"
	// ReasonAgentRevoked: the agent was revoked.
	ReasonAgentRevoked Reason = "agent_revoked"
	// ReasonClone: the certificate belongs to another host.
	ReasonClone Reason = "clone"
	// ReasonDuplicate: another stream of the same agent replaced this one.
	ReasonDuplicate Reason = "duplicate"
	// ReasonOccupied: the agent's former stream did not end in time.
	ReasonOccupied Reason = "stream_not_released"
)

// code is the gRPC status of a reason. Unavailable and ResourceExhausted may be tried again, all others are final.
func (r Reason) code() codes.Code {
	switch r {
	case reasonCSR, reasonHost:
		return codes.InvalidArgument
	case reasonKeyKnown:
		return codes.AlreadyExists
	case reasonNotClone, ReasonClone:
		return codes.FailedPrecondition
	case reasonAttempts, reasonCloneLimit, reasonRenewLimit:
		return codes.ResourceExhausted
	case reasonUndecided, ReasonOccupied:
		return codes.Unavailable
	case ReasonDuplicate:
		return codes.Aborted
	case ReasonCertificateRevoked, ReasonAgentRevoked, reasonTokenRevoked:
		return codes.PermissionDenied
	}
	return codes.Unauthenticated
}

// Refusal is the error of a call that is not allowed, with the reason in words for people and programs. gRPC sends it as a
// status whose message is "reason: detail".
type Refusal struct {
	Reason Reason
	Detail string
}

// Error returns "reason: detail".
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// GRPCStatus makes gRPC send the refusal as it is.
func (r *Refusal) GRPCStatus() *status.Status { return status.New(r.Reason.code(), r.Error()) }

// Is makes errors.Is(err, ErrClone) and the like hold for refusals with the same reason.
func (r *Refusal) Is(target error) bool {
	t, ok := target.(*Refusal)
	return ok && t.Reason == r.Reason
}

// What can end a session, and what refuses a clone; to compare with by errors.Is.
var (
	// ErrRevoked ends a session whose agent or certificate was revoked.
	ErrRevoked error = &Refusal{Reason: ReasonAgentRevoked, Detail: "the agent or its certificate was revoked"}
	// ErrDuplicate ends a session that another stream of the same agent replaced.
	ErrDuplicate error = &Refusal{Reason: ReasonDuplicate, Detail: "another stream of this agent replaced this one"}
	// ErrCertificateExpired ends a session whose agent has no valid certificate any more.
	ErrCertificateExpired error = &Refusal{Reason: ReasonExpired, Detail: "the agent's certificate expired and was not renewed"}
	// ErrClosed ends a session that its holder closed.
	ErrClosed = errors.New("the session was closed")
	// ErrClone says that an agent's certificate was shown by another host.
	ErrClone error = &Refusal{Reason: ReasonClone, Detail: "the certificate belongs to another host"}
)

func refusef(r Reason, format string, args ...any) error {
	return &Refusal{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// reasonOf returns the reason of a refusal, "" for other errors.
func reasonOf(err error) Reason {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Reason
	}
	return ""
}

// internalCode is the gRPC status of an error that is no refusal.
func internalCode(err error) codes.Code {
	switch errs.Kind(err) {
	case errs.Unavailable:
		return codes.Unavailable
	case errs.Invalid:
		return codes.InvalidArgument
	}
	return codes.Internal
}
