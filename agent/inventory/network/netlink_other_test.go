//go:build !linux

package network

func netlink([]byte) {}
