package smtpserver_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A message in a temporary file never has a name that a killed server would leave.
func TestSpoolNameless(t *testing.T) {
	const oTmpfile = 0x400000 | syscall.O_DIRECTORY
	st, d := store(t, nil, "alice")
	d.TempDir = t.TempDir()
	f, err := os.OpenFile(d.TempDir, os.O_RDWR|oTmpfile, 0o600)
	if err != nil {
		t.Skip("the file system has no O_TMPFILE: ", err)
	}
	f.Close()
	watch, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Skip("no inotify: ", err)
	}
	defer syscall.Close(watch)
	_, err = syscall.InotifyAddWatch(watch, d.TempDir, syscall.IN_CREATE|syscall.IN_DELETE)
	require.NoError(t, err)

	k := talk(t, start(t, &smtpserver.Server{Backend: d}))
	k.do("EHLO c", "250")
	message := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("y", 70)+"\r\n", 2000)
	k.send("", []string{"alice@example.org"}, message, "250")
	got := stored(t, st, "alice")
	require.Len(t, got, 1)
	require.True(t, strings.HasSuffix(got[0], message))

	_, err = syscall.Read(watch, make([]byte, 4096))
	require.ErrorIs(t, err, syscall.EAGAIN, "a file was created")
	require.DirExists(t, d.TempDir)
}
