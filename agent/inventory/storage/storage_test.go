package storage

import (
	"testing"
)

func FuzzTexts(f *testing.F) {
	f.Add([]byte("/dev/sda2 / ext4 rw,relatime 0 0\nfiler:/x /mnt/my\\040share nfs4 rw 0 0\n"), "/")
	f.Add([]byte("E:ID_SERIAL_SHORT=x\nS:y\n"), "/host")
	f.Add([]byte("\x00\x80\x00\x04abcd"), "")
	f.Fuzz(func(t *testing.T, b []byte, root string) {
		for _, m := range parseMounts(b, root) {
			if m.Point == "" || m.Point[0] != '/' {
				t.Errorf("%+v", m)
			}
		}
		parseUdev(b)
		parseVPD(b)
	})
}
