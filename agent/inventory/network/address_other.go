//go:build !linux

package network

import "errors"

func addresses() ([]Address, error) { return nil, errors.ErrUnsupported }
