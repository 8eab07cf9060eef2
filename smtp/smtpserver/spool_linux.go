package smtpserver

import (
	"os"
	"syscall"
)

// openNameless opens a temporary file that never has a name, so that nothing is left
// of it however the process ends (open(2), O_TMPFILE). Not all file systems can.
func openNameless(dir string) (*os.File, error) {
	const oTmpfile = 0x400000 | syscall.O_DIRECTORY // which package syscall lacks
	return os.OpenFile(dir, os.O_RDWR|os.O_EXCL|oTmpfile, 0o600)
}
