package test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picketmon/picket/agent"
	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/collector/db"
)

// ledgerAgentEnv makes the test binary an agent whose ledger check writes to the file of this name.
const ledgerAgentEnv = "PICKET_TEST_LEDGER"

// runLedgerAgent is picket-agent run with one more check: it reports its run's number as a sample and as a result, and writes down
// the run before, which at that time has been buffered and therefore must arrive.
func runLedgerAgent() {
	var c agent.Config
	set := agent.Settings(&c)
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := set.Load("", os.LookupEnv)
	if err == nil {
		var a *agent.Agent
		if a, err = agent.New(agent.Options{Config: c, Version: "ledger", Logger: logger, Extra: []checks.Spec{ledgerSpec(os.Getenv(ledgerAgentEnv))}}); err == nil {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			defer stop()
			err = a.Run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func ledgerSpec(file string) checks.Spec {
	return checks.Spec{Name: "ledger", Help: "Counts its runs.", New: func() (checks.Check, error) {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		n, before := rand.IntN(1<<40), ""
		return checks.Func(func(_ context.Context, r checks.Reporter) error {
			if before != "" {
				if _, err := f.WriteString(before); err != nil {
					return err
				}
			}
			n++
			before = fmt.Sprintf("%d %d\n", r.Time().UnixMilli(), n)
			r.Counter("ledger_run", float64(n))
			r.Result(checks.Result{Resource: "ledger", Status: checks.OK, Output: strconv.Itoa(n)})
			return nil
		}), nil
	}}
}

// ledgerAgent is one agent of the story.
type ledgerAgent struct {
	*process
	dir, file string
}

func newLedgerAgent(t *testing.T, c *collector, i int) *ledgerAgent {
	t.Helper()
	dir := filepath.Join(t.TempDir(), fmt.Sprint("agent", i))
	a := &ledgerAgent{dir: dir, file: dir + ".ledger"}
	token := c.token(1)
	a.process = &process{t: t, name: fmt.Sprint("agent ", i), make: func() *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), os.Args[0])
		cmd.Env = append(os.Environ(), ledgerAgentEnv+"="+a.file, "PICKET_AGENT_DATA_DIR="+dir, "PICKET_AGENT_COLLECTOR="+c.grpc,
			"PICKET_AGENT_TOKEN="+token, "PICKET_AGENT_INTERVAL=1s", "PICKET_AGENT_HOST_ID=ledger-host-"+fmt.Sprint(i))
		return cmd
	}}
	return a
}

// must returns what the ledger says must arrive: value by timestamp.
func (a *ledgerAgent) must() map[int64]string {
	f, err := os.Open(a.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[int64]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		at, value, ok := strings.Cut(s.Text(), " ")
		ms, err := strconv.ParseInt(at, 10, 64)
		if !ok || err != nil {
			a.t.Fatalf("ledger line %q", s.Text())
		}
		out[ms] = value
	}
	return out
}

// Agents and collector are killed at any moment. Whatever an agent had buffered is stored in the end, once.
func TestNothingIsLostOrDoubledByKill9(t *testing.T) {
	agents, agentKills, collectorKills := 2, 6, 3
	if soak() {
		agents, agentKills, collectorKills = 4, 100, 50
	}
	c := newCollector(t)
	c.start()
	defer func() { c.stop() }()
	c.waitReady()
	fleet := make([]*ledgerAgent, agents)
	for i := range fleet {
		fleet[i] = newLedgerAgent(t, c, i)
		fleet[i].start()
	}
	eventually(t, 30*time.Second, "all agents are enrolled", func() error {
		for _, a := range fleet {
			if _, err := os.Stat(filepath.Join(a.dir, "identity", "identity.json")); err != nil {
				return err
			}
		}
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range agentKills {
			<-time.After(time.Duration(1500+rand.IntN(3000)) * time.Millisecond / time.Duration(len(fleet)))
			a := fleet[i%len(fleet)]
			a.kill()
			a.start()
		}
	})
	wg.Go(func() {
		for range collectorKills {
			<-time.After(time.Duration(1000+rand.IntN(3000)) * time.Millisecond)
			c.kill()
			c.start()
		}
	})
	wg.Wait()
	c.waitReady()
	for _, a := range fleet {
		waitDrained(t, a)
		a.stop()
	}
	settle(t, fleet)
	report := compare(t, c, fleet)
	t.Logf("%d agents, kill -9: %d of agents, %d of the collector: %s", agents, agentKills, collectorKills, report)
}

