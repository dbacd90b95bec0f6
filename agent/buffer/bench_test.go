package buffer

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func openBench(b *testing.B, dir string) *Buffer {
	buf, err := Open(Options{Dir: filepath.Join(dir, "spool"), Logger: slog.New(slog.DiscardHandler), MinFreeRatio: -1})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = buf.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done; _ = buf.Close() })
	return buf
}

// BenchmarkCycle is the life of one record of 1.5 kB on a healthy line.
func BenchmarkCycle(b *testing.B) {
	buf := openBench(b, b.TempDir())
	data := make([]byte, 1500)
	b.ReportAllocs()
	for b.Loop() {
		seq, err := buf.Append(Metrics, time.Now().UnixMilli(), data)
		if err != nil {
			b.Fatal(err)
		}
		if _, ok, err := buf.Next(Metrics, seq-1); !ok || err != nil {
			b.Fatal(ok, err)
		}
		if err := buf.Ack(Metrics, seq, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	buf := openBench(b, b.TempDir())
	data := make([]byte, 1500)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := buf.Append(Metrics, time.Now().UnixMilli(), data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBacklog reads a backlog of 64 MiB in order.
func BenchmarkBacklog(b *testing.B) {
	buf := openBench(b, b.TempDir())
	data := make([]byte, 1500)
	for range 40_000 {
		if _, err := buf.Append(Metrics, time.Now().UnixMilli(), data); err != nil {
			b.Fatal(err)
		}
	}
	after := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		rec, ok, err := buf.Next(Metrics, after)
		if err != nil {
			b.Fatal(err)
		}
		if after = rec.Seq; !ok {
			after = 0
		}
	}
}

// TestOpenLarge opens a large spool: it must be quick and take hardly any memory.
func TestOpenLarge(t *testing.T) {
	records, size := 30_000, 1500
	if os.Getenv("PICKET_SOAK") == "1" {
		records = 340_000 // 512 MiB
	}
	opt := Options{Dir: filepath.Join(t.TempDir(), "spool"), Logger: slog.New(slog.DiscardHandler), MinFreeRatio: -1}
	b, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size)
	for i := range records {
		if _, err := b.Append(Class(1+i%4), time.Now().UnixMilli(), data); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	before, rss := heap(), residentKB()
	start := time.Now()
	if b, err = Open(opt); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	rss = residentKB() - rss
	used := heap() - before
	s := b.Stats()
	if s.Records != uint64(records) {
		t.Errorf("%d records held, want %d", s.Records, records)
	}
	if used > 1<<20 {
		t.Errorf("%d bytes of memory for the index of %d bytes", used, s.Bytes)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB in %d segments, %d records: opened in %v, %d KiB of heap, RSS %+d KiB", s.Bytes>>20, s.Segments, s.Records,
		took, used>>10, rss)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// residentKB returns the resident memory of this process, 0 where it cannot be known.
func residentKB() int {
	p, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(p)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}
