package process

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/agent/inventory"
)

func gather[T any](t *testing.T, s inventory.Source) map[string]T {
	t.Helper()
	items, _, err := s.Gather(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]T{}
	for _, i := range items {
		var v T
		if err := json.Unmarshal(i.Attributes, &v); err != nil {
			t.Fatal(err)
		}
		out[i.Key] = v
	}
	return out
}

func keys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func TestApplications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.start(2, 0, "kthreadd", "", "0::/")
		h.start(100, 2000, "nginx", "/usr/sbin/nginx", "0::/system.slice/nginx.service", "nginx: master process /usr/sbin/nginx -g daemon on;")
		h.start(101, 2100, "nginx", "/usr/sbin/nginx", "0::/system.slice/nginx.service", "nginx: worker process")
		h.holds(100, 6, 5001)
		h.holds(101, 6, 5001)
		h.start(200, 3000, "python3.11", "/usr/bin/python3.11", "0::/", "python3", "/srv/shop.py", "--db-password", "s3cr3t")
		h.start(201, 3000, "python3.11", "/usr/bin/python3.11", "0::/", "python3", "/srv/mail.py")
		h.start(300, 3000, "bash", "/usr/bin/bash", "0::/user.slice/user-1000.slice/session-3.scope", "-bash")
		h.start(301, 3000, "node", "/usr/bin/node", "0::/user.slice/user-1000.slice/session-3.scope", "node", "dev.js")
		h.holds(301, 9, 5002)
		h.start(400, 3000, "postgres", "/usr/lib/postgresql/15/bin/postgres", "1:name=systemd:/system.slice/docker-"+fmt.Sprintf("%064x", 255)+".scope", "postgres")
		h.start(500, 9_999_500, "young", "/usr/bin/young", "0::/", "young")
		h.listen("tcp", "00000000:0050 0A 5001", "0100007F:0BB8 0A 5002", "0100007F:1111 01 5003")
		sources := h.sources(owners{"/usr/sbin/nginx": {"nginx", "1.22.1-9", "Debian"}, "/usr/bin/python3.11": {"python3.11-minimal", "3.11.2", ""}})
		apps := gather[Application](t, sources[1])
		want := []string{
			"/usr/bin/node dev.js", "000000000000:/usr/lib/postgresql/15/bin/postgres", "init.scope", "nginx.service",
			"python3.11-minimal:/usr/bin/python3.11 /srv/mail.py", "python3.11-minimal:/usr/bin/python3.11 /srv/shop.py",
		}
		if diff := cmp.Diff(want, keys(apps)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(Application{
			Name: "nginx", Type: "nginx", Category: "web_server", Version: "1.22.1-9", Vendor: "Debian", Executable: "/usr/sbin/nginx", Package: "nginx",
			Unit: "nginx.service", User: "user33", Command: "nginx: master process /usr/sbin/nginx -g daemon on;", Processes: "2-4",
			Started: "2023-11-14T22:13:40Z", Listens: []string{"tcp/0.0.0.0:80"},
		}, apps["nginx.service"]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if c := apps["python3.11-minimal:/usr/bin/python3.11 /srv/shop.py"].Command; c != "python3 /srv/shop.py --db-password ***" {
			t.Errorf("command %q", c)
		}
		listeners := gather[Listener](t, sources[0])
		if diff := cmp.Diff(map[string]Listener{
			"tcp/0.0.0.0:80":     {Protocol: "tcp", Address: "0.0.0.0", Port: 80, Application: "nginx.service", User: "user33", UID: 33, Unit: "nginx.service"},
			"tcp/127.0.0.1:3000": {Protocol: "tcp", Address: "127.0.0.1", Port: 3000, Application: "/usr/bin/node dev.js", User: "user33", UID: 33},
		}, listeners); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestWhatIsYoung follows processes from their start: cron's are never seen, those that stay are, and one that listens is at once.
func TestWhatIsYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		apps := h.sources(nil)[1]
		look := func(what string, want ...string) {
			t.Helper()
			time.Sleep(Every)
			if diff := cmp.Diff(append(want, "init.scope"), keys(gather[Application](t, apps))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		look("at first")
		h.start(700, 10_000_000, "job", "/opt/job", "0::/", "/opt/job")
		h.start(701, 10_000_000, "server", "/opt/server", "0::/", "/opt/server")
		h.holds(701, 3, 77)
		h.listen("tcp", "00000000:1F90 0A 77")
		look("it listens", "/opt/server")
		look("the job is five seconds old", "/opt/server")
		look("the job is ten seconds old", "/opt/job", "/opt/server")
		h.end(700)
		look("the job ended", "/opt/server")
		// Its id is given to another, which is found out when its turn comes.
		h.end(701)
		h.start(701, 10_100_000, "other", "/opt/other", "0::/", "/opt/other")
		h.listen("tcp")
		for range rounds + 5 {
			time.Sleep(Every)
			gather[Application](t, apps)
		}
		look("another one", "/opt/other")
	})
}

func TestSocketsThatAskAreNotListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		listeners := h.sources(nil)[0]
		look := func(what string, want ...string) {
			t.Helper()
			time.Sleep(Every)
			if diff := cmp.Diff(want, keys(gather[Listener](t, listeners))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		look("nothing")
		h.listen("udp", "00000000:0035 07 1", "00000000:D431 07 2", "0100007F:0035 01 3")
		look("a name server and who asks", "udp/0.0.0.0:53")
		time.Sleep(time.Minute)
		look("who asks for a minute is no client", "udp/0.0.0.0:53", "udp/0.0.0.0:54321")
		h.listen("udp")
		look("gone")
	})
}

// TestQuiet follows the stamp: while nothing starts, ends or listens there is nothing to gather.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t)
		h.start(100, 2000, "nginx", "/usr/sbin/nginx", "0::/system.slice/nginx.service", "nginx")
		s := h.sources(nil)[1]
		stamp := s.Stamp()
		for i := range 100 {
			time.Sleep(Every)
			h.start(1000+i, 10_000_000+i, "cron", "/usr/sbin/cron", "0::/system.slice/cron.service", "cron")
			if got := s.Stamp(); got != stamp {
				t.Fatalf("look %d: %s, was %s", i, got, stamp)
			}
			h.end(1000 + i)
		}
	})
}

// TestTheKernelAnswers compares what the kernel's dump says of this host with what procfs says.
func TestTheKernelAnswers(t *testing.T) {
	k, err := openKernel()
	if err != nil {
		t.Skip(err)
	}
	defer k.close()
	l := listenHere(t)
	all, err := k.sockets()
	if err != nil {
		t.Skip(err)
	}
	tables, err := readTables(inventory.Trees{Proc: "/proc"})
	if err != nil {
		t.Skip(err)
	}
	find := func(all []socket) (s socket) {
		for _, s := range all {
			if s.key() == "tcp/"+l {
				s.cgroup = 0
				return s
			}
		}
		return s
	}
	if a, b := find(all), find(tables); a != b || a.inode == 0 {
		t.Errorf("the kernel says %+v, procfs %+v", a, b)
	}
}

func TestABrokenTableIsNoEmptyHost(t *testing.T) {
	h := newHost(t)
	h.end(1)
	tab := newTable(h.trees(), slog.New(slog.DiscardHandler))
	if _, err := tab.look(); err == nil {
		t.Error("a procfs without processes is taken for an empty host")
	}
}
