package peers

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const cyrusIMAP = `
configdirectory: %[1]s/db
partition-default: %[1]s/spool
defaultpartition: default
cyrus_user: %[4]s
cyrus_group: %[4]s
servername: localhost
admins: cyrus
mboxname_lockpath: %[1]s/run/lock
proc_path: %[1]s/run/proc
temp_path: %[1]s/tmp
idlesocket: %[1]s/run/idle
notifysocket: %[1]s/run/notify
allowplaintext: yes
failedloginpause: 0
virtdomains: off
unixhierarchysep: yes
altnamespace: yes
autocreate_users: anyone
autocreate_quota: 10485760
autocreate_inbox_folders: Archive|Drafts|Junk|Sent|Trash
autocreate_subscribe_folders: Archive|Drafts|Junk|Sent|Trash
xlist-archive: Archive
xlist-drafts: Drafts
xlist-junk: Junk
xlist-sent: Sent
xlist-trash: Trash
annotation_allow_undefined: yes
annotation_enable_legacy_commands: yes
conversations: yes
expunge_mode: immediate
delete_mode: immediate
statuscache: yes
maxlogins_per_user: 0
skiplist_unsafe: yes
tls_server_cert: %[2]s
tls_server_key: %[3]s
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: %[1]s/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512
`

// CyrusIMAP starts an instance of Cyrus, which serves imap and imaps with all
// extensions that Debian's has. The mailboxes of alice and bob are made when
// they log in, and LIST writes their special uses in lower case. The user cyrus
// is the administrator, with the same password.
func CyrusIMAP(t testing.TB, cert *Certificate) *Daemon {
	t.Helper()
	const bin = "/usr/lib/cyrus/bin/"
	master := needFile(t, bin+"master", "cyrus-common")
	needFile(t, bin+"imapd", "cyrus-imapd")
	needFile(t, bin+"idled", "cyrus-imapd")
	saslpasswd := Need(t, "saslpasswd2", "sasl2-bin")
	NeedRoot(t, "Cyrus")
	d := &Daemon{Dir: Dir(t, ""), Ports: map[string]int{"imap": Port(t), "imaps": Port(t)}}
	d.folders(t, "db/socket", "db", "spool", "run", "tmp")
	config := Write(t, filepath.Join(d.Dir, "imapd.conf"), fmt.Sprintf(cyrusIMAP, d.Dir, cert.CertFile, cert.KeyFile, owner))
	command := func(program, more string) string {
		return fmt.Sprintf("%s -C %s%s", d.within(Unpacked(bin+program)), config, more)
	}
	services := Write(t, filepath.Join(d.Dir, "cyrus.conf"), fmt.Sprintf(`
START {
  recover cmd="%s"
}
SERVICES {
  imap cmd="%s" listen="127.0.0.1:%d" prefork=1
  imaps cmd="%s" listen="127.0.0.1:%d" prefork=0
}
DAEMON {
  idled cmd="%s"
}
`, command("ctl_cyrusdb", " -r"), command("imapd", ""), d.Ports["imap"], command("imapd", " -s"), d.Ports["imaps"], command("idled", "")))
	secrets := filepath.Join(d.Dir, "sasldb2")
	for _, user := range []string{Alice, Bob, "cyrus"} {
		out, err := Run(IMAPPassword, unpackedLibraries(), saslpasswd, "-f", secrets, "-c", "-p", "-u", "localhost", user)
		require.NoError(t, err, out)
	}
	chown(t, secrets, owner)
	d.run(t, d.namespace(t, fmt.Sprintf("exec %s -C %s -M %s -D -p %s/run/pid", d.within(master), config, services, d.Dir)))
	return d
}
