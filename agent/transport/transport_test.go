package transport

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/checks"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

func run(t *testing.T, tr *Transport) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// words says in short what a message is.
func words(m *pb.AgentMessage) string {
	switch body := m.GetBody().(type) {
	case *pb.AgentMessage_Metrics:
		c := body.Metrics.GetCycles()
		return fmt.Sprintf("%s %d-%d", map[pb.Lane]string{0: "live", 1: "old"}[body.Metrics.GetLane()], c[0].GetSeq(), c[len(c)-1].GetSeq())
	case *pb.AgentMessage_Schema:
		return "schema " + body.Schema.GetCheck()
	case *pb.AgentMessage_Results:
		return fmt.Sprint("results ", body.Results.GetSeq())
	case *pb.AgentMessage_Inventory:
		return fmt.Sprint("inventory ", body.Inventory.GetSeq())
	case *pb.AgentMessage_Logs:
		return fmt.Sprint("logs ", body.Logs.GetSeq())
	case *pb.AgentMessage_Hello:
		return "hello"
	}
	return "other"
}

func story(all []*pb.AgentMessage) []string {
	var out []string
	for _, m := range all {
		out = append(out, words(m))
	}
	return out
}

func TestBacklogGoesLastAndEverythingElseByItsClass(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	b := openBuffer(t, dir)
	tr := newTransport(t, f, b, dir)
	l := layout("disk", "a", "b")
	must(t, tr.Deliver(cycle(1000, l, 1, 2)))
	must(t, tr.Deliver(cycle(2000, l, 1, 3)))
	logs, err := proto.Marshal(&pb.LogBatch{Source: "file"})
	must(t, err)
	_, err = b.Append(buffer.Logs, 2500, logs)
	must(t, err)
	must(t, tr.Inventory(inventory.Batch{Kind: "host", Time: time.UnixMilli(2600)}))
	must(t, tr.Event("agent_started", checks.OK, "started", nil))
	released := make(chan struct{})
	f.greet = func(h *pb.Hello) *pb.CollectorMessage {
		<-released // what is buffered from now on is live
		return welcome(32, 8)(h)
	}
	f.answer = ackAll
	stop := run(t, tr)
	f.await(t, func(got []*pb.AgentMessage) bool { return len(got) == 1 })
	close(released)
	got := f.await(t, func(got []*pb.AgentMessage) bool { return len(got) >= 6 })
	want := []string{"hello", "results 1", "inventory 1", "logs 1", "schema disk", "old 1-2"}
	if diff := cmp.Diff(want, story(got)[:6]); diff != "" {
		t.Errorf("order of delivery (-want +got):\n%s", diff)
	}
	must(t, tr.Deliver(cycle(3000, l, 1, 4)))
	got = f.await(t, func(got []*pb.AgentMessage) bool { return len(got) >= 7 })
	if last := words(got[6]); last != "live 3-3" {
		t.Errorf("after the backlog came %q", last)
	}
	awaitEmpty(t, b)
	must(t, stop())
}

func awaitEmpty(t *testing.T, b *buffer.Buffer) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for b.Stats().Records > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d records are still in the spool", b.Stats().Records)
		}
		<-tick.C
	}
}

func TestLiveDataPassesALongBacklog(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	b := openBuffer(t, dir)
	tr := newTransport(t, f, b, dir)
	l := layout("disk", "a")
	const old = 3000
	for i := range int64(old) {
		must(t, tr.Deliver(cycle(1000*i, l, float64(i))))
	}
	sent := 0
	f.greet = welcome(4, 2)
	f.answer = func(m *pb.AgentMessage) []*pb.CollectorMessage {
		if m.GetMetrics().GetLane() == pb.Lane_LANE_BACKLOG {
			if sent++; sent == 2 {
				must(t, tr.Deliver(cycle(1000*old, l, 7)))
			}
		}
		return ackAll(m)
	}
	stop := run(t, tr)
	awaitEmpty(t, b)
	got := story(f.await(t, func([]*pb.AgentMessage) bool { return true }))
	live := slices.Index(got, fmt.Sprintf("live %d-%d", old+1, old+1))
	if live < 0 || live > 8 || len(got) < 12 {
		t.Errorf("the live cycle is message %d of %d: %v", live, len(got), got)
	}
	must(t, stop())
}

