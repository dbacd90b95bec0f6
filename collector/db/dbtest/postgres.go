package dbtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/picketmon/picket/collector/db"
)

// supervise runs the server until its standard input ends, which it does however the test binary ends, and cleans up.
const supervise = `
"$BIN/postgres" -D "$DIR/data" -k "$DIR" -c listen_addresses= -c fsync=off -c full_page_writes=off \
  -c shared_buffers=32MB -c max_connections=200 -c wal_level=minimal -c max_wal_senders=0 \
  -c autovacuum=off >"$DIR/log" 2>&1 &
pid=$!
read -r _
kill -QUIT $pid
wait $pid
rm -rf "$DIR"
`

// server is the test binary's PostgreSQL; hold keeps it alive.
type server struct {
	dir  string
	hold *os.File
}

// start starts the server once per test binary, whoever asks first.
var start = sync.OnceValues(startServer)

// migrated makes the database that OpenPostgres copies, so that migrations run once per test binary.
var migrated = sync.OnceValue(func() error {
	s, err := start()
	if err != nil {
		return err
	}
	ctx := context.Background()
	if err := s.exec(ctx, "CREATE DATABASE migrated"); err != nil {
		return err
	}
	d, err := db.Open(ctx, db.Options{URL: s.url("migrated"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return d.Close()
})

// PostgresURL returns the address of a fresh, empty database in the test binary's server. The database is dropped when t
// ends. Without a server t is skipped, or fails when PICKET_TEST_SERVERS=1.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return running(t).create(t, "")
}

// running returns the server, or skips or fails t.
func running(t testing.TB) *server {
	t.Helper()
	s, err := start()
	switch {
	case err == nil:
	case os.Getenv("PICKET_TEST_SERVERS") == "1":
		t.Fatalf("start PostgreSQL: %v", err)
	default:
		t.Skipf("no PostgreSQL server: %v", err)
	}
	return s
}

// create makes a database, as a copy of template unless that is empty.
func (s *server) create(t testing.TB, template string) string {
	t.Helper()
	name := "t" + db.NewID()
	statement := "CREATE DATABASE " + name
	if template != "" {
		statement += " TEMPLATE " + template
	}
	if err := s.exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.url(name)
}

func (s *server) url(database string) string {
	q := url.Values{"host": {s.dir}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + q.Encode()
}

func (s *server) exec(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", statement, err), conn.Close(ctx))
	}
	return conn.Close(ctx)
}

// startServer tries the found installations until one works.
func startServer() (*server, error) {
	bins := binaries()
	if len(bins) == 0 {
		return nil, errors.New("no folder with initdb and postgres found (PICKET_TEST_POSTGRES_BIN names one)")
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	var all error
	for _, bin := range bins {
		s, err := startFrom(bin, owner)
		if err == nil {
			return s, nil
		}
		all = errors.Join(all, fmt.Errorf("%s: %w", bin, err))
	}
	return nil, all
}

func startFrom(bin string, owner *syscall.Credential) (_ *server, err error) {
	dir, err := os.MkdirTemp("", "picket-pg-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8",
		"--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir = dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	s := &server{dir: dir}
	if err := s.launch(bin, owner); err != nil {
		return nil, err
	}
	if err := s.await(30 * time.Second); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return nil, errors.Join(fmt.Errorf("await server: %w: %s", err, log), s.hold.Close())
	}
	return s, nil
}

// launch starts the supervisor in a process group of its own, so that Ctrl-C in the terminal does not reach the server
// before the supervisor.
func (s *server) launch(bin string, owner *syscall.Credential) error {
	stdin, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = stdin.Close() }()
	cmd := exec.Command("/bin/sh", "-c", supervise)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "BIN="+bin, "DIR="+s.dir)
	cmd.Stdin = stdin
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, hold.Close())
	}
	s.hold = hold
	return cmd.Process.Release()
}

func (s *server) await(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// binaries returns the folders that hold a server, the best first: the named one, Debian's newest, Red Hat's, the PATH's.
func binaries() []string {
	if named := os.Getenv("PICKET_TEST_POSTGRES_BIN"); named != "" {
		return []string{named}
	}
	var dirs []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern)
		slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
		dirs = append(dirs, found...)
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	return slices.DeleteFunc(dirs, func(dir string) bool {
		for _, name := range []string{"initdb", "postgres"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.IsDir() {
				return true
			}
		}
		return false
	})
}

// version returns the first number in path.
func version(path string) int {
	n := 0
	for _, r := range path {
		if r >= '0' && r <= '9' {
			n = n*10 + int(r-'0')
		} else if n > 0 {
			break
		}
	}
	return n
}

// unprivileged returns the user the server runs as when the tests run as root, which PostgreSQL refuses; else nil.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("the tests run as root, and there is neither a user postgres nor nobody for the server")
}
