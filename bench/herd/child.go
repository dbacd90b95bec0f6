//go:build linux

package herd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// roleEnv tells a child what it is.
const roleEnv = "PICKET_BENCH_ROLE"

// Role is what a child does until in ends. It calls serve when it is ready; dir is a folder of its own.
type Role func(dir string, serve Serve) error

// Serve says that the child is ready, and what the parent must know, then answers the parent's lines until there are no more.
type Serve func(ready string, answer func(line string) (string, error)) error

// BeChild runs the role this process was started for and reports whether it was started for one. Call it first in main.
func BeChild(roles map[string]Role) bool {
	name := os.Getenv(roleEnv)
	if name == "" {
		return false
	}
	err := errors.New("no such role")
	if role := roles[name]; role != nil && len(os.Args) == 2 {
		err = role(os.Args[1], serve)
	}
	if err != nil {
		fmt.Printf("error %s: %v\n", name, err)
		os.Exit(1)
	}
	return true
}

func serve(ready string, answer func(line string) (string, error)) error {
	fmt.Println("ok " + ready)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		reply, err := command(lines.Text(), answer)
		if err != nil {
			fmt.Printf("error %v\n", err)
			continue
		}
		fmt.Println("ok " + reply)
	}
	return nil
}

// command answers what every child understands and hands on the rest.
func command(line string, answer func(line string) (string, error)) (string, error) {
	path, profile := strings.CutPrefix(line, "profile ")
	switch {
	case profile:
		f, err := os.Create(path)
		if err != nil {
			return "", err
		}
		return "", pprof.StartCPUProfile(f)
	case line == "stop profile":
		pprof.StopCPUProfile()
		return "", nil
	case answer == nil:
		return "", fmt.Errorf("no such command: %s", line)
	}
	return answer(line)
}

// Child is this program in another role and another process.
type Child struct {
	Ready string // what the child said when it was ready

	role string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// StartChild starts this program in a role, on one processor when core is not negative, and waits until it is ready. dir must be its
// own. It ends when the parent ends.
func StartChild(role, dir string, core int) (*Child, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of %s: %w", role, err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	c := &Child{role: role, cmd: exec.Command(self, dir)}
	c.cmd.Env, c.cmd.Stderr = append(os.Environ(), roleEnv+"="+role), os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	c.out = bufio.NewReader(out)
	if err := startOn(core, c.cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	if c.Ready, err = c.reply(); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// startOn starts cmd with the affinity that this thread has for the moment, so that it sees one processor from its beginning.
func startOn(core int, cmd *exec.Cmd) error {
	if core < 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read affinity: %w", err)
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("pin to processor %d: %w", core, err)
	}
	return errors.Join(cmd.Start(), unix.SchedSetaffinity(0, &before))
}

// Ask sends a line and returns the answer.
func (c *Child) Ask(line string) (string, error) {
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		return "", fmt.Errorf("ask %s: %w", c.role, err)
	}
	return c.reply()
}

func (c *Child) reply() (string, error) {
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("hear from %s: %w", c.role, err)
	}
	if reply, ok := strings.CutPrefix(strings.TrimSpace(line), "ok"); ok {
		return strings.TrimSpace(reply), nil
	}
	return "", errors.New(strings.TrimSpace(line))
}

// Number is Ask for an answer that is a number.
func (c *Child) Number(line string) (float64, error) {
	reply, err := c.Ask(line)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(reply, 64)
}

// CPU returns the CPU time the child has used so far, in all its threads, as the scheduler counts it.
func (c *Child) CPU() (time.Duration, error) { return cpuOf(c.cmd.Process.Pid) }

// OwnCPU is CPU of this process.
func OwnCPU() (time.Duration, error) { return cpuOf(os.Getpid()) }

// cpuOf reads the process' clock: the sum over its threads of what /proc/PID/task/*/schedstat shows, those that ended included.
func cpuOf(pid int) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED of the kernel's posix-timers.h
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|schedClock, &t); err != nil {
		return 0, fmt.Errorf("read CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// Stop ends the child and waits for it.
func (c *Child) Stop() error {
	_ = c.in.Close()
	kill := time.AfterFunc(20*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("end of %s: %w", c.role, err)
	}
	return nil
}
