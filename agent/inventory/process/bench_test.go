package process

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/picketmon/picket/agent/inventory"
)

// BenchmarkLook is a look at the processes and sockets of this host, as it is done every five seconds.
func BenchmarkLook(b *testing.B) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		b.Skip(err)
	}
	t := newTable(inventory.Trees{Proc: "/proc", Sys: "/sys", Root: "/"}, slog.New(slog.DiscardHandler))
	if _, err := t.look(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		t.at = time.Time{}
		if _, err := t.look(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(t.procs)), "processes")
}
