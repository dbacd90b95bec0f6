package fleet

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/picketmon/picket/collector/db"
)

// Authenticate says which agent makes the call or stream of ctx, by the certificate it showed in the TLS handshake. It asks
// the database each time, so that a revocation counts from the next call on, whichever process made it. Errors are refusals,
// each with its own reason, or faults of the database.
//
// A certificate that the authority signed for a known agent but that is missing in the database, because that was restored
// from a backup, is taken in: the signature is the proof, the table only says what was revoked.
func (f *Fleet) Authenticate(ctx context.Context) (Agent, error) {
	a, err := f.authenticate(ctx, time.Now())
	return a, f.refuse(err)
}

func (f *Fleet) authenticate(ctx context.Context, now time.Time) (Agent, error) {
	cert := peerCertificate(ctx)
	if cert == nil {
		return Agent{}, refusef(ReasonNoCertificate, "the call needs the certificate of an agent; enrol first")
	}
	id, err := f.ca.verify(cert, now)
	if err != nil {
		return Agent{}, err
	}
	row, err := agentByID(ctx, f.db, id)
	if err != nil {
		return Agent{}, err
	}
	if row == nil {
		return Agent{}, refusef(ReasonUnknownAgent, "agent %s is not known here; enrol again", id)
	}
	if row.State == rowRevoked {
		return Agent{}, refusef(ReasonAgentRevoked, "agent %s (%s) was revoked at %s: %s", id, row.Instance,
			timeOf(row.RevokedAt).Format(time.RFC3339), row.RevokedReason)
	}
	if err := f.checkCertificate(ctx, id, cert, now); err != nil {
		return Agent{}, err
	}
	a := row.agent()
	a.serial, a.notAfter = serialText(cert.SerialNumber), cert.NotAfter
	f.stamp(&a, now)
	return a, nil
}

// checkCertificate asks the database about a certificate that is good by itself.
func (f *Fleet) checkCertificate(ctx context.Context, id AgentID, cert *x509.Certificate, now time.Time) error {
	serial := serialText(cert.SerialNumber)
	row := new(certRow)
	err := f.db.NewSelect().Model(row).Where("serial = ?", serial).Scan(ctx)
	if db.IsNoRows(err) {
		return f.adopt(ctx, id, cert, now)
	}
	if err != nil {
		return fmt.Errorf("read certificate %s: %w", serial, err)
	}
	if row.AgentID != id {
		return refusef(ReasonWrongName, "certificate %s was not issued to agent %s", serial, id)
	}
	if row.RevokedAt != nil {
		return refusef(ReasonCertificateRevoked, "the certificate was revoked at %s: %s",
			timeOf(row.RevokedAt).Format(time.RFC3339), row.RevokedReason)
	}
	return nil
}

func (f *Fleet) adopt(ctx context.Context, id AgentID, cert *x509.Certificate, now time.Time) error {
	key, err := keyHash(cert.PublicKey)
	if err != nil {
		return err
	}
	row := &certRow{
		Serial: serialText(cert.SerialNumber), AgentID: id, PublicKeyHash: key, NotBefore: db.Millis(cert.NotBefore),
		NotAfter: db.Millis(cert.NotAfter), IssuedAt: now.UnixMilli(),
	}
	if _, err := f.db.NewInsert().Model(row).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("take in certificate %s: %w", row.Serial, err)
	}
	f.logger.Warn("took in a certificate that the database did not know", "agent", id, "serial", row.Serial)
	return nil
}

// refuse counts err when it is a refusal, and returns it.
func (f *Fleet) refuse(err error) error {
	if r := reasonOf(err); r != "" {
		f.metrics.refusals.WithLabelValues(string(r)).Inc()
	}
	return err
}

// peerCertificate returns the certificate the caller proved to hold, nil without one.
func peerCertificate(ctx context.Context) *x509.Certificate {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.PeerCertificates) == 0 {
		return nil
	}
	return info.State.PeerCertificates[0]
}

// remoteAddr returns the caller's address, with port, "" when unknown.
func remoteAddr(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && p.Addr != nil {
		return p.Addr.String()
	}
	return ""
}

// remoteIP returns the caller's address without port; callers without one all share the zero address.
func remoteIP(ctx context.Context) netip.Addr {
	ap, err := netip.ParseAddrPort(remoteAddr(ctx))
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr()
}
