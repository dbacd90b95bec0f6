package metrics

import (
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

// Options configures a Store. Dir and Logger are required; the zero value of every other field is its default.
type Options struct {
	Dir              string        // data folder, made when missing; one process at a time
	RetentionTime    time.Duration // how long samples are kept; default 30 days, negative keeps them whatever their age
	RetentionBytes   int64         // blocks beyond this size are deleted, oldest first; 0 is no limit
	OutOfOrderWindow time.Duration // how far behind the newest sample others may come; default 25 h, negative is none
	MaxBlockDuration time.Duration // longest block made by compaction; default a tenth of the retention, 2 h to 31 days
	MaxAhead         time.Duration // how far a sample may be ahead of this machine's clock; default 10 minutes
	MaxSeries        int           // series in memory; 0 is no limit
	MinFreeBytes     int64         // samples are refused (and may come again) below this free disk space; default 256 MiB, negative is none
	Limits           Limits        // what a series may look like
	Logger           *slog.Logger
	Registerer       prometheus.Registerer // nil registers nothing

	walSegmentBytes int // tests only
}

const (
	defaultRetention    = 30 * 24 * time.Hour
	defaultWindow       = 25 * time.Hour // the agents' spool keeps 24 h, one more to deliver it
	defaultAhead        = 10 * time.Minute
	defaultMinFree      = 256 << 20
	shortestBlock       = 2 * time.Hour
	longestBlock        = 31 * 24 * time.Hour
	blocksPerRetention  = 10
	fsyncInterval       = time.Second
	freeSpaceCheckEvery = time.Second
)

func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("metrics: Options.Dir is empty")
	}
	if o.Logger == nil {
		return o, errors.New("metrics: Options.Logger is nil")
	}
	setDefault(&o.RetentionTime, defaultRetention)
	setDefault(&o.OutOfOrderWindow, defaultWindow)
	setDefault(&o.MaxAhead, defaultAhead)
	setDefault(&o.MinFreeBytes, defaultMinFree)
	o.RetentionTime = max(o.RetentionTime, 0)
	o.OutOfOrderWindow = max(o.OutOfOrderWindow, 0)
	if o.MaxBlockDuration <= 0 {
		o.MaxBlockDuration = longestBlock
		if o.RetentionTime > 0 {
			o.MaxBlockDuration = min(o.RetentionTime/blocksPerRetention, longestBlock)
		}
	}
	o.MaxBlockDuration = max(o.MaxBlockDuration, shortestBlock)
	o.Limits = o.Limits.withDefaults()
	return o, nil
}

func setDefault[T time.Duration | int64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// engine returns the options for tsdb.
func (o Options) engine() *tsdb.Options {
	e := tsdb.DefaultOptions()
	e.WALCompression = compression.Snappy
	e.RetentionDuration = o.RetentionTime.Milliseconds()
	e.MaxBytes = max(o.RetentionBytes, 0)
	e.MinBlockDuration = shortestBlock.Milliseconds()
	e.MaxBlockDuration = o.MaxBlockDuration.Milliseconds()
	e.OutOfOrderTimeWindow = o.OutOfOrderWindow.Milliseconds()
	if o.walSegmentBytes > 0 {
		e.WALSegmentSize = o.walSegmentBytes
	}
	return e
}
