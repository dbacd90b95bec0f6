// Package network finds the network adapters of the host, their addresses, the routes, and whom it asks for names. In come sysfs,
// procfs, the kernel's list of addresses and resolv.conf; it sends nothing on any network.
package network

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

const (
	every     = time.Minute
	everyLink = 2 * time.Minute
)

// Adapter is a network interface.
type Adapter struct {
	Name    string `json:"name"`
	MAC     string `json:"mac_address,omitempty"`
	MTU     int    `json:"mtu,omitempty"`
	Speed   int    `json:"speed,omitempty"` // Mbit/s
	Duplex  string `json:"duplex,omitempty"`
	Type    string `json:"type"` // ethernet, loopback, wireless, bridge, bond, vlan, tunnel, virtual
	Driver  string `json:"driver,omitempty"`
	Virtual bool   `json:"virtual"`
	State   string `json:"state,omitempty"` // of the link: up, down
	Alias   string `json:"alias,omitempty"`
	Master  string `json:"master,omitempty"` // the bridge or bond that it is part of
}

// Address is an address of an adapter.
type Address struct {
	IP      string `json:"ip_address"`
	Prefix  int    `json:"prefix"`
	Netmask string `json:"netmask,omitempty"` // of IPv4
	Version int    `json:"ip_version"`
	NIC     string `json:"nic"`
	Scope   string `json:"scope"` // global, site, link, host
	Dynamic bool   `json:"dynamic,omitempty"`
}

// Options are what the sources are made of.
type Options struct {
	Trees inventory.Trees
	// Addresses lists the addresses of this host; nil asks the kernel.
	Addresses func() ([]Address, error)
}

// Sources returns the kinds network_adapter, ip_address, route and dns.
func Sources(o Options) []inventory.Source {
	if o.Addresses == nil {
		o.Addresses = addresses
	}
	t := o.Trees
	return []inventory.Source{
		{Kind: "network_adapter", Every: everyLink, Linger: 2, Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) {
			all, err := adapters(t)
			if err != nil {
				return nil, nil, err
			}
			items, err := inventory.Collect("network_adapter", all, func(a Adapter) string { return a.Name })
			return items, nil, err
		}},
		{Kind: "ip_address", Every: every, Linger: 2, Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) {
			all, err := o.Addresses()
			if err != nil {
				return nil, nil, err
			}
			all = slices.DeleteFunc(all, func(a Address) bool { return ofContainer(a.NIC) })
			items, err := inventory.Collect("ip_address", all, func(a Address) string { return a.IP + "%" + a.NIC })
			return items, nil, err
		}},
		{Kind: "route", Every: everyLink, Linger: 2, Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) { return routes(t) }},
		{
			Kind: "dns", Every: every, Stamp: inventory.Stamps(t.InRoot("etc/resolv.conf"), t.InRoot(upstream)),
			Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) { return resolver(t) },
		},
	}
}

// ofContainer reports whether an adapter is the host's end of a container's: those come and go with containers.
func ofContainer(name string) bool {
	for _, prefix := range []string{"veth", "cali", "lxc", "cilium_", "tap-", "fwbr", "fwln", "fwpr"} {
		if strings.HasPrefix(name, prefix) && name != prefix {
			return true
		}
	}
	return false
}

func adapters(t inventory.Trees) ([]Adapter, error) {
	dir := t.InSys("class/net")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []Adapter
	for _, e := range entries {
		if ofContainer(e.Name()) || e.Type().IsRegular() { // bonding_masters is a file
			continue
		}
		out = append(out, adapter(filepath.Join(dir, e.Name()), e.Name()))
	}
	if len(out) == 0 {
		return nil, &checks.Gap{Reason: "the host has no network adapter", Cause: checks.ErrNoData}
	}
	return out, nil
}

func adapter(dir, name string) Adapter {
	read := func(file string) string { return inventory.Line(filepath.Join(dir, file)) }
	has := func(file string) bool {
		_, err := os.Stat(filepath.Join(dir, file))
		return err == nil
	}
	number := func(file string) int {
		n, err := strconv.Atoi(read(file))
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	a := Adapter{Name: name, MAC: read("address"), MTU: number("mtu"), Alias: read("ifalias"), Virtual: !has("device")}
	if a.MAC == "00:00:00:00:00:00" {
		a.MAC = ""
	}
	if target, err := os.Readlink(filepath.Join(dir, "device/driver")); err == nil {
		a.Driver = filepath.Base(target)
	}
	if target, err := os.Readlink(filepath.Join(dir, "master")); err == nil {
		a.Master = filepath.Base(target)
	}
	if a.State = read("operstate"); a.State == "unknown" {
		a.State = ""
	}
	if a.State == "up" { // the kernel refuses to say it of links that are down
		a.Speed, a.Duplex = number("speed"), read("duplex")
		if a.Duplex == "unknown" {
			a.Duplex = ""
		}
	}
	a.Type = linkType(read("type"), has, a.Virtual)
	return a
}

// linkType says what an adapter is, by the kernel's ARPHRD number and what it has.
func linkType(arphrd string, has func(string) bool, virtual bool) string {
	switch {
	case arphrd == "772":
		return "loopback"
	case has("wireless"), has("phy80211"):
		return "wireless"
	case has("bridge"):
		return "bridge"
	case has("bonding"):
		return "bond"
	case arphrd == "768", arphrd == "769", arphrd == "776", arphrd == "778", arphrd == "823", arphrd == "65534", has("tun_flags"):
		return "tunnel"
	case arphrd == "32":
		return "infiniband"
	case arphrd == "1" && !virtual:
		return "ethernet"
	}
	return "virtual"
}

// scopeOf says how far an IPv6 address reaches.
func scopeOf(ip netip.Addr) string {
	switch {
	case ip.IsLoopback():
		return "host"
	case ip.IsLinkLocalUnicast():
		return "link"
	}
	return "global"
}

var errNoAddresses = errors.New("the kernel lists no address")
