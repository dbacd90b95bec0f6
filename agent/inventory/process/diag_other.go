//go:build !linux

package process

import "errors"

type kernel struct{}

func openKernel() (*kernel, error) { return nil, errors.ErrUnsupported }

func (k *kernel) close() {}

func (k *kernel) sockets() ([]socket, error) { return nil, errors.ErrUnsupported }
