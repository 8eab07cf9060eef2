package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// eximConfig delivers mail for example.net to maildirs named after the user.
const eximConfig = `
exim_path = %[1]s/exim4
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = %[1]s/spool
log_file_path = %[1]s/log-%%slog
pid_file_path =
primary_hostname = exim.example.com
daemon_smtp_ports = %[2]d : %[3]d
tls_on_connect_ports = %[3]d
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = %[4]s
tls_privatekey = %[5]s
deliver_drop_privilege = true
keep_environment =
host_lookup =
rfc1413_hosts =
recipient_unqualified_hosts =
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
pipelining_connect_advertise_hosts =
dsn_advertise_hosts = *
message_size_limit = 25M
smtp_accept_max_per_connection = 0
smtp_enforce_sync = true
allow_utf8_domains = true
check_rfc2047_length = false
queue_run_max = 1
split_spool_directory = false
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
%[6]s
begin acl
rcpt:
  accept domains = example.net
         local_parts = bob : carol
  accept domains = *.relay : example.org
  deny   message = unknown user

begin routers
%[7]s
maildirs:
  driver = accept
  domains = example.net
  local_parts = bob : carol
  transport = maildir

begin transports
%[8]s
maildir:
  driver = appendfile
  maildir_format
  create_directory
  directory = %[1]s/mail/$local_part_data
  user = Debian-exim
  envelope_to_add
  return_path_add

begin retry
* * F,1h,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{alice}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
  client_condition = ${if eq{$host_port}{0}{no}{yes}}
  client_send = ^alice^secret
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and{{eq{$auth1}{alice}}{eq{$auth2}{secret}}}}
  server_set_id = $auth1
  client_send = : alice : secret
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{alice}{secret}fail}
  server_set_id = $auth1
  client_name = alice
  client_secret = secret
`

// Exim starts an instance of Exim, with more settings, routers and transports.
// It serves smtp and smtps.
func Exim(t testing.TB, cert *Certificate, settings, routers, transports string) *Daemon {
	t.Helper()
	program := Need(t, "exim4", "exim4-daemon-light")
	NeedRoot(t, "Exim")
	d := &Daemon{Dir: Dir(t, "Debian-exim"), Ports: map[string]int{"smtp": Port(t), "smtps": Port(t)}}
	for _, log := range []string{"main", "panic", "reject"} {
		d.Logs = append(d.Logs, filepath.Join(d.Dir, "log-"+log+"log"))
	}
	config := Write(t, filepath.Join(d.Dir, "exim.conf"), fmt.Sprintf(eximConfig, d.Dir, d.Ports["smtp"], d.Ports["smtps"], cert.CertFile, cert.KeyFile, settings, routers, transports))
	// It starts itself again as its own user, who may not reach the program.
	binary, err := os.ReadFile(program)
	require.NoError(t, err)
	program = filepath.Join(d.Dir, "exim4")
	require.NoError(t, os.WriteFile(program, binary, 0o755))
	d.run(t, exec.Command(program, "-C", config, "-bdf", "-q2s"))
	return d
}
