package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/collector/metrics"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// wire keeps what the collector sends, as words.
type wire struct {
	pb.Delivery_StreamServer
	sent []string
}

func (w *wire) Send(m *pb.CollectorMessage) error {
	switch body := m.GetBody().(type) {
	case *pb.CollectorMessage_Ack:
		w.sent = append(w.sent, fmt.Sprint("ack ", body.Ack.GetAcked()[0].GetWatermark()))
	case *pb.CollectorMessage_Resync:
		w.sent = append(w.sent, "resync "+body.Resync.GetKind())
	case *pb.CollectorMessage_Rejection:
		w.sent = append(w.sent, "rejection "+body.Rejection.GetReason())
	}
	return nil
}

func (w *wire) take() []string {
	sent := w.sent
	w.sent = nil
	return sent
}

// newRowStream returns a stream of one agent whose rows are committed while the test runs.
func newRowStream(t *testing.T, d *db.DB) (*stream, *wire) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	ca, err := fleet.OpenCA(t.TempDir(), fleet.CAOptions{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	f, err := fleet.New(fleet.Options{DB: d, CA: ca, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	_, store := newSamples(t)
	s, err := New(Options{
		Fleet: f, Samples: store, Metadata: noMetadata{}, Events: event.NewStore(d, 0, logger), DB: d, Limits: metrics.DefaultLimits(),
		Logger: logger, Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	id := db.NewID()
	if _, err := d.NewRaw("INSERT INTO agents (id, instance, hostname, fingerprint, public_key_hash, os, arch, version, boot_id, enrolled_at, "+
		"state, revoked_reason, remote_addr, token_id) VALUES (?, 'web1', 'web1', 'f', 'k', 'linux', 'amd64', 'v', '', 1, 'enrolled', '', '', '')",
		id).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.rows.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	w := &wire{}
	return &stream{s: s, wire: w, session: &fleet.Session{Agent: fleet.Agent{ID: fleet.AgentID(id), Instance: "web1"}}, epoch: 1}, w
}

// TestFactsOfAStream follows differences that do not add up: the agent is asked for all, but not all the time.
func TestFactsOfAStream(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		st, w := newRowStream(t, d)
		batch := func(seq uint64, full bool, hash string, keys ...string) *pb.InventoryBatch {
			b := &pb.InventoryBatch{Seq: seq, Kind: "listener", Full: full, FullHash: []byte(hash), TimeMs: 1}
			for _, k := range keys {
				b.Items = append(b.Items, &pb.Item{Class: "listener", Key: k, Attributes: []byte("{}")})
			}
			return b
		}
		of := func(text string) string {
			sum := sha256.Sum256([]byte(strings.ReplaceAll(text, "|", "\x00")))
			return string(sum[:])
		}
		for _, step := range []struct {
			name string
			b    *pb.InventoryBatch
			want []string
		}{
			{"all", batch(1, true, of("listener|a|{}|"), "a"), []string{"ack 1"}},
			{"a difference", batch(2, false, of("listener|a|{}|listener|b|{}|"), "b"), []string{"ack 2"}},
			{"a part of a whole has no hash", batch(3, false, "", "c"), []string{"ack 3"}},
			{"one that does not add up", batch(4, false, of("more"), "d"), []string{"ack 4", "resync listener"}},
			{"another, soon after", batch(5, false, of("more"), "e"), []string{"ack 5"}},
		} {
			if err := st.inventory(t.Context(), step.b); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if diff := cmp.Diff(step.want, w.take()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
		st.asked["listener"] = time.Now().Add(-askAgain)
		if err := st.inventory(t.Context(), batch(6, false, of("more"), "f")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"ack 6", "resync listener"}, w.take()); diff != "" {
			t.Errorf("one later (-want +got):\n%s", diff)
		}
	})
}

func TestCapabilitiesOfAStream(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		st, w := newRowStream(t, d)
		at := time.Now().UnixMilli()
		batch := func(seq uint64, full bool, hash string, all ...*pb.Capability) *pb.InventoryBatch {
			return &pb.InventoryBatch{Seq: seq, Kind: "capability", Full: full, FullHash: []byte(hash), Capabilities: all, TimeMs: at}
		}
		cpu := &pb.Capability{Name: "cpu", Available: true}
		pressure := &pb.Capability{Name: "pressure", Reason: "it is off", Fix: "boot with psi=1"}
		for _, step := range []struct {
			name string
			b    *pb.InventoryBatch
			want []string
		}{
			{"all", batch(1, true, "whatever", cpu, pressure), []string{"ack 1"}},
			{"a repeat", batch(1, true, "whatever", cpu), []string{"ack 1"}},
			{"a difference that does not add up", batch(2, false, "other", &pb.Capability{Name: "cpu", Gone: true}), []string{"ack 2", "resync capability"}},
			{"what can never be stored", batch(3, false, "", &pb.Capability{Name: strings.Repeat("n", 300)}), []string{"rejection refused"}},
			{"facts go their own way", &pb.InventoryBatch{Seq: 4, Kind: "host", Full: true, Items: []*pb.Item{{Key: "host", Attributes: []byte("{}")}}}, []string{"ack 4"}},
		} {
			if err := st.inventory(t.Context(), step.b); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if diff := cmp.Diff(step.want, w.take()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
		}
		mixed := batch(5, true, "")
		mixed.Items = []*pb.Item{{Key: "x"}}
		if err := st.inventory(t.Context(), mixed); !errors.Is(err, errProtocol) {
			t.Errorf("capabilities with items: %v", err)
		}
		all, err := st.s.opts.Fleet.AgentCapabilities(t.Context(), st.session.Agent.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := []fleet.Capability{{Name: "pressure", Reason: "it is off", Fix: "boot with psi=1", Since: db.Time(at)}}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	})
}
