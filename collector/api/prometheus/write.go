package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/s2"

	"github.com/picketmon/picket/collector/metrics"
)

// WriteOptions bounds remote write. Zero fields take the defaults.
type WriteOptions struct {
	MaxBytes      int // of one request after decompression, 413 above; default 32 MiB
	InFlightBytes int // of all requests being handled, 503 above; default 256 MiB
	CacheBytes    int // of the memory that finds series, 48 a series; default 64 MiB
}

func (o WriteOptions) withDefaults() WriteOptions {
	for v, d := range map[*int]int{&o.MaxBytes: 32 << 20, &o.InFlightBytes: 256 << 20, &o.CacheBytes: 64 << 20} {
		if *v <= 0 {
			*v = d
		}
	}
	return o
}

// write receives remote write 1.0. What can be stored is stored; when some of it never can, the answer is 400 with the first
// reason, so that the sender does not repeat it. Nothing is stored when the answer is 5xx.
type write struct {
	store   Store
	catalog *metrics.Catalog
	opts    WriteOptions
	cache   *seriesCache
	logger  *slog.Logger
	self    *writeMetrics

	inFlight atomic.Int64
	pool     sync.Pool // *batch
}

func newWrite(o Options) *write {
	w := &write{
		store: o.Store, catalog: o.Catalog, opts: o.Write.withDefaults(), logger: o.Logger.With("component", "remote_write"),
	}
	w.cache = newSeriesCache(w.opts.CacheBytes)
	w.self = newWriteMetrics(o.Registerer, w.cache)
	w.pool.New = func() any { return newBatch(w.catalog, w.cache) }
	return w
}

// failure is an error with the status that tells the sender what to do about it.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(status int, format string, args ...any) error {
	return &failure{status, fmt.Errorf(format, args...)}
}

// ServeHTTP stores one request and answers 204, or a status and a line of text.
func (w *write) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	err := w.handle(r)
	status := http.StatusNoContent
	if err != nil {
		status = http.StatusInternalServerError
		if f, ok := errors.AsType[*failure](err); ok {
			status = f.status
		}
	}
	w.self.requests[status/100].Inc()
	switch {
	case status == http.StatusNoContent:
		rw.WriteHeader(status)
		return
	case status == http.StatusServiceUnavailable:
		rw.Header().Set("Retry-After", "5")
	case status >= http.StatusInternalServerError:
		w.logger.Error("samples not stored", "err", err)
	}
	http.Error(rw, err.Error(), status)
}

func (w *write) handle(r *http.Request) error {
	if err := acceptable(r.Header); err != nil {
		return err
	}
	b, ok := w.pool.Get().(*batch)
	if !ok {
		b = newBatch(w.catalog, w.cache)
	}
	defer func() {
		w.inFlight.Add(-b.reserved)
		b.release()
		w.pool.Put(b)
	}()
	message, err := w.read(r, b)
	if err != nil {
		return err
	}
	return w.append(r.Context(), b, message)
}

// acceptable refuses other protocols. Prometheus tries version 1 after a 415.
func acceptable(h http.Header) error {
	if e := h.Get("Content-Encoding"); e != "" && e != "snappy" {
		return fail(http.StatusUnsupportedMediaType, "content encoding %q is not supported, only snappy is", e)
	}
	content := h.Get("Content-Type")
	if content == "" || content == "application/x-protobuf" {
		return nil
	}
	media, params, err := mime.ParseMediaType(content)
	if err != nil || media != "application/x-protobuf" {
		return fail(http.StatusUnsupportedMediaType, "content type %q is not supported, only application/x-protobuf is", content)
	}
	if p := params["proto"]; p != "" && p != "prometheus.WriteRequest" {
		return fail(http.StatusUnsupportedMediaType, "message %s is not supported, only prometheus.WriteRequest (remote write 1.0) is", p)
	}
	return nil
}

// read returns the decompressed message, which lives in b.
func (w *write) read(r *http.Request, b *batch) ([]byte, error) {
	limit := int64(w.opts.MaxBytes)
	size := r.ContentLength
	if size > limit {
		return nil, fail(http.StatusRequestEntityTooLarge, "request of %d bytes, limit is %d", size, limit)
	}
	if size < 0 {
		size = limit
	}
	if err := w.reserve(b, size); err != nil {
		return nil, err
	}
	body, err := readBody(r, b.body[:0], limit)
	b.body = body
	if err != nil {
		return nil, err
	}
	decoded, err := s2.DecodedLen(body)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "decompress snappy: %w", err)
	}
	if int64(decoded) > limit {
		return nil, fail(http.StatusRequestEntityTooLarge, "message of %d bytes after decompression, limit is %d", decoded, limit)
	}
	if err := w.reserve(b, int64(decoded)); err != nil {
		return nil, err
	}
	if cap(b.decoded) < decoded {
		b.decoded = make([]byte, decoded)
	}
	message, err := s2.Decode(b.decoded[:cap(b.decoded)], body)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "decompress snappy: %w", err)
	}
	return message, nil
}

// reserve counts bytes as in flight until the request ends.
func (w *write) reserve(b *batch, n int64) error {
	b.reserved += n
	if w.inFlight.Add(n) > int64(w.opts.InFlightBytes) {
		return fail(http.StatusServiceUnavailable, "too many requests at once, try again")
	}
	return nil
}

func readBody(r *http.Request, buf []byte, limit int64) ([]byte, error) {
	if n := int(r.ContentLength); n >= 0 {
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		_, err := io.ReadFull(r.Body, buf)
		return buf, bodyError(err)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, max(len(buf), 4096))...)[:len(buf)]
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return buf, fail(http.StatusRequestEntityTooLarge, "request of more than %d bytes", limit)
		}
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, bodyError(err)
		}
	}
}

func bodyError(err error) error {
	if err == nil {
		return nil
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fail(http.StatusRequestEntityTooLarge, "request of more than %d bytes", large.Limit)
	}
	return fail(http.StatusBadRequest, "read request: %w", err)
}

// append stores message in one transaction.
func (w *write) append(ctx context.Context, b *batch, message []byte) error {
	b.app = w.store.Appender(ctx)
	err := b.request(message)
	w.self.exemplars.Add(float64(b.exemplars))
	if err != nil {
		if rollback := b.app.Rollback(); rollback != nil {
			return fail(http.StatusInternalServerError, "%w; %w", err, rollback)
		}
		return storageFailure(err)
	}
	out, err := b.app.Commit()
	if err != nil {
		return storageFailure(err)
	}
	w.self.stored.Add(float64(out.Stored))
	if b.refusal == nil {
		return nil
	}
	w.self.refused.Add(float64(out.RefusedTotal()))
	text := b.refusal.Error()
	if n := out.RefusedTotal() - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more of %d samples; the others are stored)", n, out.Stored+n+1)
	}
	return &failure{http.StatusBadRequest, errors.New(strings.ToValidUTF8(text, "?"))}
}

// storageFailure keeps what is the sender's fault and gives the rest the status after which senders try again.
func storageFailure(err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err
	}
	if errors.Is(err, errMalformed) {
		return &failure{http.StatusBadRequest, err}
	}
	if errors.Is(err, metrics.ErrDiskFull) || errors.Is(err, metrics.ErrStopped) {
		return &failure{http.StatusServiceUnavailable, err}
	}
	return &failure{http.StatusInternalServerError, err}
}
