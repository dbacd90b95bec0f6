package netdev

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/checks/checktest"
)

// TestInterfacesComeAndGo plays a container host: interfaces have new names all the time, and none of them is kept.
func TestInterfacesComeAndGo(t *testing.T) {
	dir := t.TempDir()
	c, err := spec(dir).New()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		head := "head\nhead\n"
		line := ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
		var names []string
		for k := range 300 { // more than stay open
			names = append(names, fmt.Sprintf("veth%d", i*150+k))
		}
		content := head + strings.Join(names, line) + line
		write(t, filepath.Join(dir, "proc/net/dev"), content)
		for _, n := range names {
			write(t, filepath.Join(dir, "sys/class/net", n, "statistics/rx_nohandler"), "5\n")
		}
		rec := checktest.NewRecorder(time.Unix(int64(i+1), 0))
		if err := c.Run(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		if n := len(rec.Samples()); n != 300*17 {
			t.Fatalf("%d samples", n)
		}
		for _, n := range names {
			if err := os.RemoveAll(filepath.Join(dir, "sys/class/net", n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(c.(*check).devices); n != 300 {
		t.Errorf("keeps %d interfaces", n)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil || len(fds) > mostOpen+50 {
		t.Errorf("%d open files, %v", len(fds), err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
