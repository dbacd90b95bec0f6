package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/picketmon/picket/demo"
)

// process is one that was started. Mark tells it from another that has its pid later.
type process struct {
	Name    string    `json:"name"`
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid"`
	Mark    string    `json:"mark"`
	Started time.Time `json:"started"`
	Starts  int       `json:"starts"` // how often it was started
}

// running are the processes of a demo.
type running struct {
	Supervisor process   `json:"supervisor"`
	Children   []process `json:"children"`
}

// alive reports whether the process still runs.
func (p process) alive() bool {
	mark, ok := markOf(p.PID)
	return ok && p.PID > 0 && mark == p.Mark
}

// signal sends a signal to the process if it still runs. Where the system has handles of processes, no other one can be hit.
func (p process) signal(s os.Signal) error {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return nil //nolint:nilerr // it is gone
	}
	defer func() { _ = handle.Release() }()
	if !p.alive() {
		return nil
	}
	if err := handle.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s (pid %d): %w", p.Name, p.PID, err)
	}
	return nil
}

// end asks the process to end, and kills it when it does not in time.
func (p process) end(ctx context.Context, patience time.Duration) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	if p.gone(ctx, patience) {
		return nil
	}
	if err := p.signal(os.Kill); err != nil {
		return err
	}
	if !p.gone(ctx, 5*time.Second) {
		return fmt.Errorf("%s (pid %d) does not end", p.Name, p.PID)
	}
	return nil
}

// gone waits until the process does not run any more.
func (p process) gone(ctx context.Context, patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for p.alive() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// readRunning returns what the supervisor noted; nothing when it never did.
func readRunning(dir demo.Dir) (running, error) {
	var r running
	raw, err := os.ReadFile(dir.Processes())
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read processes: %w", err)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", dir.Processes(), err)
	}
	return r, nil
}

func writeRunning(dir demo.Dir, r running) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode processes: %w", err)
	}
	return demo.WriteFile(dir.Processes(), append(raw, '\n'))
}
