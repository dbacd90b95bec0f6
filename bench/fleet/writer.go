//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"

	"github.com/picketmon/picket/bench/herd"
)

// writer sends remote write 1.0 as Prometheus does, over a connection that it keeps.
type writer struct {
	conn   *tls.Conn
	values *herd.Values
	req    prompb.WriteRequest
	raw    []byte
	packed []byte
	out    []byte
	ended  chan struct{}

	mu    sync.Mutex
	sent  uint64
	acked uint64
	err   error
}

func connectWriters(ctx context.Context, ready string, n int) ([]client, error) {
	var addr, certificate string
	if _, err := fmt.Sscan(ready, &addr, &certificate); err != nil {
		return nil, fmt.Errorf("read what the handler said: %w", err)
	}
	der, err := hex.DecodeString(certificate)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	dialer := &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: 15 * time.Second},
		Config:    &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: "localhost"},
	}
	clients := make([]client, 0, n)
	for i := range n {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			return clients, fmt.Errorf("dial handler: %w", err)
		}
		w := &writer{conn: conn.(*tls.Conn), values: herd.NewValues(i), ended: make(chan struct{})}
		for s := range herd.Series {
			ts := prompb.TimeSeries{Samples: make([]prompb.Sample, 1)}
			herd.Labels(i, s).Range(func(l labels.Label) { ts.Labels = append(ts.Labels, prompb.Label{Name: l.Name, Value: l.Value}) })
			w.req.Timeseries = append(w.req.Timeseries, ts)
		}
		go w.receive()
		clients = append(clients, w)
	}
	return clients, nil
}

// Cycle implements client.
func (w *writer) Cycle(now time.Time) error {
	w.mu.Lock()
	w.sent++
	err := w.err
	w.mu.Unlock()
	if err != nil {
		return err
	}
	for i, v := range w.values.Next() {
		w.req.Timeseries[i].Samples[0] = prompb.Sample{Value: v, Timestamp: now.UnixMilli()}
	}
	size := w.req.Size()
	if cap(w.raw) < size {
		w.raw = make([]byte, 2*size)
	}
	n, err := w.req.MarshalToSizedBuffer(w.raw[:size])
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	w.packed = snappy.Encode(w.packed[:cap(w.packed)], w.raw[:n])
	w.out = fmt.Appendf(w.out[:0], "POST %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Prometheus/3.14.0\r\nContent-Length: %d\r\n"+
		"Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n\r\n", writePath, len(w.packed))
	w.out = append(w.out, w.packed...)
	if _, err := w.conn.Write(w.out); err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	return nil
}

func (w *writer) receive() {
	defer close(w.ended)
	in := bufio.NewReaderSize(w.conn, 1<<10)
	for {
		err := w.answer(in)
		w.mu.Lock()
		if err == nil {
			w.acked++
		}
		w.err = err
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (w *writer) answer(in *bufio.Reader) error {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the handler answered %s: %s", resp.Status, body)
	}
	return nil
}

// Counts implements client.
func (w *writer) Counts() (sent, acked uint64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent, w.acked, w.err
}

// Close implements client.
func (w *writer) Close() error {
	err := w.conn.Close()
	<-w.ended
	return err
}
