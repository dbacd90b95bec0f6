package process

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func listenHere(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestGroups(t *testing.T) {
	id := "1f2e3d4c5b6a79880011223344556677889900aabbccddeeff00112233445566"
	for in, want := range map[string]group{
		"0::/system.slice/nginx.service\n":                                              {unit: "nginx.service"},
		"0::/system.slice/system-getty.slice/getty@tty1.service\n":                      {unit: "getty@tty1.service"},
		"12:cpu:/x\n1:name=systemd:/system.slice/ssh.service\n0::/\n":                   {unit: "ssh.service"},
		"0::/user.slice/user-1000.slice/session-4.scope\n":                              {session: true},
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/pulse.service\n":    {unit: "user@1000.service/pulse.service"},
		"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n":                 {unit: "user@1000.service/init.scope"},
		"0::/system.slice/docker-" + id + ".scope\n":                                    {container: "1f2e3d4c5b6a"},
		"0::/docker/" + id + "\n":                                                       {container: "1f2e3d4c5b6a"},
		"0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-" + id + ".scope\n": {container: "1f2e3d4c5b6a"},
		"0::/lxc.payload.web/system.slice/nginx.service\n":                              {container: "web", unit: "nginx.service"},
		"0::/system.slice/run-u12.service\n":                                            {},
		"0::/system.slice/run-r0123456789abcdef0123456789abcdef.scope\n":                {},
		"0::/\n":     {},
		"nonsense\n": {},
	} {
		got := parseGroup([]byte(in))
		got.path = ""
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(group{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
	}
}

func TestStat(t *testing.T) {
	got, ok := parseStat([]byte("42 (a) b (c) S 7 1 1 0 -1 2097216 1 1 1 1 1 1 1 1 20 0 1 0 12345 1 1\n"))
	if want := (stat{parent: 7, start: 12345, flags: 2097216, comm: "a) b (c"}); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := parseStat([]byte("42 (cut")); ok {
		t.Error("half a line is taken for a whole one")
	}
}

func TestAddressesOfProcfs(t *testing.T) {
	raw := []byte("  sl  local_address\n" +
		"   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 1000 0 77 1 0\n" +
		"   1: 0100007F:1F91 0100007F:9999 01 0:0 0:0 0 1000 0 78 1 0\n" +
		"   2: short 0A\n")
	got := parseTable(raw, "tcp", false)
	if len(got) != 1 || got[0].key() != "tcp/127.0.0.1:8080" || got[0].uid != 1000 || got[0].inode != 77 {
		t.Errorf("%+v", got)
	}
	six, err := parseHexAddress("000080FE00000000FF00FC0200000001:0016")
	if err != nil || six.String() != "[fe80::2fc:ff:100:0]:22" {
		t.Errorf("%v, %v", six, err)
	}
}

func TestPrograms(t *testing.T) {
	for _, tc := range []struct {
		exe  string
		args []string
		want string
	}{
		{"/usr/bin/python3.11", []string{"python3", "-u", "/srv/a.py", "x"}, "/srv/a.py"},
		{"/usr/bin/python3.11", []string{"python3", "-m", "http.server", "80"}, "http.server"},
		{"/usr/bin/python3.11", []string{"python3", "-c", "print(1)"}, ""},
		{"/usr/bin/java", []string{"java", "-Xmx1g", "-cp", "a:b", "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"}, "org.apache.zookeeper.server.quorum.QuorumPeerMain"},
		{"/usr/bin/java", []string{"java", "-jar", "/opt/app.jar"}, "/opt/app.jar"},
		{"/usr/bin/node", []string{"node", "--inspect", "server.js"}, "server.js"},
		{"/usr/sbin/nginx", []string{"nginx", "-g", "x"}, ""},
	} {
		if got := program(tc.exe, tc.args); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.args, got, tc.want)
		}
	}
}

func TestRecognise(t *testing.T) {
	for _, tc := range []struct {
		p              proc
		kind, category string
	}{
		{proc{exe: "/usr/sbin/mariadbd", comm: "mariadbd"}, "mariadb", "database"},
		{proc{exe: "/usr/sbin/php-fpm8.2", comm: "php-fpm8.2"}, "php_fpm", "application_server"},
		{proc{comm: "redis-server"}, "redis", "cache"}, // whose executable may not be seen
		{proc{exe: "/usr/bin/java", args: []string{"java", "kafka.Kafka", "x"}}, "kafka", "message_queue"},
		{proc{exe: "/usr/lib/erlang/erts/bin/beam.smp", args: []string{"beam", "-s", "rabbit", "boot"}}, "rabbitmq", "message_queue"},
		{proc{exe: "/opt/own", comm: "nginx"}, "", ""}, // calls itself so
	} {
		if kind, category := recognise(&tc.p); kind != tc.kind || category != tc.category {
			t.Errorf("%+v: %s, %s", tc.p, kind, category)
		}
	}
}

func FuzzParsers(f *testing.F) {
	f.Add([]byte("42 (a b) S 7 1 1 0 -1 0 1 1 1 1 1 1 1 1 20 0 1 0 12345 1 1"))
	f.Add([]byte("0::/system.slice/nginx.service\n1:name=systemd:/x"))
	f.Add([]byte("   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 1000 0 77 1 0\n"))
	f.Add([]byte("Uid:\t1\t2\t3\t4\n"))
	f.Add(append(make([]byte, diagMessage), 12, 0, attrCgroup, 0, 1, 2, 3, 4, 5, 6, 7, 8))
	f.Fuzz(func(_ *testing.T, b []byte) {
		parseStat(b)
		parseGroup(b)
		parseUID(b)
		parseArgs(b)
		parseTable(b, "tcp", false)
		parseDiag(b, "tcp6", true)
	})
}
