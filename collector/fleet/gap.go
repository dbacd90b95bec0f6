package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

const (
	// gapExamples is how many agents a gap names.
	gapExamples = 10
	// maxGaps bounds the groups of gaps; those of the fewest agents are left out.
	maxGaps = 10_000
)

// Gap is one thing that cannot be collected, for one reason, and the agents where that is so.
type Gap struct {
	ID        string // made from name, reason and fix
	Name      string
	Reason    string
	Fix       string // empty: there is nothing to mend
	Agents    int
	AgentIDs  []AgentID // of the first ten, by instance
	Instances []string
}

// GapQuery says which gaps to list. Empty fields mean all.
type GapQuery struct {
	Name    string // a check, with all of its parts, or check:part
	Fixable *bool
}

type gapRow struct {
	Name     string  `bun:"name"`
	Reason   string  `bun:"reason"`
	Fix      string  `bun:"fix"`
	AgentID  AgentID `bun:"agent_id"`
	Instance string  `bun:"instance"`
	Agents   int     `bun:"agents"`
}

// Gaps returns what cannot be collected over all agents that are not revoked, one for each name, reason and fix: what can be mended
// first, then by the number of agents.
func (f *Fleet) Gaps(ctx context.Context, q GapQuery) ([]Gap, error) {
	inner := f.db.NewSelect().TableExpr("agent_capabilities AS c").Join("JOIN agents AS a ON a.id = c.agent_id").
		ColumnExpr("c.name, c.reason, c.fix, c.agent_id, a.instance").
		ColumnExpr("count(*) OVER (PARTITION BY c.name, c.reason, c.fix) AS agents").
		ColumnExpr("row_number() OVER (PARTITION BY c.name, c.reason, c.fix ORDER BY a.instance) AS place").
		Where("c.available = ?", false).Where("a.state = ?", rowEnrolled)
	if q.Name != "" {
		inner = whereGap(inner, q.Name)
	}
	if q.Fixable != nil {
		inner = inner.Where(map[bool]string{true: "c.fix <> ''", false: "c.fix = ''"}[*q.Fixable])
	}
	var rows []gapRow
	err := f.db.NewSelect().TableExpr("(?) AS g", inner).ColumnExpr("name, reason, fix, agent_id, instance, agents").
		Where("place <= ?", gapExamples).
		OrderExpr("CASE WHEN fix = '' THEN 1 ELSE 0 END, agents DESC, name, reason, fix, place").
		Limit(maxGaps*gapExamples).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read gaps: %w", err)
	}
	return gapsOf(rows), nil
}

// whereGap selects the capabilities of a check with its parts, or one part.
func whereGap(q *bun.SelectQuery, name string) *bun.SelectQuery {
	return q.WhereGroup(" AND ", func(s *bun.SelectQuery) *bun.SelectQuery {
		return s.Where("c.name = ?", name).WhereOr("c.name LIKE ? ESCAPE '~'", likeLiteral(name)+":%")
	})
}

// gapsOf gathers rows that belong to one gap, which follow one another.
func gapsOf(rows []gapRow) []Gap {
	var gaps []Gap
	for _, r := range rows {
		if n := len(gaps) - 1; n < 0 || gaps[n].Name != r.Name || gaps[n].Reason != r.Reason || gaps[n].Fix != r.Fix {
			gaps = append(gaps, Gap{ID: gapID(r), Name: r.Name, Reason: r.Reason, Fix: r.Fix, Agents: r.Agents})
		}
		g := &gaps[len(gaps)-1]
		g.AgentIDs, g.Instances = append(g.AgentIDs, r.AgentID), append(g.Instances, r.Instance)
	}
	return gaps[:min(len(gaps), maxGaps)]
}

func gapID(r gapRow) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Name, r.Reason, r.Fix}, "\x00")))
	return hex.EncodeToString(sum[:16])
}
