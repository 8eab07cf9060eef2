//go:build !unix

package main

import "os"

// lockFile only opens the file: two copies at a time are up to the user.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
