package process

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strconv"

	"github.com/picketmon/picket/agent/inventory"
)

// socket is one that listens, or a UDP socket that takes from everybody.
type socket struct {
	protocol string // tcp, tcp6, udp, udp6
	address  netip.AddrPort
	uid      uint32
	inode    uint32
	cgroup   uint64 // 0 when the kernel does not tell
}

// key is the socket's identity as people know it: what is bound twice, with SO_REUSEPORT, is one.
func (s socket) key() string {
	return s.protocol + "/" + net.JoinHostPort(s.address.Addr().String(), strconv.Itoa(int(s.address.Port())))
}

const (
	stateListen = 10 // of TCP
	stateClose  = 7  // of UDP: bound, and connected to nobody
)

// tables are the kernel's tables of sockets by protocol, with the state that we look for.
var tables = []struct {
	protocol, file string
	udp, six       bool
}{{"tcp", "net/tcp", false, false}, {"tcp6", "net/tcp6", false, true}, {"udp", "net/udp", true, false}, {"udp6", "net/udp6", true, true}}

// readTables reads the sockets from procfs, for kernels that do not answer on netlink.
func readTables(t inventory.Trees) ([]socket, error) {
	var (
		out   []socket
		found bool
		first error
	)
	for _, tab := range tables {
		raw, err := inventory.ReadFile(t.InProc(tab.file), 0)
		if err != nil {
			if first == nil {
				first = err
			}
			continue // a kernel without IPv6
		}
		found = true
		out = append(out, parseTable(raw, tab.protocol, tab.udp)...)
	}
	if !found {
		return nil, first
	}
	return out, nil
}

// parseTable reads /proc/net/tcp and its like.
func parseTable(raw []byte, protocol string, udp bool) []socket {
	want := "0A"
	if udp {
		want = "07"
	}
	var out []socket
	for line := range bytes.Lines(raw) {
		f := bytes.Fields(line)
		if len(f) < 10 || string(f[3]) != want {
			continue
		}
		addr, err := parseHexAddress(string(f[1]))
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(string(f[7]), 10, 32)
		inode, err2 := strconv.ParseUint(string(f[9]), 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		out = append(out, socket{protocol: protocol, address: addr, uid: uint32(uid), inode: uint32(inode)})
	}
	return out
}

// parseHexAddress reads an address as procfs has it: words of 32 bits in the byte order of a little-endian machine.
func parseHexAddress(s string) (a netip.AddrPort, err error) {
	host, port, ok := bytes.Cut([]byte(s), []byte(":"))
	if !ok {
		return a, errors.New("no port")
	}
	raw, err := hex.DecodeString(string(host))
	if err != nil {
		return a, err
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.LittleEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(string(port), 16, 16)
	if !ok || err != nil {
		return a, errors.New("no address")
	}
	return netip.AddrPortFrom(ip, uint16(n)), nil
}

// Layout of the kernel's answer, linux/inet_diag.h.
const (
	diagMessage = 72 // inet_diag_msg
	attrCgroup  = 21 // INET_DIAG_CGROUP_ID
)

// parseDiag reads one inet_diag_msg with its attributes.
func parseDiag(b []byte, protocol string, six bool) (s socket, ok bool) {
	if len(b) < diagMessage {
		return s, false
	}
	ip := netip.AddrFrom4([4]byte(b[8:12]))
	if six {
		ip = netip.AddrFrom16([16]byte(b[8:24]))
	}
	if ip.IsLinkLocalUnicast() && six {
		if zone := binary.NativeEndian.Uint32(b[40:44]); zone != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(zone), 10))
		}
	}
	s = socket{
		protocol: protocol, address: netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[4:6])),
		uid: binary.NativeEndian.Uint32(b[64:68]), inode: binary.NativeEndian.Uint32(b[68:72]),
	}
	for rest := b[diagMessage:]; len(rest) >= 4; {
		n := int(binary.NativeEndian.Uint16(rest))
		if n < 4 || n > len(rest) {
			break
		}
		if binary.NativeEndian.Uint16(rest[2:]) == attrCgroup && n == 12 {
			s.cgroup = binary.NativeEndian.Uint64(rest[4:])
		}
		rest = rest[min(len(rest), (n+3)&^3):]
	}
	return s, s.address.Port() != 0
}
