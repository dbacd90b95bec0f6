//go:build !unix

package control

import "syscall"

// markOf knows no process here: the demo is for Unix systems.
func markOf(int) (string, bool) { return "", false }

func apart() *syscall.SysProcAttr { return nil }

func tied() *syscall.SysProcAttr { return nil }
