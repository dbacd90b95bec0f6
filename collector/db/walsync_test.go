package db

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWALSyncFlushesOnceMoreAfterTheLastChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	s := startWALSync(path, time.Hour, slog.New(slog.DiscardHandler))
	if err := s.flush(); err != nil {
		t.Fatalf("without a log: %v", err)
	}
	for range 2 {
		f, err := os.OpenFile(path+"-wal", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("frame"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		for i, want := range []bool{false, true, true} {
			if err := s.flush(); err != nil {
				t.Fatal(err)
			}
			if s.settled != want {
				t.Errorf("after flush %d settled is %v", i+1, s.settled)
			}
		}
	}
	// The log goes unreadable: stop says so, each time it is asked, and flushes no more.
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path+"-wal", path+"-wal"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s.stop() == nil {
			t.Error("stop hides that the last flush did not work")
		}
	}
}
