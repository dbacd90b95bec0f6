package service

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCrontab(t *testing.T) {
	raw := []byte("MAILTO=ops\n\n# no\n*/5 * * * * root cd /srv && ./job --token=s3cr3t\n@daily www /srv/clean %input\n0 4 1-7 * sun root\nnot five words of time\n")
	var got [][2]string
	for _, x := range parseCrontab(raw, "/etc/crontab", "") {
		got = append(got, [2]string{x.Schedule + " " + x.User + " " + x.Name, x.Command})
	}
	want := [][2]string{{"*/5 * * * * root crontab", "cd /srv && ./job --token=***"}, {"@daily www clean", "/srv/clean"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := parseCrontab([]byte("0 4 * * * /srv/backup -p x\n"), "/var/spool/cron/bob", "bob"); len(got) != 1 || got[0].User != "bob" || got[0].Name != "backup" {
		t.Errorf("%+v", got)
	}
}

func TestUnitFile(t *testing.T) {
	u := unitFile{}
	u.read([]byte("[Unit]\nDescription=a\n[Service]\nExecStart=/bin/a \\\n  # not a comment\nExecStart=/bin/b\n"))
	u.read([]byte("[Service]\nExecStart=\nExecStart=/bin/c\n"))
	if got := u.last("Service", "ExecStart"); got != "/bin/c" {
		t.Errorf("a drop-in is not heard: %q", got)
	}
	c := u.clone()
	c.read([]byte("[Unit]\nDescription=b\n"))
	if u.last("Unit", "Description") != "a" || c.last("Unit", "Description") != "b" {
		t.Error("a copy is none")
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("[Unit]\nDescription=a\n[Service]\nExecStart=/bin/a \\\n b\nExecStart=\n"))
	f.Add([]byte("17 * * * * root cd / && run\n@reboot bob x%y\nA=b\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		u := unitFile{}
		u.read(b)
		u.clone()
		for _, x := range slices.Concat(parseCrontab(b, "/etc/crontab", ""), parseCrontab(b, "/x", "bob")) {
			if x.Schedule == "" || x.User == "" || x.Name == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}
