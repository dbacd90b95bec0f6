package metrics

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also is the program that TestKill and TestImportAndKill kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PICKET_METRICS_TEST_WRITER"); dir != "" {
		os.Exit(writeUntilKilled(dir))
	}
	if dir := os.Getenv("PICKET_METRICS_TEST_IMPORTER"); dir != "" {
		os.Exit(importOnce(dir))
	}
	goleak.VerifyTestMain(m)
}
