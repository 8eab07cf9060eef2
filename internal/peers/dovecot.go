package peers

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

const dovecotLMTP = `
base_dir = %[1]s/run
state_dir = %[1]s/run
log_path = %[1]s/log
instance_name = %[1]s
protocols = lmtp
listen = 127.0.0.1
hostname = dovecot.example.net
postmaster_address = postmaster@example.net
ssl = yes
ssl_cert = <%[2]s
ssl_key = <%[3]s
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
auth_failure_delay = 0
auth_username_format = %%Ln
first_valid_uid = 1
mail_uid = mail
mail_gid = mail
mail_location = maildir:%[1]s/mail/%%n
mail_plugins = quota
lmtp_save_to_detail_mailbox = no
lmtp_rcpt_check_quota = no
passdb {
  driver = passwd-file
  args = scheme=PLAIN %[1]s/users
}
userdb {
  driver = passwd-file
  args = %[1]s/users
  default_fields = home=%[1]s/mail/%%n
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=1G
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
  chroot =
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = %[4]d
  }
}
service auth {
  unix_listener %[1]s/auth {
    mode = 0666
  }
}
`

// dovecotUsers are the accounts. The mailbox of full is over its quota.
const dovecotUsers = `alice:secret::::::
bob:secret::::::
carol:secret::::::
full:secret::::::userdb_quota_rule=*:bytes=100
`

// DovecotLMTP starts an instance of Dovecot, which serves lmtp and delivers to
// the maildirs mail/NAME. Its socket "auth" authenticates alice, whose password
// is "secret", for other servers.
func DovecotLMTP(t testing.TB, cert *Certificate) *Daemon {
	t.Helper()
	program := Need(t, "dovecot", "dovecot-lmtpd")
	if Unpacked("/usr/lib/dovecot/lmtp") == "" {
		Missing(t, "the LMTP server of Dovecot (Debian package dovecot-lmtpd)")
	}
	NeedRoot(t, "Dovecot")
	d := &Daemon{Dir: Dir(t, "mail"), Ports: map[string]int{"lmtp": Port(t)}}
	d.Logs = []string{filepath.Join(d.Dir, "log")}
	Write(t, filepath.Join(d.Dir, "users"), dovecotUsers)
	config := Write(t, filepath.Join(d.Dir, "dovecot.conf"), fmt.Sprintf(dovecotLMTP, d.Dir, cert.CertFile, cert.KeyFile, d.Ports["lmtp"]))
	d.run(t, exec.Command(program, "-F", "-c", config))
	return d
}
