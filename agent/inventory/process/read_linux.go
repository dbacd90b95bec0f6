package process

import (
	"errors"

	"golang.org/x/sys/unix"
)

// readFile fills buf from the start of a file. It is os.ReadFile without what makes a file fit for other uses, as a look reads many.
func readFile(path string, buf []byte) (n int, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	for n < len(buf) {
		m, err := unix.Read(fd, buf[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || m <= 0 {
			return n, errors.Join(err, unix.Close(fd))
		}
		n += m
	}
	return n, unix.Close(fd)
}

// list calls each with the names in a folder.
func list(path string, buf []byte, each func(name string)) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	names := make([]string, 0, 64)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n <= 0 {
			return errors.Join(err, unix.Close(fd))
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names[:0])
		for _, name := range names {
			each(name)
		}
	}
}
