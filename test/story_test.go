package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestStories runs testdata/*.txtar: what users do, with the real binaries. Beside testscript's own commands there are
//
//	addr NAME…                         a free loopback address in each environment variable
//	eventually DURATION REGEXP CMD…    repeat CMD until its output matches; it fails when the time is over
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			host, err := os.Hostname()
			if err != nil {
				return err
			}
			env.Setenv("INSTANCE", host) // of the first agent here
			env.Setenv("PATH", binaries+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("PICKET_ADMIN_PASSWORD", adminPassword)
			env.Setenv("PICKET_USER", "admin")
			env.Setenv("PICKET_PASSWORD", adminPassword)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "xdg"))
			// A story of the demo that fails must not leave it running.
			env.Defer(func() {
				_ = exec.Command(binary("picket-demo"), "stop", "--dir", filepath.Join(env.WorkDir, "S")).Run()
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"addr":       scriptAddr,
			"eventually": scriptEventually,
		},
	})
}

func scriptAddr(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		addr, err := anyAddr()
		ts.Check(err)
		ts.Setenv(name, addr)
	}
}

func scriptEventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: eventually DURATION REGEXP COMMAND…")
	}
	within, err := time.ParseDuration(args[0])
	ts.Check(err)
	want, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); ; <-tick.C {
		out := scriptOutput(ts, args[2:])
		if want.MatchString(out) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not in %s: %q in the output of %s:\n%s", within, args[1], strings.Join(args[2:], " "), out)
		}
	}
}

// scriptOutput runs a command in the script's environment and returns all it prints; how it ends does not matter.
func scriptOutput(ts *testscript.TestScript, args []string) string {
	name := filepath.Join(binaries, args[0])
	if _, err := os.Stat(name); err != nil {
		name = args[0]
	}
	cmd := exec.Command(name, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, k := range []string{"PATH", "PICKET_URL", "PICKET_USER", "PICKET_PASSWORD", "PICKET_TOKEN", "XDG_CONFIG_HOME", "HOME"} {
		if v := ts.Getenv(k); v != "" {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	return out.String()
}
