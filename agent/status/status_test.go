package status

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func serve(t *testing.T, path string, r Report) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, path, func() Report { return r }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	deadline := time.Now().Add(5 * time.Second)
	for {
		if _, err := Read(t.Context(), path); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestWhoeverConnectsGetsTheReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), SocketName)
	if err := os.WriteFile(path, nil, 0o600); err != nil { // left by a dead agent
		t.Fatal(err)
	}
	want := Report{
		Version: "1", PID: 7, Instance: "web-1", Spool: []Class{{Class: "metrics", Records: 3, Dropped: map[string]uint64{"age": 2}}},
		Checks: []Check{{Name: "cpu", Runs: 9}},
	}
	serve(t, path, want)
	got, err := Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, error %v: others could ask", info.Mode(), err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	if _, err := Read(t.Context(), filepath.Join(t.TempDir(), SocketName)); err == nil || !strings.Contains(err.Error(), "ask the agent") {
		t.Errorf("got %v", err)
	}
}
