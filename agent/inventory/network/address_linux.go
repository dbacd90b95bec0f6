package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/picketmon/picket/checks"
)

// addresses asks the kernel.
func addresses() ([]Address, error) {
	raw, err := syscall.NetlinkRIB(unix.RTM_GETADDR, unix.AF_UNSPEC)
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPERM) {
		return nil, &checks.Gap{
			Reason: "the agent may not ask the kernel for addresses (netlink)", Cause: err,
			Fix: "systemctl edit picket-agent, add [Service] RestrictAddressFamilies=AF_NETLINK, then systemctl restart picket-agent",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for addresses: %w", err)
	}
	links, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for adapters: %w", err)
	}
	names := map[uint32]string{}
	for _, l := range links {
		names[uint32(l.Index)] = l.Name
	}
	return parseAddresses(raw, names)
}

// parseAddresses reads the kernel's answer to RTM_GETADDR. Temporary addresses, which IPv6 makes anew each day, are left out.
func parseAddresses(raw []byte, names map[uint32]string) ([]Address, error) {
	messages, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return nil, fmt.Errorf("read the kernel's addresses: %w", err)
	}
	var out []Address
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWADDR || len(m.Data) < unix.SizeofIfAddrmsg {
			continue
		}
		if a, ok := parseAddress(m.Data, names); ok {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, errNoAddresses
	}
	return out, nil
}

func parseAddress(data []byte, names map[uint32]string) (a Address, ok bool) {
	flags := uint32(data[2])
	a = Address{Prefix: int(data[1]), NIC: names[binary.NativeEndian.Uint32(data[4:])]}
	var local, peer []byte
	for rest := data[unix.SizeofIfAddrmsg:]; len(rest) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < unix.SizeofRtAttr || size > len(rest) {
			return a, false
		}
		value := rest[unix.SizeofRtAttr:size]
		switch binary.NativeEndian.Uint16(rest[2:]) {
		case unix.IFA_LOCAL:
			local = value
		case unix.IFA_ADDRESS:
			peer = value
		case unix.IFA_FLAGS:
			if len(value) == 4 {
				flags = binary.NativeEndian.Uint32(value)
			}
		}
		rest = rest[min(len(rest), (size+3)&^3):]
	}
	if local == nil {
		local = peer
	}
	ip, valid := netip.AddrFromSlice(local)
	if !valid || a.NIC == "" || flags&(unix.IFA_F_TEMPORARY|unix.IFA_F_TENTATIVE) != 0 && ip.Is6() {
		return a, false
	}
	a.IP, a.Version, a.Scope = ip.String(), 6, scopeOf(ip)
	a.Dynamic = flags&unix.IFA_F_PERMANENT == 0
	if ip.Is4() {
		a.Version, a.Netmask = 4, net.IP(net.CIDRMask(a.Prefix, 32)).String()
		a.Scope = map[uint8]string{unix.RT_SCOPE_UNIVERSE: "global", unix.RT_SCOPE_SITE: "site", unix.RT_SCOPE_LINK: "link", unix.RT_SCOPE_HOST: "host"}[data[3]]
	}
	return a, true
}
