package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// postfixUser and postfixGroup replace those of the package, which may not
// exist: any unprivileged user that nothing else runs as will do.
const postfixUser, postfixGroup = "news", "uucp"

// postfixBase are the settings that every instance has. Mail for example.net is
// delivered to maildirs named after the user; nobody@example.net is unknown.
const postfixBase = `
compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = /
command_directory = %[2]s
daemon_directory = %[3]s/sbin
shlib_directory = %[3]s
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LD_LIBRARY_PATH
mail_owner = %[4]s
setgid_group = %[5]s
default_privs = nobody
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.example.com
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
biff = no
smtputf8_enable = yes
virtual_mailbox_domains = example.net
virtual_mailbox_maps = inline:{bob@example.net=bob/, carol@example.net=carol/, bücher@example.net=buecher/}
virtual_mailbox_base = %[1]s/mail
virtual_mailbox_limit = 0
virtual_minimum_uid = 1
virtual_uid_maps = static:9
virtual_gid_maps = static:9
mailbox_size_limit = 0
message_size_limit = 25000000
header_size_limit = 1000000
smtp_line_length_limit = 0
lmtp_line_length_limit = 0
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtp_dns_support_level = disabled
smtp_host_lookup = native
notify_classes =
minimal_backoff_time = 1s
queue_run_delay = 1s
`

const postfixServices = `
127.0.0.1:%d inet n - n - - smtpd
127.0.0.1:%d inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// Postfix starts an instance of Postfix, with more settings for its main.cf and
// more lines for its master.cf. It serves smtp, and smtps if it has a
// certificate.
func Postfix(t testing.TB, cert *Certificate, settings, services string) *Daemon {
	t.Helper()
	command := Need(t, "postfix", "postfix")
	NeedRoot(t, "Postfix")
	lib := filepath.Join(filepath.Dir(command), "../lib/postfix")
	d := &Daemon{Dir: Dir(t, ""), Ports: map[string]int{"smtp": Port(t)}}
	d.Logs = []string{filepath.Join(d.Dir, "log")}
	smtps := Port(t)
	if cert != nil {
		d.Ports["smtps"] = smtps
		settings += fmt.Sprintf("\nsmtpd_tls_cert_file = %s\nsmtpd_tls_key_file = %s\nsmtpd_tls_security_level = may\nsmtp_tls_CAfile = %[1]s\n", cert.CertFile, cert.KeyFile)
	}
	Write(t, filepath.Join(d.Dir, "main.cf"), fmt.Sprintf(postfixBase, d.Dir, filepath.Dir(command), lib, postfixUser, postfixGroup)+settings+"\n")
	Write(t, filepath.Join(d.Dir, "master.cf"), fmt.Sprintf(postfixServices, d.Ports["smtp"], smtps)+services+"\n")
	for _, dir := range []string{"data", "mail", "spool/active", "spool/bounce", "spool/corrupt", "spool/defer", "spool/deferred", "spool/flush",
		"spool/hold", "spool/incoming", "spool/private", "spool/saved", "spool/trace", "spool/public", "spool/maildrop"} {
		require.NoError(t, os.MkdirAll(filepath.Join(d.Dir, dir), 0o755))
		chown(t, filepath.Join(d.Dir, dir), postfixUser)
		require.NoError(t, os.Chmod(filepath.Join(d.Dir, dir), 0o700))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(d.Dir, "spool/pid"), 0o755))
	cmd := exec.Command(filepath.Join(lib, "sbin/master"), "-c", d.Dir)
	cmd.Env = append(os.Environ(), "MAIL_CONFIG="+d.Dir, "LD_LIBRARY_PATH="+lib)
	d.run(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("master.cf has besides:\n%s\nmain.cf:\n%s", strings.TrimSpace(services), strings.TrimSpace(settings))
		}
	})
	return d
}
