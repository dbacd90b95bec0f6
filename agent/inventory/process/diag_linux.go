package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	sockDiagByFamily = 20 // SOCK_DIAG_BY_FAMILY
	diagRequest      = 56 // inet_diag_req_v2
)

// kernel asks the kernel for its sockets; the connection stays open.
type kernel struct {
	fd  int
	seq uint32
	buf []byte
	out []socket
}

func openKernel() (*kernel, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open a socket to the kernel: %w", err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2}); err != nil {
		return nil, errors.Join(fmt.Errorf("limit the kernel's time: %w", err), unix.Close(fd))
	}
	return &kernel{fd: fd, buf: make([]byte, 32<<10)}, nil
}

func (k *kernel) close() { _ = unix.Close(k.fd) }

// sockets returns all that listen; the slice is valid until the next call.
func (k *kernel) sockets() ([]socket, error) {
	out := k.out[:0]
	for _, tab := range tables {
		var err error
		if out, err = k.dump(out, tab.protocol, tab.udp, tab.six); err != nil {
			return nil, fmt.Errorf("ask the kernel for sockets of %s: %w", tab.protocol, err)
		}
	}
	k.out = out
	return out, nil
}

func (k *kernel) dump(out []socket, protocol string, udp, six bool) ([]socket, error) {
	k.seq++
	var req [unix.NLMSG_HDRLEN + diagRequest]byte
	binary.NativeEndian.PutUint32(req[0:], uint32(len(req)))
	binary.NativeEndian.PutUint16(req[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(req[8:], k.seq)
	body := req[unix.NLMSG_HDRLEN:]
	body[0], body[1] = unix.AF_INET, unix.IPPROTO_TCP
	if six {
		body[0] = unix.AF_INET6
	}
	states := uint32(1 << stateListen)
	if udp {
		body[1], states = unix.IPPROTO_UDP, 1<<stateClose
	}
	binary.NativeEndian.PutUint32(body[4:], states)
	if err := unix.Sendto(k.fd, req[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, os.NewSyscallError("sendto", err)
	}
	for {
		n, _, err := unix.Recvfrom(k.fd, k.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, os.NewSyscallError("recvfrom", err)
		}
		for b := k.buf[:n]; len(b) >= unix.NLMSG_HDRLEN; {
			size := int(binary.NativeEndian.Uint32(b))
			if size < unix.NLMSG_HDRLEN || size > len(b) {
				return nil, errors.New("malformed answer")
			}
			if binary.NativeEndian.Uint32(b[8:]) == k.seq { // else left of a dump that was given up
				switch binary.NativeEndian.Uint16(b[4:]) {
				case unix.NLMSG_DONE:
					return out, nil
				case unix.NLMSG_ERROR:
					return nil, refusal(b[unix.NLMSG_HDRLEN:size])
				}
				if s, ok := parseDiag(b[unix.NLMSG_HDRLEN:size], protocol, six); ok {
					out = append(out, s)
				}
			}
			b = b[min(len(b), (size+3)&^3):]
		}
	}
}

func refusal(b []byte) error {
	if len(b) < 4 {
		return errors.New("malformed error")
	}
	return os.NewSyscallError("netlink", unix.Errno(-int32(binary.NativeEndian.Uint32(b))))
}
