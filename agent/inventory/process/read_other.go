//go:build !linux

package process

import (
	"errors"
	"io"
	"os"
)

func readFile(path string, buf []byte) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	n, err = io.ReadFull(f, buf)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

func list(path string, _ []byte, each func(name string)) error {
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		each(e.Name())
	}
	return err
}