// waitDrained waits until the agent's spool is empty but for what is on its way.
func waitDrained(t *testing.T, a *ledgerAgent) {
	t.Helper()
	eventually(t, 150*time.Second, a.name+" has delivered its spool", func() error {
		r, err := readStatus(a.dir)
		if err != nil {
			return err
		}
		for _, class := range r.Spool {
			if class.LagSeconds > 2 {
				return fmt.Errorf("class %s: %d records, %.0f s; %s", class.Class, class.Records, class.LagSeconds, r.Collector.LastError)
			}
		}
		return nil
	})
}

// settle starts the agents once more, so that what they buffered last is delivered too, and stops them.
func settle(t *testing.T, fleet []*ledgerAgent) {
	t.Helper()
	before := map[string]int{}
	for _, a := range fleet {
		before[a.name] = len(a.must())
		a.start()
	}
	for _, a := range fleet {
		eventually(t, 60*time.Second, a.name+" runs again", func() error {
			if len(a.must()) < before[a.name]+2 {
				return fmt.Errorf("%d lines in the ledger", len(a.must()))
			}
			return nil
		})
		waitDrained(t, a)
		a.stop()
	}
}

// compare holds the collector's stores against the ledgers.
func compare(t *testing.T, c *collector, fleet []*ledgerAgent) string {
	t.Helper()
	samples, results := 0, 0
	stored, err := c.query(`ledger_run[2h]`)
	if err != nil {
		t.Fatal(err)
	}
	byInstance := map[string]map[int64]string{}
	for _, s := range stored {
		values := map[int64]string{}
		for _, v := range s.Values {
			ms := int64(v[0].(float64)*1000 + 0.5)
			if _, twice := values[ms]; twice {
				t.Errorf("sample %s at %d is there twice", s.Metric["instance"], ms)
			}
			values[ms] = v[1].(string)
		}
		byInstance[s.Metric["instance"]] = values
	}
	rows := resultRows(t, c)
	for _, a := range fleet {
		instance := instanceOf(t, a)
		must := a.must()
		if len(must) < 3 {
			t.Errorf("%s: the ledger has only %d lines", a.name, len(must))
		}
		// The last line may be the run during which the agent was stopped: its successor wrote nothing.
		for ms, value := range must {
			samples++
			results++
			if got := byInstance[instance][ms]; got != number(value) {
				t.Errorf("%s: sample at %d is %q, want %s", instance, ms, got, value)
			}
			if n := rows[fmt.Sprintf("%s/%d/%s", instance, ms, value)]; n != 1 {
				t.Errorf("%s: result at %d is there %d times", instance, ms, n)
			}
		}
	}
	for key, n := range rows {
		if n > 1 {
			t.Errorf("result %s is there %d times", key, n)
		}
	}
	return fmt.Sprintf("%d samples and %d results had to arrive, none lost, none doubled; %d results in all", samples, results, len(rows))
}

// number writes a whole number as PromQL does.
func number(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// resultRows counts the rows of the ledger's results in the database, by instance, time and output.
func resultRows(t *testing.T, c *collector) map[string]int {
	t.Helper()
	d, err := db.Open(t.Context(), db.Options{DataDir: c.dir, URL: c.database, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	var rows []struct {
		Instance string
		Time     int64
		Output   string
	}
	err = d.NewSelect().ColumnExpr("a.instance, r.time, r.output").TableExpr("check_results AS r").
		Join("JOIN agents AS a ON a.id = r.agent_id").Where("r.resource = 'ledger'").Scan(t.Context(), &rows)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, r := range rows {
		out[fmt.Sprintf("%s/%d/%s", r.Instance, r.Time, r.Output)]++
	}
	return out
}
