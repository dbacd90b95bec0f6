package network

import (
	"runtime"
	"slices"
	"testing"
)

// TestTheKernelTellsAddresses asks the kernel of the host that runs the test, which has a loopback adapter at least.
func TestTheKernelTellsAddresses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("netlink is Linux's")
	}
	all, err := addresses()
	if err != nil {
		t.Skip(err)
	}
	i := slices.IndexFunc(all, func(a Address) bool { return a.IP == "127.0.0.1" })
	if i < 0 || all[i] != (Address{IP: "127.0.0.1", Prefix: 8, Netmask: "255.0.0.0", Version: 4, NIC: "lo", Scope: "host"}) {
		t.Errorf("addresses %+v", all)
	}
}

func FuzzTexts(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.1 # x\nsearch a b\noptions edns0\n"))
	f.Add([]byte("eth0\t00000000\t0102010A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"))
	f.Add([]byte("fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		parseResolver(b)
		parseRoutes4(b)
		parseRoutes6(b)
		netlink(b)
	})
}
