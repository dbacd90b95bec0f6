package all

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestGolden looks at recorded hosts: what stands in their files, and what would be sent.
func TestGolden(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all kinds")
	}
	for _, host := range []string{"debian", "bare"} {
		t.Run(host, func(t *testing.T) {
			root, err := filepath.Abs(filepath.Join("testdata", host))
			if err != nil {
				t.Fatal(err)
			}
			got := sent(t, root)
			if strings.Contains(got, "s3cr3t") || strings.Contains(got, "$6$") || strings.Contains(got, "Room 7") {
				t.Error("a secret leaves the host")
			}
			golden := filepath.Join("testdata", host+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// sent returns what a host with that root would send, one item per line.
func sent(t *testing.T, root string) string {
	var b bytes.Buffer
	for _, s := range Sources(Options{
		Trees:    inventory.Trees{Proc: root + "/proc", Sys: root + "/sys", Root: root},
		Hostname: "web1", Version: "1.0", Commands: true, Logger: slog.New(slog.DiscardHandler),
	}) {
		if s.Kind == "ip_address" {
			continue // the kernel of the host that runs the test tells them
		}
		items, found, err := inventory.Once(context.Background(), s)
		if err != nil && !errors.Is(err, checks.ErrNoData) && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", s.Kind, err)
		}
		for _, i := range items {
			fmt.Fprintf(&b, "%s %s %q %s\n", s.Kind, i.Class, i.Key, sizeless(i.Attributes))
		}
		for _, g := range found.Gaps {
			fmt.Fprintf(&b, "# %s: %s\n", g.Part, strings.ReplaceAll(g.Error(), root, ""))
		}
	}
	return b.String()
}

// sizeless leaves out the sizes of file systems, which are those of the host that runs the test.
func sizeless(attributes []byte) string {
	before, after, ok := strings.Cut(string(attributes), `,"size_bytes":`)
	if _, rest, more := strings.Cut(after, ","); ok && more && strings.Contains(before, `"mount_point"`) {
		return before + "," + rest
	}
	return string(attributes)
}
