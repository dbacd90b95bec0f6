package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/db/dbtest"
)

// With rows in PostgreSQL everything is as with SQLite, over a kill of the collector too.
func TestTheCollectorRunsOnPostgreSQL(t *testing.T) {
	c := newCollector(t)
	c.database = dbtest.PostgresURL(t)
	c.start()
	defer func() { c.stop() }()
	c.waitReady()
	a := newLedgerAgent(t, c, 0)
	a.start()
	grows := func(by int) {
		from := 0
		eventually(t, 60*time.Second, "the ledger grows", func() error {
			if from == 0 {
				from = len(a.must())
			}
			if n := len(a.must()); from == 0 || n < from+by {
				return fmt.Errorf("%d lines", n)
			}
			return nil
		})
	}
	eventually(t, 30*time.Second, "the agent has begun", func() error {
		_, err := readStatus(a.dir)
		return err
	})
	grows(2)
	c.kill()
	c.start()
	c.waitReady()
	grows(2)
	waitDrained(t, a)
	a.stop()
	settle(t, []*ledgerAgent{a})
	t.Log(compare(t, c, []*ledgerAgent{a}))
}
