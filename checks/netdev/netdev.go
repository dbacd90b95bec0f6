// Package netdev reports the traffic of network interfaces. On Linux it reads /proc/net/dev, and rx_nohandler of each
// interface from /sys/class/net; these never wait for the kernel's network configuration lock, as netlink may. Elsewhere it
// asks gopsutil. It makes the node_network_{receive,transmit}_*_total families. The loopback interface is left out by
// default. Connections are never listed.
package netdev

import (
	"fmt"
	"regexp"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// DefaultExclude is the choice of Debian's node_exporter: the loopback interface.
const DefaultExclude = `^lo$`

// Options say where to look and what to leave out. FS is required on Linux.
type Options struct {
	FS      *hostfs.FS
	Exclude string // regular expression of interfaces to leave out; empty means DefaultExclude
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	spec := checks.Spec{
		Name: "netdev",
		Help: "Traffic of the network interfaces.",
		New: func() (checks.Check, error) {
			if o.Exclude == "" {
				o.Exclude = DefaultExclude
			}
			exclude, err := regexp.Compile(o.Exclude)
			if err != nil {
				return nil, fmt.Errorf("netdev exclude: %w", err)
			}
			return newCheck(o, exclude), nil
		},
	}
	for _, what := range append(columns(), nohandler) {
		m := checks.Metric{
			Name: family(what), Kind: checks.KindCounter, Help: "Network device statistic " + what + ".",
		}
		if what == "receive_bytes" || what == "transmit_bytes" {
			m.Unit = "bytes"
		}
		spec.Metrics = append(spec.Metrics, m)
	}
	return spec
}

// nohandler counts what arrived at an interface that nobody listens to, such as the idle half of a bond.
const nohandler = "receive_nohandler"

// columns are the numbers of a line of /proc/net/dev in their order.
func columns() []string {
	return []string{
		"receive_bytes", "receive_packets", "receive_errs", "receive_drop", "receive_fifo", "receive_frame",
		"receive_compressed", "receive_multicast",
		"transmit_bytes", "transmit_packets", "transmit_errs", "transmit_drop", "transmit_fifo", "transmit_colls",
		"transmit_carrier", "transmit_compressed",
	}
}

func family(what string) string { return "node_network_" + what + "_total" }
