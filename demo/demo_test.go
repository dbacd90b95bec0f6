package demo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/demo"
)

func TestLogsAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "app.log")
	r, err := demo.OpenLogFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat("x", 9999) + "\n")
	for range 500 {
		if _, err := r.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 1+demo.LogFiles {
		t.Errorf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Size() > demo.LogBytes {
			t.Errorf("%s has %d bytes, %v", f, info.Size(), err)
		}
	}
}

func TestBreaksAreSeenByAll(t *testing.T) {
	dir := demo.Dir(t.TempDir())
	changes := make(chan demo.Breaks, 8)
	w, err := demo.NewWatch(dir, func(b demo.Breaks) { changes <- b })
	if err != nil {
		t.Fatal(err)
	}
	go w.Run(t.Context())
	b, err := dir.ReadBreaks()
	if err != nil || len(b) != 0 {
		t.Fatalf("%v, %v", b, err)
	}
	now := time.Now()
	if !b.Begin(demo.BreakStore, now) || b.Begin(demo.BreakStore, now) || b.Heal(demo.BreakDisk, now) {
		t.Error("what is broken cannot be broken again, what is not cannot be healed")
	}
	step := func(want bool) {
		t.Helper()
		if err := dir.WriteBreaks(b); err != nil {
			t.Fatal(err)
		}
		select {
		case seen := <-changes:
			if seen.On(demo.BreakStore) != want || w.Breaks().On(demo.BreakStore) != want {
				t.Errorf("seen %v, want %v", seen, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("nobody saw it")
		}
	}
	step(true)
	if !b.Heal(demo.BreakStore, now.Add(time.Second)) {
		t.Error("not healed")
	}
	step(false)
	if _, err := demo.ParseBreak("web"); err == nil || !strings.Contains(err.Error(), "store, latency, disk, noise, leak") {
		t.Error(err)
	}
}
