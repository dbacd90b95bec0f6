package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// Inventoried is a kind of inventory as users see it in a list.
type Inventoried struct {
	Kind  string
	Items int
	Error error
}

// Inventory looks for all kinds once, as the agent would.
func Inventory(ctx context.Context, c Config, version string, logger *slog.Logger) []Inventoried {
	var out []Inventoried
	for _, s := range c.sources(Options{Version: version, Logger: logger}) {
		items, _, err := inventory.Once(ctx, s)
		out = append(out, Inventoried{s.Kind, len(items), err})
	}
	return out
}

// PrintInventory looks for one kind once, as the agent would, and prints what would be sent: one JSON object per item, and what
// could not be collected as comments.
func PrintInventory(ctx context.Context, c Config, kind, version string, logger *slog.Logger, out io.Writer) error {
	for _, s := range c.sources(Options{Version: version, Logger: logger}) {
		if s.Kind != kind {
			continue
		}
		items, found, err := inventory.Once(ctx, s)
		for _, i := range items {
			line, err := json.Marshal(struct {
				Class      string          `json:"class"`
				Key        string          `json:"key"`
				Attributes json.RawMessage `json:"attributes"`
			}{i.Class, i.Key, i.Attributes})
			if err != nil {
				return fmt.Errorf("encode %s %q: %w", kind, i.Key, err)
			}
			fmt.Fprintf(out, "%s\n", line)
		}
		for _, one := range inventory.Capabilities(inventory.ThisHost(c.ProcFS, c.SysFS), []inventory.Found{found}) {
			if !one.Available {
				fmt.Fprintf(out, "# CANNOT COLLECT %s: %s; %s\n", one.Name, one.Reason, remedy(one))
			}
		}
		if errors.Is(err, checks.ErrNoData) {
			return nil
		}
		return err
	}
	return fmt.Errorf("there is no kind %q; picket-agent inventory lists all", kind)
}
