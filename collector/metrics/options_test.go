package metrics

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOptions(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		in               Options
		retention, block time.Duration
		window           time.Duration
	}{
		"defaults":        {Options{}, 30 * day, 3 * day, 25 * time.Hour},
		"a year":          {Options{RetentionTime: 365 * day}, 365 * day, 31 * day, 25 * time.Hour},
		"short":           {Options{RetentionTime: 6 * time.Hour}, 6 * time.Hour, 2 * time.Hour, 25 * time.Hour},
		"for ever":        {Options{RetentionTime: -1}, 0, 31 * day, 25 * time.Hour},
		"chosen block":    {Options{MaxBlockDuration: 6 * time.Hour}, 30 * day, 6 * time.Hour, 25 * time.Hour},
		"no out of order": {Options{OutOfOrderWindow: -1}, 30 * day, 3 * day, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.Dir, c.in.Logger = filepath.Join(t.TempDir(), "x"), logger(t)
			o, err := c.in.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			e := o.engine()
			got := []int64{e.RetentionDuration, e.MaxBlockDuration, e.OutOfOrderTimeWindow}
			want := []int64{c.retention.Milliseconds(), c.block.Milliseconds(), c.window.Milliseconds()}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
	for _, o := range []Options{{Dir: "x"}, {Logger: logger(t)}} {
		if _, err := Open(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}
