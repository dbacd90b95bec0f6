package all

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picketmon/picket/agent/inventory"
)

// mostQuiet is what the inventory of a host on which nothing happens may send in a day, in bytes.
const mostQuiet = 20_000

// TestQuietHost follows a recorded host for a day after the first looks. Cron runs jobs every minute: one that is done at once, one
// of twenty seconds in cron's unit, and one of twenty seconds in no unit.
func TestQuietHost(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all kinds")
	}
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata/debian")); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var first, later, batches int
		began := time.Now()
		send := func(b inventory.Batch) error {
			size := len(b.Hash) + len(b.Kind) + 16
			for _, i := range b.Items {
				size += len(i.Class) + len(i.Key) + len(i.Attributes) + 8
			}
			if time.Since(began) < time.Minute {
				first += size
			} else {
				later += size
				batches++
			}
			return nil
		}
		logger := slog.New(slog.DiscardHandler)
		l := inventory.NewLooker(inventory.LookerOptions{Send: send, Logger: logger, Sources: Sources(Options{
			Trees:    inventory.Trees{Proc: root + "/proc", Sys: root + "/sys", Root: root},
			Hostname: "web1", Version: "1.0", Commands: true, Logger: logger,
		})})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		time.Sleep(time.Minute)
		for minute := range 24 * 60 {
			pid := 10_000 + 3*minute%20_000
			write(t, root+"/proc/uptime", fmt.Sprintf("%d.00 1.00\n", 100_000+60*minute))
			start(t, root, pid, "true", "0::/system.slice/cron.service")
			start(t, root, pid+1, "rsync", "0::/system.slice/cron.service")
			start(t, root, pid+2, "backup", "0::/")
			time.Sleep(3 * time.Second)
			end(t, root, pid)
			time.Sleep(17 * time.Second)
			end(t, root, pid+1)
			end(t, root, pid+2)
			time.Sleep(40 * time.Second)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		t.Logf("%d bytes at first, %d bytes in %d batches in the day after", first, later, batches)
		if first < 5000 {
			t.Errorf("the first looks told %d bytes", first)
		}
		if later > mostQuiet {
			t.Errorf("%d bytes in a day, %d are the bar", later, mostQuiet)
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, root string, pid int, name, group string) {
	t.Helper()
	dir := filepath.Join(root, "proc", fmt.Sprint(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/stat", fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 %d 1 1\n", pid, name, 10_000_000+pid))
	write(t, dir+"/status", "Uid:\t0\t0\t0\t0\n")
	write(t, dir+"/cgroup", group+"\n")
	write(t, dir+"/cmdline", "/usr/bin/"+name+"\x00"+fmt.Sprint(pid)+"\x00")
	if err := os.Symlink("/usr/bin/"+name, dir+"/exe"); err != nil {
		t.Fatal(err)
	}
}

func end(t *testing.T, root string, pid int) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(root, "proc", fmt.Sprint(pid))); err != nil {
		t.Fatal(err)
	}
}
