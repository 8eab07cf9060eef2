//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// lockFile locks a file until it is closed, or the process ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another copy of these accounts is running (%s: %w)", path, err)
	}
	return f, nil
}
