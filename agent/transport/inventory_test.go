package transport

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/agent/inventory"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

func TestTheCollectorAsksForAllCapabilities(t *testing.T) {
	f, dir := startFake(t), t.TempDir()
	b := openBuffer(t, dir)
	asked := make(chan string, 1)
	tr := newTransport(t, f, b, dir)
	tr.opts.OnResync = func(kind string) { asked <- kind }
	must(t, tr.Inventory(inventory.Batch{Kind: "capability", Hash: []byte{1}, Time: time.UnixMilli(5), Capabilities: []inventory.Capability{
		{Name: "cpu", Available: true}, {Name: "pressure", Reason: "it is off", Fix: "boot with psi=1"}, {Name: "filesystem:/mnt", Gone: true},
	}}))
	f.answer = func(m *pb.AgentMessage) []*pb.CollectorMessage {
		return append(ackAll(m), &pb.CollectorMessage{Body: &pb.CollectorMessage_Resync{Resync: &pb.Resync{Kind: m.GetInventory().GetKind()}}})
	}
	stop := run(t, tr)
	awaitEmpty(t, b)
	select {
	case kind := <-asked:
		if kind != "capability" {
			t.Errorf("asked for all of %q", kind)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody was told that the collector asked")
	}
	must(t, stop())
	for _, m := range f.await(t, func(all []*pb.AgentMessage) bool { return len(all) > 1 }) {
		batch := m.GetInventory()
		if batch == nil {
			continue
		}
		var got []string
		for _, c := range batch.GetCapabilities() {
			got = append(got, c.String())
		}
		want := []string{
			(&pb.Capability{Name: "cpu", Available: true}).String(), (&pb.Capability{Name: "pressure", Reason: "it is off", Fix: "boot with psi=1"}).String(),
			(&pb.Capability{Name: "filesystem:/mnt", Gone: true}).String(),
		}
		if diff := cmp.Diff(want, got); diff != "" || batch.GetFull() || batch.GetTimeMs() != 5 || len(batch.GetItems()) != 0 {
			t.Errorf("batch %v (-want +got):\n%s", batch, diff)
		}
	}
}
