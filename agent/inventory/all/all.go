// Package all is the one list of what the agent looks for on a host.
package all

import (
	"log/slog"
	"runtime"
	"slices"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/inventory/account"
	"github.com/picketmon/picket/agent/inventory/hardware"
	"github.com/picketmon/picket/agent/inventory/network"
	"github.com/picketmon/picket/agent/inventory/process"
	"github.com/picketmon/picket/agent/inventory/service"
	"github.com/picketmon/picket/agent/inventory/software"
	"github.com/picketmon/picket/agent/inventory/storage"
)

// Options are what the sources are made of.
type Options struct {
	Trees    inventory.Trees
	Hostname string // instead of the host's own
	Version  string // of the agent
	// Disable are kinds not to look for.
	Disable []string
	// CloudMetadata says that the cloud's metadata service may be asked.
	CloudMetadata bool
	// Commands says that command lines are told, redacted.
	Commands bool
	Logger   *slog.Logger
}

// Sources returns all sources that this system has, the quick ones first.
func Sources(o Options) []inventory.Source {
	host := hardware.Options{Trees: o.Trees, Hostname: o.Hostname, Version: o.Version}
	if o.CloudMetadata {
		host.Metadata = &hardware.Metadata{}
	}
	all := []inventory.Source{hardware.HostSource(host)}
	if runtime.GOOS == "linux" {
		all = append(all, process.Sources(process.Options{
			Trees: o.Trees, Packages: software.NewOwners(o.Trees), Names: account.NewNames(o.Trees).Name, Commands: o.Commands, Logger: o.Logger,
		})...)
		all = append(all, network.Sources(network.Options{Trees: o.Trees})...)
		all = append(all, storage.Sources(o.Trees)...)
		all = append(all, service.Sources(o.Trees)...)
		all = append(all, software.Source(o.Trees), hardware.MemorySource(o.Trees))
		all = append(all, account.Sources(o.Trees)...)
	}
	return slices.DeleteFunc(all, func(s inventory.Source) bool { return slices.Contains(o.Disable, s.Kind) })
}

// Kinds returns the kinds that this system has.
func Kinds() []string {
	var out []string
	for _, s := range Sources(Options{Logger: slog.New(slog.DiscardHandler)}) {
		out = append(out, s.Kind)
	}
	return out
}
