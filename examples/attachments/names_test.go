package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"report.pdf":                      "report.pdf",
		"Grüße, 漢字.txt":                   "Grüße, 漢字.txt",
		"../../etc/passwd":                "passwd",
		`C:\Windows\system32\a.exe`:       "a.exe",
		"/":                               "",
		"..":                              "",
		".bashrc":                         "bashrc",
		" . x . ":                         "x",
		"a\x00b\x1b[2Jc\r\n":              "ab[2Jc",
		"annexe\u202efdp.exe":             "annexefdp.exe",
		"what?.txt":                       "what_.txt",
		"nul":                             "_nul",
		"Com1.txt":                        "_Com1.txt",
		"con.tar.gz":                      "_con.tar.gz",
		"console.txt":                     "console.txt",
		"\xff\xfe.txt":                    "_.txt",
		strings.Repeat("ä", 300) + ".txt": strings.Repeat("ä", 98) + ".txt",
	} {
		require.Equal(t, want, safe(in), "%q", in)
	}
}

func TestFileName(t *testing.T) {
	require.Equal(t, "message-7-1-2.eml", fileName(&message.Part{Type: "message", Subtype: "rfc822"}, 7, []int{1, 2}))
	require.Equal(t, "message-7-2.bin", fileName(&message.Part{Type: "application", Subtype: "x-of-nobody"}, 7, []int{2}))
}

func TestCreate(t *testing.T) {
	dir := t.TempDir()
	folder, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer folder.Close()
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link.txt")))
	for _, want := range []string{"a.txt", "a (2).txt", "a (3).txt"} {
		f, name, err := create(folder, "a.txt")
		require.NoError(t, err)
		require.Equal(t, want, name)
		require.NoError(t, f.Close())
	}
	f, name, err := create(folder, "link.txt")
	require.NoError(t, err)
	require.Equal(t, "link (2).txt", name)
	require.NoError(t, f.Close())
	_, _, err = create(folder, "../x")
	require.Error(t, err)
}
