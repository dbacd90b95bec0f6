package all

import (
	"context"
	"log/slog"
	"runtime"
	"testing"

	"github.com/picketmon/picket/agent/inventory"
)

// BenchmarkGather is what a look costs that gathers, by kind, on this host.
func BenchmarkGather(b *testing.B) {
	for _, s := range thisHost(b) {
		b.Run(s.Kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := s.Gather(context.Background()); err != nil {
					b.Skip(err)
				}
			}
		})
	}
}

// BenchmarkStamp is what a look costs that finds nothing new, by kind, on this host.
func BenchmarkStamp(b *testing.B) {
	for _, s := range thisHost(b) {
		if s.Stamp == nil {
			continue
		}
		b.Run(s.Kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Stamp()
			}
		})
	}
}

func thisHost(b *testing.B) []inventory.Source {
	if runtime.GOOS != "linux" {
		b.Skip("only Linux has all kinds")
	}
	return Sources(Options{Trees: inventory.Trees{Proc: "/proc", Sys: "/sys", Root: "/"}, Commands: true, Logger: slog.New(slog.DiscardHandler)})
}
