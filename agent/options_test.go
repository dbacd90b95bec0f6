package agent

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
)

func configure(t *testing.T, settings ...string) Config {
	t.Helper()
	var c Config
	s := Settings(&c)
	env := map[string]string{}
	for _, one := range settings {
		name, value, _ := strings.Cut(one, "=")
		env["PICKET_AGENT_"+name] = value
	}
	if err := s.Load("", func(name string) (string, bool) { v, ok := env[name]; return v, ok }); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHostname(t *testing.T) {
	for name, good := range map[string]bool{
		"shop-web-1": true, "web_1.example.org": true, "": true, strings.Repeat("a", 253): true,
		"two words": false, "a/b": false, "ü": false, strings.Repeat("a", 254): false,
	} {
		c := configure(t, "HOSTNAME="+name)
		if err := c.Validate(); (err == nil) != good {
			t.Errorf("hostname %q: %v", name, err)
		}
		if !good || name == "" {
			continue
		}
		for _, s := range c.sources(Options{Version: "test", Logger: slog.New(slog.DiscardHandler)})[:1] {
			items, _, err := s.Gather(t.Context())
			if err != nil || len(items) != 1 || !strings.Contains(string(items[0].Attributes), name) {
				t.Errorf("hostname %q: %v, %v", name, err, items)
			}
		}
	}
}

func TestTextfileRunsWhereAFolderIsSet(t *testing.T) {
	isTextfile := func(s checks.Spec) bool { return s.Name == "textfile" }
	c := configure(t)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(c.Checks(), isTextfile) {
		t.Error("runs without a folder")
	}
	c = configure(t, "PATH_TEXTFILE="+t.TempDir())
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(c.Checks(), isTextfile) {
		t.Error("does not run with a folder")
	}
	c.Disable = []string{"textfile"}
	if slices.ContainsFunc(c.Checks(), isTextfile) {
		t.Error("runs though it is disabled")
	}
}

// TestHelpOfTextFilesReachesTheWire follows a file's help text to what transport asks for.
func TestHelpOfTextFilesReachesTheWire(t *testing.T) {
	c := configure(t, "PATH_TEXTFILE="+t.TempDir())
	if err := os.WriteFile(filepath.Join(c.Textfile, "a.prom"), []byte("# HELP a_seconds How long.\na_seconds 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	specs := c.Checks()
	i := slices.IndexFunc(specs, func(s checks.Spec) bool { return s.Name == "textfile" })
	check, err := specs[i].New()
	if err != nil {
		t.Fatal(err)
	}
	ask := describe(specs, []schedule.Job{{Name: "textfile", Check: check}})
	if help, unit := ask("a_seconds"); help != "" || unit != "seconds" {
		t.Errorf("before the first run: %q, %q", help, unit)
	}
	if err := check.Run(t.Context(), &checktest.Discard{}); err != nil {
		t.Fatal(err)
	}
	if help, unit := ask("a_seconds"); help != "How long." || unit != "seconds" {
		t.Errorf("%q, %q", help, unit)
	}
}
