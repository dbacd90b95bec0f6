// Package ingest is the collector's end of the agents' streams.
//
//	          ┌ Hello ─ fleet: who is it ─ Welcome
//	stream ───┤ schema, metrics ─ delta rows ─> metrics.Appender ─ commit ─┐
//	(one per  │ results, events ┐                                         ├─> ledger ─> Ack
//	 agent)   └ inventory       ┴─ rows: one transaction for many agents ─┘
//
// In come AgentMessages; out go samples, rows and acknowledgements. Nothing is acknowledged before it survives kill -9 of this
// process. Rows commit in one transaction with the agent's watermark, so a repeat is recognised; of samples the watermark is saved
// from time to time, as a repeat is harmless.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/collector/metrics"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// MaxMessage is the largest message accepted from an agent, in bytes.
const MaxMessage = 4 << 20

// Job is the value of the job label of all series agents send, as node_exporter's dashboards and rules expect it.
const Job = "node"

// Versions of the protocol that this collector speaks.
const (
	minVersion = 1
	maxVersion = 1
)

// Options configure a Server. All but Series, SaveEvery and Stored are required.
type Options struct {
	Fleet      *fleet.Fleet
	Samples    Samples
	Metadata   Metadata
	Events     *event.Store
	DB         *db.DB
	Limits     metrics.Limits
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Series     int           // per agent; default 50,000
	SaveEvery  time.Duration // of the samples' watermarks; default 5 s
	// Stored is told after each commit what an agent brought. It must not block. It is for those who watch.
	Stored func(c pb.Class, id fleet.AgentID, instance string)
}

// Server implements the Delivery service. It must Run while it serves.
type Server struct {
	pb.UnimplementedDeliveryServer
	opts    Options
	rows    *rows
	zstd    *zstd.Decoder
	metrics *meters

	mu      sync.Mutex
	streams map[*stream]struct{}
}

// New returns a Server.
func New(o Options) (*Server, error) {
	if o.Fleet == nil || o.Samples == nil || o.Metadata == nil || o.Events == nil || o.DB == nil || o.Logger == nil || o.Registerer == nil {
		return nil, errors.New("ingest needs fleet, samples, metadata, events, database, logger and registerer")
	}
	if o.Series == 0 {
		o.Series = 50_000
	}
	if o.SaveEvery == 0 {
		o.SaveEvery = 5 * time.Second
	}
	if o.Stored == nil {
		o.Stored = func(pb.Class, fleet.AgentID, string) {}
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxDefinition), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("make schema decompressor: %w", err)
	}
	o.Logger = o.Logger.With("component", "ingest")
	s := &Server{opts: o, rows: newRows(o.DB), zstd: z, streams: map[*stream]struct{}{}}
	s.metrics = newMeters(o.Registerer, s.count)
	return s, nil
}

// Run commits rows and saves watermarks until ctx ends. Streams must have ended before, as nothing is stored afterwards.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { s.rows.run(ctx) })
	tick := time.NewTicker(s.opts.SaveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			wg.Wait()
			return nil
		case <-tick.C:
			if err := s.save(ctx); err != nil && ctx.Err() == nil {
				s.opts.Logger.Error("save watermarks", "error", err)
			}
		}
	}
}

// save writes the watermarks of samples that moved since the last time.
func (s *Server) save(ctx context.Context) error {
	s.mu.Lock()
	var moved []*stream
	for st := range s.streams {
		moved = append(moved, st)
	}
	s.mu.Unlock()
	return s.opts.DB.InTxReadCommitted(ctx, func(ctx context.Context, tx bun.Tx) error {
		for _, st := range moved {
			if err := st.saveSamples(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Server) count() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(len(s.streams))
}
