//go:build unix

package enroll

import (
	"errors"
	"os"
)

// hasModes says that file modes mean something here.
const hasModes = true

// syncDir makes a rename inside dir survive power loss.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
