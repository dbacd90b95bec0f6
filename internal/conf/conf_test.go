package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

type config struct {
	Addr  string
	Keep  time.Duration
	Size  int64
	Lists []string
	On    bool
	N     int
}

func newSet() (*Set, *config) {
	c := &config{}
	s := New("PICKET_TEST")
	s.String(&c.Addr, "http.addr", ":1", "address")
	s.Duration(&c.Keep, "retention.time", time.Hour, "keep")
	s.Bytes(&c.Size, "spool.size", 512<<20, "size")
	s.Strings(&c.Lists, "checks", []string{"cpu"}, "checks")
	s.Bool(&c.On, "on", false, "on")
	s.Int(&c.N, "n", 3, "n")
	return s, c
}

func TestFlagOverEnvironmentOverFileOverDefault(t *testing.T) {
	tests := map[string]struct {
		file string
		env  map[string]string
		args []string
		want config
	}{
		"default": {want: config{":1", time.Hour, 512 << 20, []string{"cpu"}, false, 3}},
		"file": {
			file: "http:\n  addr: :2\nretention: {time: 30d}\nspool.size: 1GB\nchecks: [a, b]\non: true\nn: 4\n",
			want: config{":2", 720 * time.Hour, 1e9, []string{"a", "b"}, true, 4},
		},
		"environment": {
			file: "http:\n  addr: :2\nchecks: [a]\n",
			env:  map[string]string{"PICKET_TEST_HTTP_ADDR": ":3", "PICKET_TEST_CHECKS": "c,d", "PICKET_TEST_N": "9"},
			want: config{":3", time.Hour, 512 << 20, []string{"c", "d"}, false, 9},
		},
		"flag": {
			file: "http:\n  addr: :2\n",
			env:  map[string]string{"PICKET_TEST_HTTP_ADDR": ":3"},
			args: []string{"--http-addr=:4", "--checks=x", "--spool-size=16MiB"},
			want: config{":4", time.Hour, 16 << 20, []string{"x"}, false, 3},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, c := newSet()
			fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
			s.AddFlags(fs)
			if err := fs.Parse(tt.args); err != nil {
				t.Fatal(err)
			}
			file := ""
			if tt.file != "" {
				file = filepath.Join(t.TempDir(), "c.yaml")
				if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := s.Load(file, func(k string) (string, bool) { v, ok := tt.env[k]; return v, ok })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, *c); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllProblemsAtOnceWithTheirLines(t *testing.T) {
	s, _ := newSet()
	file := filepath.Join(t.TempDir(), "c.yaml")
	content := "http:\n  adr: :2\nretention:\n  time: soon\nn: [1, {a: b}]\non: maybe\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	err := s.Load(file, func(k string) (string, bool) { return "many", k == "PICKET_TEST_N" })
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		":2: unknown setting http.adr; did you mean http.addr?", `:4: retention.time: "soon"`, ":5: n: ", `:6: on: "maybe"`, `PICKET_TEST_N: "many"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a: {b: 1}\n"))
	f.Add([]byte("a: &x\n  b: *x\n"))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		if len(raw) < 4096 {
			parse(raw)
		}
	})
}
