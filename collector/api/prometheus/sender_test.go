package prometheus

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const prometheusBinary = "/usr/bin/prometheus"

// TestPrometheusSends lets a real Prometheus scrape itself and write to us.
func TestPrometheusSends(t *testing.T) {
	if _, err := os.Stat(prometheusBinary); err != nil {
		if os.Getenv("PICKET_TEST_SERVERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	s := newSite(t, siteOptions{})
	addr := freeAddress(t)
	startPrometheus(t, addr, s.URL+"/prometheus/api/v1/write")
	deadline, tick := time.After(time.Minute), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	missing := map[string]string{
		`up{job="self"} == 1`: "the scrape's own series",
		`count_over_time(prometheus_tsdb_head_samples_appended_total{job="self",site="test"}[1m]) > 3`: "samples of a scraped counter",
		`prometheus_http_request_duration_seconds_bucket{le="+Inf"}`:                                   "a histogram's buckets",
	}
	for len(missing) > 0 || s.catalog.Len() == 0 {
		select {
		case <-deadline:
			t.Fatalf("not received: %v, metadata of %d names", missing, s.catalog.Len())
		case <-tick.C:
		}
		for query := range missing {
			if _, body := s.ask(t, http.MethodGet, "/query", url.Values{"query": {query}}); strings.Contains(body, `"value":[`) {
				delete(missing, query)
			}
		}
	}
	if m, ok := s.catalog.Get("prometheus_tsdb_head_samples_appended_total"); !ok || m.Kind != "counter" || m.Help == "" {
		t.Errorf("metadata: %+v %v", m, ok)
	}
	if _, body := s.ask(t, http.MethodGet, "/query", url.Values{"query": {`prometheus_remote_storage_samples_failed_total > 0`}}); strings.Contains(body, `"value":[`) {
		t.Errorf("Prometheus reports failed samples: %s", body)
	}
}

func startPrometheus(t *testing.T, addr, target string) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf(`
global: {scrape_interval: 200ms, external_labels: {site: test}}
scrape_configs: [{job_name: self, static_configs: [{targets: ["%s"]}]}]
remote_write: [{url: "%s", metadata_config: {send_interval: 1s}, queue_config: {batch_send_deadline: 200ms}}]
`, addr, target)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), prometheusBinary, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--log.level=warn")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // how it ends is its own business
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
