package metrics

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metadata describes all series of one metric name.
type Metadata struct {
	Kind string `json:"type"` // counter, gauge, histogram, summary, … or unknown
	Help string `json:"help"`
	Unit string `json:"unit"`
}

// MetadataRows keeps metadata beyond the process. Rows is the one implementation.
type MetadataRows interface {
	// Load returns at most limit names with their metadata.
	Load(ctx context.Context, limit int) (map[string]Metadata, error)
	// Save inserts or overwrites.
	Save(ctx context.Context, changed map[string]Metadata) error
}

// CatalogOptions configures a Catalog. Rows and Logger are required.
type CatalogOptions struct {
	Rows       MetadataRows
	MaxNames   int           // names beyond it are not kept, and counted; default 50,000
	SaveEvery  time.Duration // how long a change may stay in memory only; default 10 s
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil registers nothing
}

const (
	defaultMaxNames  = 50_000
	defaultSaveEvery = 10 * time.Second
	maxNameBytes     = 256
	maxHelpBytes     = 1024
	maxUnitBytes     = 64
)

// Catalog knows the metadata of metric names. It answers from memory and saves what changed in the background; the last
// seconds may be lost by a kill, for senders repeat metadata at least with every connection.
type Catalog struct {
	opts    CatalogOptions
	mu      sync.RWMutex
	names   map[string]Metadata
	dirty   map[string]struct{}
	refused prometheus.Counter
}

// NewCatalog returns a Catalog with what was saved before. Run must be called for changes to be saved.
func NewCatalog(ctx context.Context, o CatalogOptions) (*Catalog, error) {
	if o.Rows == nil || o.Logger == nil {
		return nil, errors.New("metrics: CatalogOptions.Rows or Logger is nil")
	}
	if o.MaxNames <= 0 {
		o.MaxNames = defaultMaxNames
	}
	if o.SaveEvery <= 0 {
		o.SaveEvery = defaultSaveEvery
	}
	names, err := o.Rows.Load(ctx, o.MaxNames)
	if err != nil {
		return nil, err
	}
	c := &Catalog{opts: o, names: names, dirty: map[string]struct{}{}}
	f := promauto.With(o.Registerer)
	c.refused = f.NewCounter(prometheus.CounterOpts{
		Name: "picket_metrics_metadata_refused_total",
		Help: "Metadata not kept because the name is not usable or the catalog is full.",
	})
	f.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "picket_metrics_metadata_names",
		Help: "Metric names with metadata.",
	}, func() float64 { return float64(c.Len()) })
	return c, nil
}

// Set records the metadata of name. Too long texts are cut. Setting what is known already costs one map lookup.
func (c *Catalog) Set(name string, m Metadata) {
	if m.Kind == "" {
		m.Kind = "unknown"
	}
	m.Kind, m.Help, m.Unit = cut(m.Kind, maxUnitBytes), cut(m.Help, maxHelpBytes), cut(m.Unit, maxUnitBytes)
	c.mu.RLock()
	known, ok := c.names[name]
	c.mu.RUnlock()
	if ok && known == m {
		return
	}
	if name == "" || len(name) > maxNameBytes || cut(name, maxNameBytes) != name {
		c.refused.Inc()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.names[name]; !ok && len(c.names) >= c.opts.MaxNames {
		c.refused.Inc()
		return
	}
	name = strings.Clone(name)
	c.names[name] = Metadata{strings.Clone(m.Kind), strings.Clone(m.Help), strings.Clone(m.Unit)}
	c.dirty[name] = struct{}{}
}

// fill records what m says about name and keeps what it does not say.
func (c *Catalog) fill(name string, m Metadata) {
	known, _ := c.Get(name)
	c.Set(name, Metadata{Kind: cmp.Or(m.Kind, known.Kind), Help: cmp.Or(m.Help, known.Help), Unit: cmp.Or(m.Unit, known.Unit)})
}

// cut returns s as valid UTF-8 without NUL and with at most limit bytes.
func cut(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	s = strings.ToValidUTF8(s, "")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return s
}

// Get returns the metadata of name.
func (c *Catalog) Get(name string) (Metadata, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	m, ok := c.names[name]
	return m, ok
}

// All returns a copy of everything known.
func (c *Catalog) All() map[string]Metadata {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return maps.Clone(c.names)
}

// Len returns the number of names.
func (c *Catalog) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.names)
}

// Run saves changes until ctx ends, and once more then. A failure to save is logged and tried again later.
func (c *Catalog) Run(ctx context.Context) error {
	tick := time.NewTicker(c.opts.SaveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return c.save(last)
		case <-tick.C:
			if err := c.save(ctx); err != nil && ctx.Err() == nil {
				c.opts.Logger.Warn("metric metadata not saved, trying again", "err", err)
			}
		}
	}
}

func (c *Catalog) save(ctx context.Context) error {
	c.mu.Lock()
	changed := make(map[string]Metadata, len(c.dirty))
	for name := range c.dirty {
		changed[name] = c.names[name]
	}
	c.dirty = map[string]struct{}{}
	c.mu.Unlock()
	if len(changed) == 0 {
		return nil
	}
	err := c.opts.Rows.Save(ctx, changed)
	if err != nil {
		c.mu.Lock()
		for name := range changed {
			c.dirty[name] = struct{}{}
		}
		c.mu.Unlock()
	}
	return err
}

// familySuffixes are what the names of a family's series end with, beyond the family's own name.
var familySuffixes = map[string][]string{
	"_bucket":  {"histogram", "gaugehistogram"},
	"_count":   {"histogram", "summary"},
	"_sum":     {"histogram", "summary"},
	"_gcount":  {"gaugehistogram"},
	"_gsum":    {"gaugehistogram"},
	"_total":   {"counter"},
	"_created": {"counter", "histogram", "summary"},
	"_info":    {"info"},
}

// describe returns the metadata of a series' name: its own, or that of the family it belongs to.
func (c *Catalog) describe(name string) (Metadata, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if m, ok := c.names[name]; ok {
		return m, true
	}
	at := strings.LastIndexByte(name, '_')
	if at < 0 {
		return Metadata{}, false
	}
	kinds, ok := familySuffixes[name[at:]]
	if !ok {
		return Metadata{}, false
	}
	m, ok := c.names[name[:at]]
	if !ok || !slices.Contains(kinds, m.Kind) {
		return Metadata{}, false
	}
	return m, true
}
