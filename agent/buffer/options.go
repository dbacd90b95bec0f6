package buffer

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

const (
	defaultMaxBytes  = 512 << 20
	maxSegmentBytes  = 4 << 20
	maxRecordBytes   = 4 << 20
	leastMaxBytes    = 64 << 10
	leastSegment     = 4 << 10
	readBytes        = 8 << 10  // what Next reads at once
	scanBytes        = 64 << 10 // what recovery reads at once
	keptScratch      = 64 << 10 // a larger buffer for one record is given back
	idleEvery        = 30 * time.Second
	clockJump        = time.Minute      // wall clock ahead of the monotonic clock by more than this is a jump
	clockJumpHold    = 10 * time.Minute // after which nothing ages for so long
	maxUnsyncedFiles = 16
)

// Options says where the spool is and how much it may hold. Dir and Logger are required; a zero value elsewhere means the
// default that stands with the field.
type Options struct {
	Dir            string
	MaxBytes       int64         // of all segment files; 512 MiB, at least 64 KiB
	MaxAge         time.Duration // of a record, by its Time; 24 h
	MinFreeRatio   float64       // of the disk that the spool leaves free; 0.10, negative switches it off
	SegmentBytes   int64         // of one file; at most and by default the least of 4 MiB, MaxBytes/16 and 1/64 of the disk
	MaxRecordBytes int           // of one record's data; at most and by default the lesser of 4 MiB and MaxBytes/8
	SyncEvery      time.Duration // what a power loss may cost; 1 s
	Logger         *slog.Logger

	// Now is the wall clock; time.Now.
	Now func() time.Time
	// FreeDisk returns the bytes that are free for the agent and the size of the disk that holds dir.
	FreeDisk func(dir string) (free, total uint64, err error)
	// OnDrop is told what was given up, from Run's goroutine and without locks held, at most once per SyncEvery. What it was
	// not told before the process ended it is told after the next Open; a crash meanwhile may tell it twice.
	OnDrop func(Drop)

	files   fileSystem
	bootID  string
	elapsed func(from, to time.Time) time.Duration // on the monotonic clock
}

func (o Options) withDefaults() (Options, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.MaxAge == 0 {
		o.MaxAge = 24 * time.Hour
	}
	if o.MinFreeRatio == 0 {
		o.MinFreeRatio = 0.10
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.elapsed == nil {
		o.elapsed = func(from, to time.Time) time.Duration { return to.Sub(from) }
	}
	if o.FreeDisk == nil {
		o.FreeDisk = freeDisk
	}
	if o.files == nil {
		o.files = osFiles{}
		o.bootID = bootID()
	}
	if err := o.validate(); err != nil {
		return o, fmt.Errorf("spool options: %w", err)
	}
	o.MaxRecordBytes = int(atMost(int64(o.MaxRecordBytes), min(maxRecordBytes, o.MaxBytes/8)))
	return o, nil
}

func (o Options) validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("option Dir is required"))
	}
	if o.Logger == nil {
		errs = append(errs, errors.New("option Logger is required"))
	}
	if o.MaxBytes < leastMaxBytes {
		errs = append(errs, fmt.Errorf("MaxBytes is %d, at least %d are needed", o.MaxBytes, leastMaxBytes))
	}
	if o.MinFreeRatio >= 1 {
		errs = append(errs, fmt.Errorf("MinFreeRatio is %g, it must be below 1", o.MinFreeRatio))
	}
	if o.SegmentBytes < 0 || o.MaxRecordBytes < 0 || o.MaxAge < 0 || o.SyncEvery < 0 {
		errs = append(errs, errors.New("a size or duration is negative"))
	}
	return errors.Join(errs...)
}

// segmentBytes bounds SegmentBytes by the disk's size, which is known only once the directory exists.
func (o Options) segmentBytes(diskTotal uint64) int64 {
	bound := min(int64(maxSegmentBytes), o.MaxBytes/16)
	if diskTotal > 0 {
		bound = int64(min(uint64(bound), diskTotal/64))
	}
	return max(leastSegment, atMost(o.SegmentBytes, bound))
}

// leastLimit is what the spool may hold even when the disk is fuller than MinFreeRatio allows: everything the agent sends
// passes through the spool, so that it can never be none.
func (o Options) leastLimit() int64 {
	return min(o.MaxBytes, max(4*o.SegmentBytes, int64(o.MaxRecordBytes)+4*leastSegment))
}

func atMost(v, bound int64) int64 {
	if v == 0 {
		return bound
	}
	return min(v, bound)
}

func joinPath(elem ...string) string { return filepath.Join(elem...) }
