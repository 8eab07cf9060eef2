package peers

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An IMAPAccount is an account of an IMAP server on loopback.
type IMAPAccount struct {
	Addr           string
	User, Password string
	CertFile       string // trusted for TLS from the first octet; empty: in the clear
}

// Account returns an account of DovecotIMAP or CyrusIMAP, with TLS if cert is
// not nil.
func (d *Daemon) Account(user string, cert *Certificate) IMAPAccount {
	a := IMAPAccount{Addr: d.Addr("imap"), User: user, Password: IMAPPassword}
	if cert != nil {
		a.Addr, a.CertFile = d.Addr("imaps"), cert.CertFile
	}
	return a
}

// An Mbsync keeps two IMAP accounts the same with mbsync, and remembers between
// its runs what it has done.
type Mbsync struct {
	t               testing.TB
	program, config string
}

// NewMbsync prepares mbsync for the mailboxes of two accounts that the patterns
// name: "*", or "INBOX". The direction is what Sync takes: "Pull" copies from far
// to near, "Push" from near to far, "All" both; see mbsync(1) for more. What is
// missing on one side is made; what is deleted on one is deleted and expunged on
// the other. mbsync adds the field X-TUID to the messages that it copies.
func NewMbsync(t testing.TB, far, near IMAPAccount, direction, patterns string) *Mbsync {
	t.Helper()
	m := &Mbsync{t: t, program: Need(t, "mbsync", "isync")}
	dir := Dir(t, "")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
	config := "FSync no\n\n"
	for _, side := range []struct {
		name string
		IMAPAccount
	}{{"far", far}, {"near", near}} {
		_, port, err := net.SplitHostPort(side.Addr)
		require.NoError(t, err)
		tls := "SSLType None\nAuthMechs LOGIN"
		if side.CertFile != "" {
			tls = "SSLType IMAPS\nCertificateFile " + side.CertFile
		}
		config += fmt.Sprintf("IMAPAccount %[1]s\nHost localhost\nPort %[2]s\nUser %[3]q\nPass %[4]q\n%[5]s\n\nIMAPStore %[1]s\nAccount %[1]s\n\n",
			side.name, port, side.User, side.Password, tls)
	}
	m.config = Write(t, filepath.Join(dir, "mbsyncrc"), config+fmt.Sprintf(
		"Channel all\nFar :far:\nNear :near:\nPatterns %s\nSync %s\nCreate Both\nRemove Both\nExpunge Both\nCopyArrivalDate yes\nSyncState %s/state/\n", patterns, direction, dir))
	return m
}

// Run synchronises once and returns how long it took.
func (m *Mbsync) Run() time.Duration {
	m.t.Helper()
	begin := time.Now()
	out, err := Run("", nil, m.program, "-c", m.config, "-a", "-q")
	require.NoError(m.t, err, out)
	return time.Since(begin)
}
