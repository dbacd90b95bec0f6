package collector

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/cmdb/populate"
	"github.com/picketmon/picket/collector/fleet"
)

// openCMDB opens the CMDB with the classes that are part of the program and those of the administrator's files.
func (c *Collector) openCMDB() (*cmdb.Store, error) {
	files := class.Builtin()
	var problems []error
	for _, name := range c.config.Classes {
		text, err := os.ReadFile(name)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		files = append(files, class.File{Name: name, Text: text})
	}
	model, err := class.Load(files...)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, fmt.Errorf("cmdb.classes:\n%w", err)
	}
	return cmdb.New(cmdb.Options{DB: c.db, Model: model, Logger: c.logger, Registerer: c.reg})
}

// agentFacts gives the fleet's facts to the CMDB.
type agentFacts struct{ fleet *fleet.Fleet }

// Unfed implements populate.Facts.
func (a agentFacts) Unfed(ctx context.Context, kinds []string, limit int64) ([]populate.Feed, error) {
	feeds, err := a.fleet.Unfed(ctx, kinds, limit)
	list := make([]populate.Feed, len(feeds))
	for i, f := range feeds {
		list[i] = populate.Feed{Agent: string(f.Agent), Instance: f.Instance, Kind: f.Kind, Changed: f.Changed, Fed: f.Fed, Gone: f.Gone}
	}
	return list, err
}

// FactsSince implements populate.Facts.
func (a agentFacts) FactsSince(ctx context.Context, agent, kind string, since time.Time) (changed []populate.Fact, keys []string, err error) {
	facts, keys, err := a.fleet.FactsSince(ctx, fleet.AgentID(agent), kind, since)
	for _, f := range facts {
		changed = append(changed, populate.Fact{Key: f.Key, Attributes: f.Attributes, Time: cmdb.Instant{Time: f.UpdatedAt}})
	}
	return changed, keys, err
}

// SetFed implements populate.Facts.
func (a agentFacts) SetFed(ctx context.Context, f populate.Feed) error {
	return a.fleet.SetFed(ctx, fleet.FactFeed{Agent: fleet.AgentID(f.Agent), Kind: f.Kind, Changed: f.Changed, Gone: f.Gone})
}
