package shop

import (
	"context"
	"log/slog"
)

// counted is a slog.Handler that counts lines by level.
type counted struct {
	slog.Handler
	m *metrics
}

// Handle implements slog.Handler.
func (c counted) Handle(ctx context.Context, r slog.Record) error {
	level := "info"
	switch {
	case r.Level >= slog.LevelError:
		level = "error"
	case r.Level >= slog.LevelWarn:
		level = "warning"
	}
	c.m.logLines.WithLabelValues(level).Inc()
	return c.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (c counted) WithAttrs(attrs []slog.Attr) slog.Handler {
	return counted{c.Handler.WithAttrs(attrs), c.m}
}
