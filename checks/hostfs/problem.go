package hostfs

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/picketmon/picket/checks"
)

// LineError is a line of a file that could not be understood.
type LineError struct {
	Path string
	Line int    // from 1
	What string // what is wrong, with the offending text
}

// Error names file, line and problem.
func (e *LineError) Error() string {
	return fmt.Sprintf("parse %s line %d: %s", e.Path, e.Line, e.What)
}

// Problems collects what went wrong while the rest of a file was still being reported. The zero value is empty.
type Problems struct {
	first error
	more  int
}

// Line notes that a line of the file at path is wrong; text is the offending part, of which at most 60 bytes are kept.
func (p *Problems) Line(path string, line int, what string, text []byte) {
	if p.first != nil {
		p.more++
		return
	}
	if len(text) > 60 {
		text = text[:60]
	}
	p.first = &LineError{Path: path, Line: line, What: fmt.Sprintf("%s: %q", what, text)}
}

// Add notes err; nil is ignored.
func (p *Problems) Add(err error) {
	switch {
	case err == nil:
	case p.first != nil:
		p.more++
	default:
		p.first = err
	}
}

// Err returns nil when nothing was noted, else the first problem and how many followed it.
func (p *Problems) Err() error {
	if p.more == 0 {
		return p.first
	}
	return fmt.Errorf("%w (and %d more)", p.first, p.more)
}

// unimplemented is what gopsutil, which keeps its error to itself, says on systems that it cannot ask.
const unimplemented = "not implemented yet"

// NoData returns an error that is checks.ErrNoData when err says that the host does not have the file, or that its kernel or
// gopsutil do not support what was asked; else err. What was missing can be asked of it too.
func NoData(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) || err != nil && err.Error() == unimplemented {
		return fmt.Errorf("%w: %w", checks.ErrNoData, err)
	}
	return err
}
