package uname

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

type check struct {
	last   unix.Utsname
	labels []string
}

func newCheck() checks.Check { return &check{} }

// Run implements checks.Check. The labels are made anew only when an answer changes, as a host name may.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return fmt.Errorf("ask uname: %w", err)
	}
	if c.labels == nil || u != c.last {
		c.last = u
		c.labels = labels(text(u.Domainname[:]), text(u.Machine[:]), text(u.Nodename[:]),
			text(u.Release[:]), text(u.Sysname[:]), text(u.Version[:]))
	}
	r.Gauge("node_uname_info", 1, c.labels...)
	return nil
}

func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return hostfs.Label(b)
}
