package buffer

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mountTmpfs returns a directory on a disk of its own. Without the right to mount the test is skipped, unless
// PICKET_TEST_SERVERS=1 says that it must run.
func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		if os.Getenv("PICKET_TEST_SERVERS") == "1" {
			t.Fatalf("mount a small disk: %v", err)
		}
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// TestFullDisk fills a real disk of 1 MiB, first by the spool alone, then by a stranger, and empties it again.
func TestFullDisk(t *testing.T) {
	const size = 700
	dir := mountTmpfs(t, "1m")
	r := &rig{t: t, now: time.Now()}
	r.opt = Options{
		Dir: filepath.Join(dir, "spool"), Logger: slog.New(slog.DiscardHandler), MinFreeRatio: -1,
		SyncEvery: 10 * time.Millisecond, Now: time.Now, OnDrop: func(d Drop) { r.drops = append(r.drops, d) },
	}
	r.open()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.b.Run(ctx) }()
	r.fill(Results, 100, size)
	r.fill(Logs, 3000, size) // three times the disk
	stranger := filepath.Join(dir, "stranger")
	occupy := func() {
		if err := os.WriteFile(stranger, make([]byte, 2<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("the stranger found room for 2 MiB: %v", err)
		}
	}
	occupy()
	r.fill(Metrics, 2000, size) // takes the room of the logs, then its own
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	sums := r.checkAccounts(size)
	if sums["logs disk_full"] != 3000 || sums["results disk_full"] != 0 || sums["metrics disk_full"] < 500 {
		t.Errorf("dropped %v", sums)
	}
	for c := Results; c <= Metrics; c++ {
		if err := r.b.Ack(c, r.b.Last(c), nil); err != nil {
			t.Fatal(err)
		}
	}
	r.reopen() // which deletes everything
	occupy()
	refused := uint64(0)
	for range 50 {
		if _, err := r.b.Append(Results, time.Now().UnixMilli(), make([]byte, size)); !errors.Is(err, ErrFull) {
			t.Fatalf("a record on a disk full of other things: %v", err)
		}
		refused++
	}
	if err := os.Remove(stranger); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	r.fill(Results, 1, size)
	recovered := time.Since(freed)
	r.reopen()
	if s := r.b.Stats(); s.Damaged != 0 || s.Corrupt != 0 {
		t.Errorf("after reopening: %+v", s)
	}
	if got := r.held(Results, size); len(got) != 1 || got[0] != r.b.Last(Results) {
		t.Errorf("held %v", got)
	}
	r.tick()
	if last := r.drops[len(r.drops)-1]; last.Class != Results || last.Reason != ReasonDiskFull || last.Records != refused {
		t.Errorf("%d refused, told %+v", refused, last)
	}
	_ = r.b.Close()
	t.Logf("dropped %v, %d refused, works again after %v", sums, refused, recovered)
}
