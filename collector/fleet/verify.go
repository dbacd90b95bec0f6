package fleet

import (
	"crypto/x509"
	"net/url"
	"strings"
	"time"

	"github.com/picketmon/picket/collector/db"
)

// verify says which agent a certificate shown in a handshake belongs to, by the certificate alone: signature, life, use and
// name. Errors are refusals. What the database knows about it is Fleet.Authenticate's part.
func (c *CA) verify(cert *x509.Certificate, now time.Time) (AgentID, error) {
	// The signature comes first: nothing that a stranger wrote into a certificate should decide what the answer is.
	if err := cert.CheckSignatureFrom(c.cert); err != nil {
		return "", refusef(ReasonWrongCA, "the certificate was not signed by this collector's authority; enrol with a token of this collector")
	}
	if now.After(cert.NotAfter) {
		return "", refusef(ReasonExpired, "the certificate expired at %s; enrol again", cert.NotAfter.UTC().Format(time.RFC3339))
	}
	if now.Before(cert.NotBefore) {
		return "", refusef(ReasonNotYetValid, "the certificate is valid from %s, here it is %s; check the clocks",
			cert.NotBefore.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	if _, err := cert.Verify(x509.VerifyOptions{
		Roots: c.pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return "", refusef(ReasonBadCertificate, "the certificate cannot be used by an agent: %v", err)
	}
	return certificateAgent(cert)
}

// certificateAgent returns the id that common name and URI of a certificate agree upon.
func certificateAgent(cert *x509.Certificate) (AgentID, error) {
	id := cert.Subject.CommonName
	switch {
	case !db.IsID(id):
		return "", refusef(ReasonWrongName, "the certificate's common name is not an agent id")
	case len(cert.URIs) != 1 || !isAgentURI(cert.URIs[0], id):
		return "", refusef(ReasonWrongName, "the certificate names agent %s, but its URI does not", id)
	case len(cert.DNSNames)+len(cert.IPAddresses)+len(cert.EmailAddresses) > 0:
		return "", refusef(ReasonWrongName, "the certificate of agent %s carries names that agents do not have", id)
	}
	return AgentID(id), nil
}

func isAgentURI(u *url.URL, id string) bool {
	return u.Scheme == uriScheme && u.Host == uriHostAgent && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		strings.TrimPrefix(u.Path, "/") == id
}
