//go:build !linux

package storage

func sizeOf(string) uint64 { return 0 }
