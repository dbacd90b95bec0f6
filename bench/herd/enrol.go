//go:build linux

package herd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/picketmon/picket/agent/enroll"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// Enrol makes n agents of the collector that the token is of, over one connection.
func Enrol(ctx context.Context, token string, n int) ([]*Agent, error) {
	t, err := enroll.ParseToken(token)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+t.Addresses[0], grpc.WithTransportCredentials(credentials.NewTLS(pinned(t.Pin))))
	if err != nil {
		return nil, fmt.Errorf("dial collector: %w", err)
	}
	defer func() { _ = conn.Close() }()
	client := pb.NewEnrollmentClient(conn)
	agents := make([]*Agent, n)
	for i := range agents {
		if agents[i], err = enrolOne(ctx, client, t, i); err != nil {
			return nil, fmt.Errorf("enrol host %d: %w", i, err)
		}
	}
	return agents, nil
}

// pinned trusts a collector by the hash of its authority's key.
func pinned(pin [sha256.Size]byte) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, // what follows verifies
		VerifyConnection: func(s tls.ConnectionState) error {
			ca := s.PeerCertificates[len(s.PeerCertificates)-1]
			if sha256.Sum256(ca.RawSubjectPublicKeyInfo) != pin {
				return errors.New("this is not the token's collector")
			}
			return s.PeerCertificates[0].CheckSignatureFrom(ca)
		},
	}
}

func enrolOne(ctx context.Context, client pb.EnrollmentClient, t enroll.Token, i int) (*Agent, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	fingerprint := sha256.Sum256([]byte(HostName(i)))
	host := &pb.Host{Hostname: HostName(i), Fingerprint: fingerprint[:], Os: runtime.GOOS, Arch: runtime.GOARCH, AgentVersion: "bench"}
	got, err := client.Enroll(ctx, &pb.EnrollRequest{TokenId: t.ID, TokenSecret: t.Secret, CsrDer: csr, Host: host})
	if err != nil {
		return nil, err
	}
	ca, err := x509.ParseCertificate(got.GetCaDer())
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	return newAgent(i, t.Addresses[0], host, &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: enroll.ServerName, RootCAs: roots,
		Certificates: []tls.Certificate{{Certificate: [][]byte{got.GetCertificateDer()}, PrivateKey: key}},
	}), nil
}
