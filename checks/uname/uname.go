// Package uname reports what the kernel says it is: node_uname_info, always 1, with the answers of uname(2) as labels. It
// reads no file; outside Linux it asks gopsutil.
package uname

import "github.com/picketmon/picket/checks"

// Spec describes the check.
func Spec() checks.Spec {
	return checks.Spec{
		Name: "uname",
		Help: "Name, release and machine of the running kernel.",
		Metrics: []checks.Metric{{
			Name: "node_uname_info", Kind: checks.KindGauge,
			Help: "Labeled system information as provided by the uname system call.",
		}},
		New: func() (checks.Check, error) { return newCheck(), nil },
	}
}

// labels makes the label pairs of node_uname_info.
func labels(domain, machine, node, release, system, version string) []string {
	return []string{
		"domainname", domain, "machine", machine, "nodename", node,
		"release", release, "sysname", system, "version", version,
	}
}
