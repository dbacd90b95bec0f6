//go:build !linux

package hardware

func texts([]byte, string) {}
