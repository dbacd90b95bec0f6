package fleet

import (
	"context"
	"crypto"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

// maxCertificates bounds the unexpired certificates of one agent, so that a broken one cannot fill the table.
const maxCertificates = 16

// EnrollmentServer returns the gRPC service that hands out certificates. It decides by itself who may do what: Enroll by the
// token or, for clones, by the certificate; Renew by the certificate.
func (f *Fleet) EnrollmentServer() picketv1.EnrollmentServer { return &enrollment{f: f} }

type enrollment struct {
	picketv1.UnimplementedEnrollmentServer
	f *Fleet
}

// applicant is a valid request for a new certificate.
type applicant struct {
	host Host
	pub  crypto.PublicKey
	key  string // hash of pub
}

// Enroll implements picketv1.EnrollmentServer.
func (e *enrollment) Enroll(ctx context.Context, req *picketv1.EnrollRequest) (*picketv1.EnrollResponse, error) {
	f, now := e.f, time.Now()
	var p placement
	var cert issued
	err := f.guard(ctx, now, func() (err error) {
		who, err := newApplicant(req)
		if err != nil {
			return err
		}
		return f.settle(ctx, now, func(now time.Time) (err error) {
			if req.GetClone() {
				p, cert, err = f.enrollClone(ctx, who, now)
			} else {
				p, cert, err = f.enrollToken(ctx, req, who, now)
			}
			return err
		})
	})
	if err != nil {
		return nil, f.enrollFailed(ctx, err)
	}
	f.enrolled(p)
	return &picketv1.EnrollResponse{
		AgentId: string(p.agent.ID), Instance: p.agent.Instance, CertificateDer: cert.der, CaDer: f.ca.cert.Raw,
	}, nil
}

// guard runs an attempt to enrol unless the caller's address failed too often, and counts it when it fails too.
func (f *Fleet) guard(ctx context.Context, now time.Time, attempt func() error) error {
	addr := remoteIP(ctx)
	if wait := f.attempts.wait(addr, now); wait > 0 {
		return refusef(reasonAttempts, "too many failed attempts from this address; wait %s", wait.Round(time.Second))
	}
	err := attempt()
	switch reasonOf(err) {
	case "", reasonUndecided, reasonCloneLimit:
	default:
		f.attempts.failed(addr, now)
	}
	return err
}

func newApplicant(req *picketv1.EnrollRequest) (applicant, error) {
	pub, err := parseCSR(req.GetCsrDer())
	if err != nil {
		return applicant{}, err
	}
	host, err := HostFromProto(req.GetHost(), nil)
	if err != nil {
		return applicant{}, err
	}
	key, err := keyHash(pub)
	return applicant{host: host, pub: pub, key: key}, err
}

func (f *Fleet) enrollToken(ctx context.Context, req *picketv1.EnrollRequest, who applicant, now time.Time) (p placement, cert issued, err error) {
	err = f.placingTx(ctx, &p, func(ctx context.Context, tx bun.Tx) error {
		token, err := useToken(ctx, tx, TokenID(req.GetTokenId()), req.GetTokenSecret(), now)
		if err != nil {
			return err
		}
		if p, err = f.place(ctx, tx, who, string(token.ID), token.AllowReinstall, now); err != nil {
			return err
		}
		cert, err = f.certify(ctx, tx, p, who, now)
		return err
	})
	return p, cert, err
}

func (f *Fleet) enrollClone(ctx context.Context, who applicant, now time.Time) (p placement, cert issued, err error) {
	source, err := f.authenticate(ctx, now)
	if err != nil {
		return p, cert, err
	}
	if source.Fingerprint == who.host.Fingerprint {
		return p, cert, refusef(reasonNotClone, "agent %s was enrolled on this very host; it is no clone", source.ID)
	}
	how := clonePrefix + string(source.ID)
	err = f.placingTx(ctx, &p, func(ctx context.Context, tx bun.Tx) error {
		n, err := tx.NewSelect().Model((*agentRow)(nil)).Where("token_id = ?", how).
			Where("enrolled_at > ?", now.Add(-24*time.Hour).UnixMilli()).Count(ctx)
		if err != nil {
			return fmt.Errorf("count clones of agent %s: %w", source.ID, err)
		}
		if n >= int64(f.opts.ClonesPerDay) {
			return refusef(reasonCloneLimit, "agent %s had %d clones in 24 h, which is the limit", source.ID, n)
		}
		// An image without a lasting disk is the same clone at each boot: it gets back what it was.
		if p, err = f.place(ctx, tx, who, how, true, now); err != nil {
			return err
		}
		p.source = source.ID
		cert, err = f.certify(ctx, tx, p, who, now)
		return err
	})
	return p, cert, err
}

// placingTx runs fn in a transaction, one at a time, and puts the agent it placed into the roster before the next may look.
func (f *Fleet) placingTx(ctx context.Context, p *placement, fn func(context.Context, bun.Tx) error) error {
	f.placing.Lock()
	defer f.placing.Unlock()
	if err := f.db.InTxReadCommitted(ctx, fn); err != nil {
		return err
	}
	f.roster.certified(f.roster.put(p.agent), time.Now())
	return nil
}

// certify issues the certificate of a placed agent and writes both down.
func (f *Fleet) certify(ctx context.Context, tx bun.Tx, p placement, who applicant, now time.Time) (issued, error) {
	cert, err := f.ca.issue(p.agent.ID, who.pub, now)
	if err != nil {
		return issued{}, err
	}
	if err := addCertificate(ctx, tx, p.agent.ID, cert, now); err != nil {
		return issued{}, err
	}
	detail := map[string]any{"instance": p.agent.Instance, "hostname": who.host.Hostname, "remote_addr": p.agent.RemoteAddr}
	switch {
	case p.source != "":
		detail["cloned_from"] = string(p.source)
	default:
		detail["token"] = p.agent.EnrolledWith
	}
	f.opts.Audit(ctx, "agent."+p.outcome(), string(p.agent.ID), detail)
	return cert, nil
}

func addCertificate(ctx context.Context, tx bun.IDB, id AgentID, c issued, now time.Time) error {
	row := &certRow{
		Serial: c.serial, AgentID: id, PublicKeyHash: c.key, NotBefore: db.Millis(c.notBefore), NotAfter: db.Millis(c.notAfter),
		IssuedAt: now.UnixMilli(),
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return fmt.Errorf("write certificate of agent %s: %w", id, err)
	}
	return nil
}

// enrolled does what follows a committed enrolment.
func (f *Fleet) enrolled(p placement) {
	if p.reinstall {
		// Its former installation may still hold a stream that has been silent; its certificate is superseded.
		if s := f.sessions.of(p.agent.ID); s != nil {
			f.cut(s, ErrRevoked)
		}
	}
	f.opts.Changed(p.agent.ID)
	f.metrics.enrollments.WithLabelValues(p.outcome()).Inc()
	f.metrics.certificates.WithLabelValues("enroll").Inc()
	f.logger.Info("enrolled agent", "agent", p.agent.ID, "instance", p.agent.Instance, "as", p.outcome(), "remote_addr", p.agent.RemoteAddr)
}

// enrollFailed counts and logs a failed enrolment and makes the error the caller gets.
func (f *Fleet) enrollFailed(ctx context.Context, err error) error {
	outcome := string(reasonOf(err))
	if outcome == "" {
		outcome = "error"
	}
	f.metrics.enrollments.WithLabelValues(outcome).Inc()
	if outcome == string(reasonAttempts) {
		return err // the counter is enough: these can be many
	}
	f.logger.Warn("refused enrolment", "remote_addr", remoteAddr(ctx), "error", err)
	return wireError(ctx, err)
}

// Renew implements picketv1.EnrollmentServer. The former certificate stays valid until its end, so nothing live is disturbed.
func (e *enrollment) Renew(ctx context.Context, req *picketv1.RenewRequest) (*picketv1.RenewResponse, error) {
	f, now := e.f, time.Now()
	cert, err := f.renew(ctx, req, now)
	if err != nil {
		f.logger.Warn("refused renewal", "remote_addr", remoteAddr(ctx), "error", err)
		return nil, wireError(ctx, f.refuse(err))
	}
	f.metrics.certificates.WithLabelValues("renew").Inc()
	return &picketv1.RenewResponse{CertificateDer: cert.der}, nil
}

func (f *Fleet) renew(ctx context.Context, req *picketv1.RenewRequest, now time.Time) (cert issued, err error) {
	a, err := f.authenticate(ctx, now)
	if err != nil {
		return issued{}, err
	}
	pub, err := parseCSR(req.GetCsrDer())
	if err != nil {
		return issued{}, err
	}
	if cert, err = f.ca.issue(a.ID, pub, now); err != nil {
		return issued{}, err
	}
	err = f.db.InTxReadCommitted(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := keyIsNew(ctx, tx, cert.key); err != nil {
			return err
		}
		n, err := tx.NewSelect().Model((*certRow)(nil)).Where("agent_id = ?", a.ID).Where("revoked_at IS NULL").
			Where("not_after > ?", now.UnixMilli()).Count(ctx)
		if err != nil {
			return fmt.Errorf("count certificates of agent %s: %w", a.ID, err)
		}
		if n >= maxCertificates {
			return refusef(reasonRenewLimit, "agent %s holds %d unexpired certificates, which is the limit", a.ID, n)
		}
		// The update is also the lock against a revocation that runs now.
		res, err := tx.NewUpdate().Model((*agentRow)(nil)).Set("public_key_hash = ?", cert.key).
			Where("id = ?", a.ID).Where("state = ?", rowEnrolled).Exec(ctx)
		if err != nil {
			return fmt.Errorf("write key of agent %s: %w", a.ID, err)
		}
		if n, err := res.RowsAffected(); err == nil && n == 0 {
			return refusef(ReasonAgentRevoked, "agent %s was revoked", a.ID)
		}
		return addCertificate(ctx, tx, a.ID, cert, now)
	})
	if err != nil {
		return issued{}, err
	}
	f.sessions.extend(a.ID, cert.notAfter)
	f.opts.Changed(a.ID)
	return cert, nil
}

// wireError gives errors that are no refusals the status their kind stands for, without their inner text.
func wireError(ctx context.Context, err error) error {
	switch {
	case reasonOf(err) != "":
		return err
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	}
	return status.Error(internalCode(err), errs.Message(err))
}
