package network

func netlink(b []byte) {
	_, _ = parseAddresses(b, map[uint32]string{1: "lo"})
	if len(b) >= 8 {
		parseAddress(b, map[uint32]string{1: "lo"})
	}
}
