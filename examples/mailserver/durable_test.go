package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the first start writes is for its owner, except for the certificate, and
// nothing is left in part. The next start finds it.
func TestFirstStartFiles(t *testing.T) {
	c := &config{data: t.TempDir(), listen: "127.0.0.1"}
	first, path, err := accounts(c)
	require.NoError(t, err)
	_, certificate, err := tlsConfig(c)
	require.NoError(t, err)
	modes := map[string]os.FileMode{}
	entries, err := os.ReadDir(c.data)
	require.NoError(t, err)
	for _, e := range entries {
		fi, err := e.Info()
		require.NoError(t, err)
		modes[e.Name()] = fi.Mode().Perm() &^ 0o044 // as the umask wants it
	}
	require.Equal(t, map[string]os.FileMode{"passwords": 0o600, "tls-cert.pem": 0o600, "tls-key.pem": 0o600}, modes)
	for _, secret := range []string{path, filepath.Join(c.data, "tls-key.pem")} {
		fi, err := os.Stat(secret)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, fi.Mode().Perm())
	}
	require.FileExists(t, certificate)
	again, _, err := accounts(c)
	require.NoError(t, err)
	require.Equal(t, first, again)
	_, _, err = tlsConfig(c)
	require.NoError(t, err)

	// Passwords that can't be written are not left in part, and not announced.
	full := &config{data: filepath.Join(t.TempDir(), "none")}
	_, _, err = accounts(full)
	require.ErrorIs(t, err, os.ErrNotExist)
}
