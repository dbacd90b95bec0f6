package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// parseSpan reads a duration as PromQL writes it (90s, 1h30m, 7d), or a number of seconds.
func parseSpan(s string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds >= 0 && seconds < math.MaxInt64/1e9 {
		return time.Duration(seconds * float64(time.Second)), nil
	}
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration: write 30s, 5m, 1h30m or 7d", s)
	}
	return time.Duration(d), nil
}

// parseTime reads a point in time: now, -1h or now-1h, a Unix time in seconds, RFC 3339, or a date or clock time in now's zone.
func parseTime(s string, now time.Time) (time.Time, error) {
	text := strings.TrimSpace(s)
	if text == "now" {
		return now, nil
	}
	if back, ok := strings.CutPrefix(strings.TrimPrefix(text, "now"), "-"); ok {
		d, err := parseSpan(back)
		if err != nil {
			return time.Time{}, err
		}
		return now.Add(-d), nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds < 1e11 {
		return time.UnixMilli(int64(seconds * 1000)).In(now.Location()), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.ParseInLocation(time.DateOnly+" "+layout, now.Format(time.DateOnly)+" "+text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%q is no time: write now, -1h, 15:04, "2006-01-02 15:04", RFC 3339 or Unix seconds`, s)
}

// unix formats a time as the Prometheus API takes it.
func unix(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64) }
