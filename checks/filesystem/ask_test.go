package filesystem

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a fake of a host whose mounts can hang.
type host struct {
	mu    sync.Mutex
	hangs map[string]chan struct{} // by path
	asked map[string]int
	busy  atomic.Int32 // calls that have not returned
}

func newHost() *host { return &host{hangs: map[string]chan struct{}{}, asked: map[string]int{}} }

func (h *host) hang(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hangs[path] = make(chan struct{})
}

func (h *host) heal(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.hangs[path])
	delete(h.hangs, path)
}

func (h *host) statfs(path string) (Usage, error) {
	h.mu.Lock()
	h.asked[path]++
	gate := h.hangs[path]
	h.mu.Unlock()
	h.busy.Add(1)
	defer h.busy.Add(-1)
	if gate != nil {
		<-gate
	}
	return Usage{Size: 1}, nil
}

func mounts(fstype string, n int) []*mount {
	var list []*mount
	for i := range n {
		point := fmt.Sprintf("/%s/%d", fstype, i)
		list = append(list, newMount(point, point, "dev", fstype, false))
	}
	return list
}

func states(answers []answer) string {
	var b strings.Builder
	for _, a := range answers {
		b.WriteByte("?.!"[a.state])
	}
	return b.String()
}

func TestHungMountIsSkippedUntilItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		a := newAsker(h.statfs, time.Second)
		list := mounts("ext4", 5)
		h.hang("/ext4/2")
		ask := func(want string, took time.Duration) []answer {
			t.Helper()
			start := time.Now()
			got := a.ask(t.Context(), list, nil)
			if states(got) != want || time.Since(start) != took {
				t.Errorf("answers %s after %s, want %s after %s", states(got), time.Since(start), want, took)
			}
			return got
		}
		ask("..!..", time.Second)
		time.Sleep(30 * time.Second)
		got := ask("..!..", 0)
		if since := got[2].since; since != 31*time.Second {
			t.Errorf("has hung for %s", since)
		}
		if n := h.asked["/ext4/2"]; n != 1 {
			t.Errorf("a hung mount was asked %d times", n)
		}
		h.heal("/ext4/2")
		synctest.Wait()
		if n := h.busy.Load(); n != 0 {
			t.Errorf("%d calls are left", n)
		}
		ask(".....", 0)
	})
}

func TestStuckCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		a := newAsker(h.statfs, time.Second)
		local, remote := mounts("ext4", 3), mounts("nfs4", 50)
		list := append(remote, local...)
		for _, m := range remote {
			h.hang(m.path)
		}
		for range 5 {
			got := states(a.ask(t.Context(), list, nil))
			want := strings.Repeat("!", mostStuckRemote) + strings.Repeat("?", 50-mostStuckRemote) + "..."
			if got != want {
				t.Errorf("answers %s, want %s", got, want)
			}
			if n := h.busy.Load(); n != mostStuckRemote {
				t.Errorf("%d calls are stuck", n)
			}
			time.Sleep(10 * time.Second)
		}
		for _, m := range remote {
			h.heal(m.path)
		}
		synctest.Wait()
		if got := states(a.ask(t.Context(), list, nil)); strings.Trim(got, ".") != "" {
			t.Errorf("after all are well: %s", got)
		}
	})
}

func TestManyHungLocalMounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		a := newAsker(h.statfs, time.Second)
		list := mounts("xfs", 40)
		for _, m := range list[:30] {
			h.hang(m.path)
		}
		start := time.Now()
		a.ask(t.Context(), list, nil)
		if n := h.busy.Load(); n != mostStuck || time.Since(start) > 3*time.Second {
			t.Errorf("%d calls are stuck after %s", n, time.Since(start))
		}
		for _, m := range list[:30] {
			h.heal(m.path)
		}
	})
}

func TestContextEndsTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		a := newAsker(h.statfs, time.Minute)
		list := mounts("ext4", 3)
		h.hang("/ext4/1")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		got := a.ask(ctx, list, nil)
		if states(got) != ".!?" || time.Since(start) != 2*time.Second {
			t.Errorf("answers %s after %s", states(got), time.Since(start))
		}
		h.heal("/ext4/1")
	})
}

func TestSlowMountsAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsker(func(string) (Usage, error) { time.Sleep(700 * time.Millisecond); return Usage{}, nil }, time.Second)
		if got := states(a.ask(t.Context(), mounts("ext4", 4), nil)); got != "...." {
			t.Errorf("answers %s", got)
		}
	})
}
