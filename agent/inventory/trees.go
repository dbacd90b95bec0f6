package inventory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mostFile bounds what is read of one file; a dpkg status of a large host has a few megabytes.
const mostFile = 64 << 20

// Trees say where the host's trees are mounted.
type Trees struct {
	Proc, Sys, Root string
}

// InRoot returns the path of a file of the host's root file system.
func (t Trees) InRoot(path string) string { return filepath.Join(t.Root, path) }

// InProc returns the path of a file of procfs.
func (t Trees) InProc(path string) string { return filepath.Join(t.Proc, path) }

// InSys returns the path of a file of sysfs.
func (t Trees) InSys(path string) string { return filepath.Join(t.Sys, path) }

// Line returns the first line of a small file without spaces around it, empty when it cannot be read.
func Line(path string) string {
	raw, err := ReadFile(path, 4096)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimSpace(strings.ToValidUTF8(strings.Trim(line, "\x00"), ""))
}

// ReadFile reads a file of at most limit bytes, 0 for the most that is ever read.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if limit == 0 {
		limit = mostFile
	}
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("read %s: longer than %d bytes", path, limit)
	}
	return raw, nil
}

// Stamps returns a Stamp over files and folders: it changes when one of them is written, made or deleted. What a pattern with * matches
// is looked for each time.
func Stamps(patterns ...string) func() string {
	return func() string {
		var b strings.Builder
		for _, p := range patterns {
			paths := []string{p}
			if strings.ContainsAny(p, "*") {
				paths, _ = filepath.Glob(p) // the pattern is ours
			}
			for _, path := range paths {
				stamp(&b, path)
			}
		}
		return b.String()
	}
}

func stamp(b *strings.Builder, path string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b.WriteString("-")
	case err != nil:
		b.WriteString("!")
	default:
		b.WriteString(strconv.FormatInt(info.Size(), 36))
		b.WriteByte('.')
		b.WriteString(strconv.FormatInt(info.ModTime().UnixNano(), 36))
	}
	b.WriteByte(' ')
}
