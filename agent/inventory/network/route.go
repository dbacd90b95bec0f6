package network

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// Route is an entry of the main routing table.
type Route struct {
	Destination string `json:"destination"` // with its prefix; 0.0.0.0/0 and ::/0 are the default
	Gateway     string `json:"gateway,omitempty"`
	NIC         string `json:"nic"`
	Metric      uint32 `json:"metric"`
	Version     int    `json:"ip_version"`
}

// mostRoutes is how many routes an inventory takes: a router that speaks BGP has a million.
const mostRoutes = 2000

// Flags of routes, linux/route.h and linux/ipv6_route.h.
const (
	routeUp     = 0x0001
	routeReject = 0x0200
	routeCache  = 0x01000000
	routeLocal  = 0x80000000
)

func routes(t inventory.Trees) ([]inventory.Item, []checks.Gap, error) {
	all, err := readRoutes(t, "net/route", parseRoutes4)
	if err != nil {
		return nil, nil, err
	}
	six, err := readRoutes(t, "net/ipv6_route", parseRoutes6)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	all = append(all, six...)
	all = slices.DeleteFunc(all, func(r Route) bool { return ofContainer(r.NIC) })
	if len(all) > mostRoutes {
		return nil, nil, &checks.Gap{Reason: "the host has more routes than an inventory is for", Cause: checks.ErrNoData}
	}
	items, err := inventory.Collect("route", all, func(r Route) string {
		return r.Destination + " via " + r.Gateway + " dev " + r.NIC + " metric " + strconv.FormatUint(uint64(r.Metric), 10)
	})
	return items, nil, err
}

func readRoutes(t inventory.Trees, file string, parse func([]byte) []Route) ([]Route, error) {
	raw, err := inventory.ReadFile(t.InProc(file), 1<<20)
	if err != nil {
		return nil, err
	}
	return parse(raw), nil
}

// parseRoutes4 reads /proc/net/route.
func parseRoutes4(raw []byte) []Route {
	var out []Route
	for line := range bytes.Lines(raw) {
		f := strings.Fields(string(line))
		if len(f) < 8 {
			continue
		}
		destination, ok1 := hex4(f[1])
		gateway, ok2 := hex4(f[2])
		mask, ok3 := hex4(f[7])
		flags, err1 := strconv.ParseUint(f[3], 16, 32)
		metric, err2 := strconv.ParseUint(f[6], 10, 32)
		if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil || flags&routeUp == 0 || flags&routeReject != 0 {
			continue
		}
		m := mask.As4()
		prefix := bits.OnesCount32(binary.BigEndian.Uint32(m[:]))
		r := Route{Destination: netip.PrefixFrom(destination, prefix).String(), NIC: f[0], Metric: uint32(metric), Version: 4}
		if !gateway.IsUnspecified() {
			r.Gateway = gateway.String()
		}
		out = append(out, r)
	}
	return out
}

func hex4(s string) (netip.Addr, bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 4 {
		return netip.Addr{}, false
	}
	slices.Reverse(raw) // as a little-endian machine writes it
	return netip.AddrFrom4([4]byte(raw)), true
}

// parseRoutes6 reads /proc/net/ipv6_route: the host's own addresses, multicast and what was only looked up are no routes.
func parseRoutes6(raw []byte) []Route {
	var out []Route
	for line := range bytes.Lines(raw) {
		f := strings.Fields(string(line))
		if len(f) < 10 {
			continue
		}
		destination, err1 := hex.DecodeString(f[0])
		prefix, err2 := strconv.ParseUint(f[1], 16, 8)
		gateway, err3 := hex.DecodeString(f[4])
		metric, err4 := strconv.ParseUint(f[5], 16, 32)
		flags, err5 := strconv.ParseUint(f[8], 16, 32)
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil || len(destination) != 16 || len(gateway) != 16 || prefix > 128 {
			continue
		}
		to, via := netip.AddrFrom16([16]byte(destination)), netip.AddrFrom16([16]byte(gateway))
		if flags&routeUp == 0 || flags&(routeReject|routeCache|routeLocal) != 0 || f[9] == "lo" || to.IsMulticast() {
			continue
		}
		r := Route{Destination: netip.PrefixFrom(to, int(prefix)).String(), NIC: f[9], Metric: uint32(metric), Version: 6}
		if !via.IsUnspecified() {
			r.Gateway = via.String()
		}
		out = append(out, r)
	}
	return out
}
