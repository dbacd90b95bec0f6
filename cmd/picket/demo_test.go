package main

import (
	"slices"
	"strings"
	"testing"
)

// handed is what picket-demo was started with.
type handed struct {
	name string
	args []string
	env  []string
}

func (h *handed) exec(name string, args, env []string) error {
	*h = handed{name, args, env}
	return nil
}

// of returns Picket's variables.
func (h *handed) picket() (out []string) {
	for _, v := range h.env {
		if strings.HasPrefix(v, "PICKET_") && !strings.HasPrefix(v, "PICKET_TEST_") {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

func TestDemoHandsOver(t *testing.T) {
	for name, tc := range map[string]struct {
		env        map[string]string
		args, want []string
		credential []string
	}{
		"start with a token": {
			map[string]string{"PICKET_TOKEN": "pkt_x", "PICKET_URL": "http://127.0.0.1:1"},
			[]string{"demo", "start", "--history", "--dir", "d"},
			[]string{"start", "--history", "--dir", "d"},
			[]string{"PICKET_TOKEN=pkt_x", "PICKET_URL=http://127.0.0.1:1"},
		},
		"clear with a password, flags of ours before and after": {
			map[string]string{"PICKET_USER": "ada", "PICKET_PASSWORD": "p"},
			[]string{"--url", "http://localhost:2", "demo", "clear", "--insecure"},
			[]string{"clear"},
			[]string{"PICKET_DEMO_INSECURE=1", "PICKET_PASSWORD=p", "PICKET_URL=http://localhost:2", "PICKET_USER=ada"},
		},
		"breaking needs nobody": {
			map[string]string{"PICKET_TOKEN": "pkt_x"},
			[]string{"demo", "break", "store", "--url=http://localhost:3"},
			[]string{"break", "store"},
			[]string{"PICKET_URL=http://localhost:3"},
		},
		"nor does deleting what is here": {
			nil, []string{"demo", "clear", "--local"}, []string{"clear", "--local"}, []string{"PICKET_URL=" + defaultURL},
		},
		"its help is its own": {nil, []string{"demo", "--help"}, []string{"--help"}, []string{"PICKET_URL=" + defaultURL}},
	} {
		t.Run(name, func(t *testing.T) {
			var h handed
			if err := demoRun(t, &h, tc.env, tc.args...); err != nil {
				t.Fatal(err)
			}
			same(t, "program", demoProgram, h.name)
			same(t, "arguments", tc.want, h.args)
			same(t, "environment", tc.credential, h.picket())
		})
	}
	var h handed
	err := demoRun(t, &h, nil, "demo", "start")
	if err == nil || !strings.Contains(err.Error(), "picket login") || h.name != "" {
		t.Errorf("start without a login: %v", err)
	}
	if err := demoRun(t, &h, nil, "demo", "status", "--url"); err == nil || !strings.Contains(err.Error(), "needs an argument") {
		t.Error(err)
	}
}

func demoRun(t *testing.T, h *handed, env map[string]string, args ...string) error {
	t.Helper()
	for _, name := range []string{"PICKET_URL", "PICKET_TOKEN", "PICKET_USER", "PICKET_PASSWORD"} {
		t.Setenv(name, "of the process")
	}
	dir := t.TempDir()
	root := newRoot(&app{exec: h.exec, env: func(name string) string {
		if name == "XDG_CONFIG_HOME" {
			return dir
		}
		return env[name]
	}})
	root.SetArgs(args)
	return root.ExecuteContext(t.Context())
}
