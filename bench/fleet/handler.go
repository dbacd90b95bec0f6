//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"

	"github.com/picketmon/picket/bench/herd"
)

const writePath = "/api/v1/write"

// handler is the role of Prometheus' remote-write handler over HTTPS. It is ready with its address and its certificate.
func handler(dir string, serve herd.Serve) error {
	o := tsdb.DefaultOptions()
	o.WALCompression = compression.Snappy
	o.RetentionDuration = (30 * 24 * time.Hour).Milliseconds()
	o.OutOfOrderTimeWindow = (25 * time.Hour).Milliseconds()
	o.MaxBlockDuration = (72 * time.Hour).Milliseconds()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := tsdb.Open(filepath.Join(dir, "tsdb"), logger, nil, o, nil)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	cert, err := selfSigned()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+writePath, remote.NewWriteHandler(logger, prometheus.NewRegistry(), db,
		remoteapi.MessageTypes{remoteapi.WriteV1MessageType}, false, false))
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: time.Hour, Protocols: new(http.Protocols),
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}},
	}
	srv.Protocols.SetHTTP1(true)
	go func() { _ = srv.ServeTLS(l, "", "") }()
	defer func() { _ = srv.Close() }()
	return serve(fmt.Sprintf("%s %s", l.Addr(), hex.EncodeToString(cert.Certificate[0])), nil)
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
