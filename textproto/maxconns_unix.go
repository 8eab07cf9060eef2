//go:build unix

package textproto

import "syscall"

// maxConns is how many connections a Server serves by default: DefaultMaxConns, or as
// many as leave half of the file descriptors to whatever else the process does.
func maxConns() int {
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil {
		return DefaultMaxConns
	}
	return int(max(1, min(DefaultMaxConns, uint64(files.Cur)/2)))
}
