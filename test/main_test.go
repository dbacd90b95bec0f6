// Package test holds the stories of the product as its users see them: the real binaries, real sockets, real databases.
package test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries is the folder of the built commands.
var binaries string

func TestMain(m *testing.M) {
	if os.Getenv(ledgerAgentEnv) != "" {
		runLedgerAgent()
		return
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "picket-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binaries = dir
	build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-tags", "grpcnotrace", "-ldflags", "-s -w -X main.version=test", "-o", dir, "../cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the commands: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func binary(name string) string { return filepath.Join(binaries, name) }

// soak reports whether the long runs are asked for.
func soak() bool { return os.Getenv("PICKET_SOAK") == "1" }