func TestWhatIsNotAcknowledgedComesAgain(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	b := openBuffer(t, dir)
	tr := newTransport(t, f, b, dir)
	must(t, tr.Deliver(cycle(1000, layout("disk", "a"), 1)))
	streams := 0
	f.greet = func(h *pb.Hello) *pb.CollectorMessage {
		if streams++; streams == 2 {
			f.answer = ackAll
		}
		return welcome(32, 8)(h)
	}
	f.answer = func(m *pb.AgentMessage) []*pb.CollectorMessage {
		if m.GetMetrics() == nil {
			return nil
		}
		return []*pb.CollectorMessage{{Body: &pb.CollectorMessage_Refusal{Refusal: &pb.Refusal{Reason: pb.Refusal_REASON_SHUTDOWN}}}}
	}
	stop := run(t, tr)
	awaitEmpty(t, b)
	got := story(f.await(t, func([]*pb.AgentMessage) bool { return true }))
	want := []string{"hello", "schema disk", "old 1-1", "hello", "schema disk", "old 1-1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	must(t, stop())
}

func TestACloneIsToldToEnrolAnew(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	tr := newTransport(t, f, openBuffer(t, dir), dir)
	f.greet = func(*pb.Hello) *pb.CollectorMessage {
		return &pb.CollectorMessage{Body: &pb.CollectorMessage_Refusal{Refusal: &pb.Refusal{Reason: pb.Refusal_REASON_CLONE}}}
	}
	if err := tr.Run(t.Context()); !errors.Is(err, ErrClone) {
		t.Errorf("got %v, want ErrClone", err)
	}
}

func TestARejectedRecordIsSettledAsDropped(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	b := openBuffer(t, dir)
	tr := newTransport(t, f, b, dir)
	must(t, tr.Inventory(inventory.Batch{Kind: "host", Time: time.Now()}))
	f.greet = welcome(1, 1) // the rejected message gives its place free
	must(t, tr.Deliver(cycle(1000, layout("disk", "a"), 1)))
	f.answer = func(m *pb.AgentMessage) []*pb.CollectorMessage {
		if m.GetInventory() == nil {
			return ackAll(m)
		}
		return []*pb.CollectorMessage{{Body: &pb.CollectorMessage_Rejection{Rejection: &pb.Rejection{
			Class: pb.Class_CLASS_INVENTORY, Seq: 1, Reason: "refused",
		}}}}
	}
	stop := run(t, tr)
	awaitEmpty(t, b)
	if drops := b.Stats().Drops; len(drops) != 1 || drops[0].Reason != "rejected" {
		t.Errorf("drops: %+v", drops)
	}
	must(t, stop())
}

func TestASpoolThatWasSetBackGetsANewEpoch(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	b := openBuffer(t, dir)
	tr := newTransport(t, f, b, dir)
	must(t, tr.Deliver(cycle(1000, layout("disk", "a"), 1)))
	var epochs []uint64
	f.greet = func(h *pb.Hello) *pb.CollectorMessage {
		epochs = append(epochs, h.GetEpoch())
		m := welcome(32, 8)(h)
		if len(epochs) == 1 { // the collector remembers more than this spool does
			m.GetWelcome().Acked = []*pb.Acked{{Class: pb.Class_CLASS_METRICS, Watermark: 900}}
		}
		return m
	}
	f.answer = ackAll
	stop := run(t, tr)
	awaitEmpty(t, b)
	must(t, stop())
	if len(epochs) != 2 || epochs[0] == epochs[1] {
		t.Errorf("epochs %v, want two different ones", epochs)
	}
	if got := story(f.await(t, func([]*pb.AgentMessage) bool { return true })); got[len(got)-1] != "old 1-1" {
		t.Errorf("what the spool held did not come: %v", got)
	}
}

func TestSchemasOutliveARestartAndDamageIsCounted(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	b := openBuffer(t, dir)
	first := newTransport(t, f, b, dir)
	whole, broken := layout("whole", "a", "b"), layout("broken", "c")
	must(t, first.Deliver(schedule.Cycle{Time: time.UnixMilli(5000), Readings: []schedule.Reading{
		{Check: "whole", Layout: whole, Values: []float64{1, 2}}, {Check: "broken", Layout: broken, Values: []float64{3}},
	}}))
	hash := first.schemas.now["broken"].hash
	must(t, os.WriteFile(filepath.Join(dir, "schemas", fmt.Sprintf("%016x.schema", hash)), []byte("damage"), 0o600))
	second := newTransport(t, f, b, dir)
	f.answer = ackAll
	stop := run(t, second)
	awaitEmpty(t, b)
	got := story(f.await(t, func([]*pb.AgentMessage) bool { return true }))
	if diff := cmp.Diff([]string{"hello", "schema whole", "old 1-1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := second.Counts().LostSchemas; n != 1 {
		t.Errorf("%d lost schemas counted, want 1", n)
	}
	must(t, stop())
}

func TestManySchemasTakeOverIDs(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	b := openBuffer(t, dir)
	tr := newTransport(t, f, b, dir)
	const n = maxStreamSchemas + 50
	for i := range int64(n) {
		must(t, tr.Deliver(cycle(1000*i, layout("disk", fmt.Sprint("m", i)), float64(i))))
	}
	f.answer = ackAll
	stop := run(t, tr)
	awaitEmpty(t, b)
	highest := uint32(0)
	defined := 0
	for _, m := range f.await(t, func([]*pb.AgentMessage) bool { return true }) {
		if s := m.GetSchema(); s != nil {
			defined++
			highest = max(highest, s.GetId())
		}
	}
	if defined != n || highest != maxStreamSchemas {
		t.Errorf("%d schemas with ids up to %d, want %d up to %d", defined, highest, n, maxStreamSchemas)
	}
	must(t, stop())
}

func FuzzDecodeReadings(f *testing.F) {
	dir := f.TempDir()
	s, err := openSchemas(dir, time.Hour, func(string) (string, string) { return "", "" })
	if err != nil {
		f.Fatal(err)
	}
	tr := &Transport{schemas: s}
	l := layout("x", "a", "b")
	rec, err := tr.encodeReadings([]schedule.Reading{{Check: "x", Layout: l, Values: []float64{1, 2.5}, Ended: l.Series}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rec)
	f.Fuzz(func(_ *testing.T, raw []byte) {
		_, _ = decodeReadings(raw, func(reading) error { return nil }) // must not panic
	})
}

func TestBackoffHasFullJitterUpToAMinute(t *testing.T) {
	for attempt := range 20 {
		ceiling := min(time.Second<<min(attempt, 6), time.Minute)
		for range 100 {
			if d := fullJitter(attempt); d < 0 || d >= ceiling {
				t.Fatalf("attempt %d waits %s, not below %s", attempt, d, ceiling)
			}
		}
	}
}
