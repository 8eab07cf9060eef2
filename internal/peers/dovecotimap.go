package peers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// DovecotOptions adjusts DovecotIMAP. Nil and the zero value mean the defaults.
type DovecotOptions struct {
	Accounts []string // more than alice and bob, with the same password
	Sdbox    bool     // mailboxes are sdbox instead of Maildir
	NoSync   bool     // without fsync, for benchmarks
	Settings string   // more lines of the configuration, which override others
}

// oauthKey signs the tokens that DovecotIMAP accepts.
const oauthKey = "a key that only tests have, 32 octets long at least"

const dovecotIMAP = `
base_dir = %[1]s/run
state_dir = %[1]s/run
log_path = %[1]s/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <%[2]s
ssl_key = <%[3]s
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 oauthbearer xoauth2
auth_failure_delay = 0
stats_writer_socket_path =
first_valid_uid = 1
first_valid_gid = 1
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
mail_location = %[5]s
mail_fsync = %[6]s
mail_max_userip_connections = 100
mail_plugins = acl quota
mail_attribute_dict = file:%%h/attributes
imap_urlauth_host = localhost
imap_urlauth_port = %[7]d
passdb {
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = %[1]s/oauth2
}
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
  args = %[1]s/users
}
userdb {
  driver = passwd-file
  args = %[1]s/users
  default_fields = uid=%[4]s gid=%[4]s home=%[1]s/mail/%%n
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Archive {
    auto = subscribe
    special_use = \Archive
  }
  mailbox Drafts {
    auto = subscribe
    special_use = \Drafts
  }
  mailbox Junk {
    auto = subscribe
    special_use = \Junk
  }
  mailbox Sent {
    auto = subscribe
    special_use = \Sent
  }
  mailbox Trash {
    auto = subscribe
    special_use = \Trash
  }
}
namespace shared {
  type = shared
  separator = /
  prefix = shared/%%%%u/
  location = %[9]s
  subscriptions = no
  list = children
}
plugin {
  acl = vfile
  acl_shared_dict = file:%[1]s/mail/shared
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=10G
}
protocol imap {
  mail_plugins = $mail_plugins imap_acl imap_quota imap_zlib
  imap_metadata = yes
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service dict {
  unix_listener dict {
    mode = 0666
  }
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = %[7]d
  }
  inet_listener imaps {
    port = %[8]d
  }
}
service imap {
  service_count = 100
  process_min_avail = 1
  process_limit = 200
}
service imap-urlauth-login {
  chroot =
}
%[10]s
`

// DovecotIMAP starts an instance of Dovecot, which serves imap and imaps, with
// all extensions and mechanisms that Debian's has.
func DovecotIMAP(t testing.TB, cert *Certificate, o *DovecotOptions) *Daemon {
	t.Helper()
	program := Need(t, "dovecot", "dovecot-imapd")
	needFile(t, "/usr/lib/dovecot/imap", "dovecot-imapd")
	NeedRoot(t, "Dovecot")
	if o == nil {
		o = &DovecotOptions{}
	}
	d := &Daemon{Dir: Dir(t, ""), Ports: map[string]int{"imap": Port(t), "imaps": Port(t)}}
	d.Logs = []string{filepath.Join(d.Dir, "log")}
	d.folders(t, "mail")
	var users strings.Builder
	for _, name := range append([]string{Alice, Bob}, o.Accounts...) {
		fmt.Fprintf(&users, "%s:{PLAIN}%s::::::\n", name, IMAPPassword)
	}
	Write(t, filepath.Join(d.Dir, "users"), users.String())
	keys := filepath.Join(d.Dir, "keys/default/HS256")
	require.NoError(t, os.MkdirAll(keys, 0o755))
	Write(t, filepath.Join(keys, "default"), base64.StdEncoding.EncodeToString([]byte(oauthKey)))
	Write(t, filepath.Join(d.Dir, "oauth2"), fmt.Sprintf("introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=%s/keys/\nusername_attribute = sub\n", d.Dir))
	location, shared, fsync := "maildir:%h/Maildir", "maildir:%%h/Maildir:INDEX=~/shared/%%u", "optimized"
	if o.Sdbox {
		location, shared = "sdbox:%h/sdbox", "sdbox:%%h/sdbox"
	}
	if o.NoSync {
		fsync = "never"
	}
	config := Write(t, filepath.Join(d.Dir, "dovecot.conf"), fmt.Sprintf(dovecotIMAP, d.Dir, cert.CertFile, cert.KeyFile, owner,
		location, fsync, d.Ports["imap"], d.Ports["imaps"], shared, o.Settings))
	d.run(t, exec.Command(program, "-F", "-c", config))
	return d
}

// Token returns a token with which a user of DovecotIMAP can log in by
// OAUTHBEARER and XOAUTH2 (RFC 7519).
func Token(user string) string {
	encode := base64.RawURLEncoding.EncodeToString
	now := time.Now()
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		encode(fmt.Appendf(nil, `{"sub":%q,"iat":%d,"nbf":%[2]d,"exp":%d}`, user, now.Unix(), now.Add(time.Hour).Unix()))
	mac := hmac.New(sha256.New, []byte(oauthKey))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}
