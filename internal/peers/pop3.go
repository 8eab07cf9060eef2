package peers

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The account that the POP3 servers have.
const (
	POP3User     = "mrose"
	POP3Password = "tanstaaf"
)

// owner replaces the users that the packages of POP3 servers create, and owns
// their mail.
const owner = "news"

// needFile returns the path of a file of a Debian package.
func needFile(t testing.TB, path, debianPackage string) string {
	t.Helper()
	p := Unpacked(path)
	if p == "" {
		Missing(t, fmt.Sprintf("%s (Debian package %s)", path, debianPackage))
	}
	return p
}

// libraries is the environment in which programs find the libraries that are
// unpacked in root.
func libraries(root string, more ...string) []string {
	dirs := append(more, "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib")
	for i, dir := range dirs {
		dirs[i] = filepath.Join(root, dir)
	}
	return append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(dirs, ":"))
}

// unpackedLibraries is libraries outside of a namespace.
func unpackedLibraries() []string { return libraries(filepath.Join(folder(), "root")) }

// namespace returns a command that runs a shell script in a mount namespace of
// its own, where the unpacked packages are at root, a folder that every user can
// reach: not every daemon stays root before it starts a program. See within.
func (d *Daemon) namespace(t testing.TB, script string, more ...string) *exec.Cmd {
	t.Helper()
	if out, err := Run("", nil, "unshare", "-m", "true"); err != nil {
		Missing(t, "the right to make mount namespaces ("+strings.TrimSpace(out)+")")
	}
	from, to := filepath.Join(folder(), "root"), filepath.Join(d.Dir, "root")
	if _, err := os.Stat(from); err == nil {
		require.NoError(t, os.Mkdir(to, 0o755))
		script = fmt.Sprintf("mount --bind '%s' '%s'\n", from, to) + script
	}
	cmd := exec.Command("unshare", "-m", "sh", "-e", "-c", script)
	cmd.Env = libraries(to, more...)
	return cmd
}

// within returns where a program is in the namespace.
func (d *Daemon) within(program string) string {
	if rest, ok := strings.CutPrefix(program, filepath.Join(folder(), "root")+"/"); ok {
		return filepath.Join(d.Dir, "root", rest)
	}
	return program
}

// folders makes folders that belong to the owner.
func (d *Daemon) folders(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		require.NoError(t, os.MkdirAll(filepath.Join(d.Dir, name), 0o755))
		chown(t, filepath.Join(d.Dir, name), owner)
	}
}

// fill writes messages into a Maildir, which has LF line ends. Their order is
// that of the names.
func (d *Daemon) fill(t testing.TB, dir string, messages []Message) {
	t.Helper()
	d.folders(t, dir, filepath.Join(dir, "cur"), filepath.Join(dir, "new"), filepath.Join(dir, "tmp"))
	for i, m := range messages {
		name := filepath.Join(d.Dir, dir, "cur", fmt.Sprintf("%d.M%dP1.here:2,", 1700000000+i, i))
		chown(t, Write(t, name, strings.ReplaceAll(m.Text, "\r\n", "\n")), owner)
	}
}

// DovecotPOP3 serves pop3 and pop3s, with the messages in a Maildir and every
// mechanism that it has for passwords.
func DovecotPOP3(t testing.TB, cert *Certificate, messages []Message) *Daemon {
	t.Helper()
	program := Need(t, "dovecot", "dovecot-pop3d")
	needFile(t, "/usr/lib/dovecot/pop3", "dovecot-pop3d")
	NeedRoot(t, "Dovecot")
	d := &Daemon{Dir: Dir(t, ""), Ports: map[string]int{"pop3": Port(t), "pop3s": Port(t)}}
	d.Logs = []string{filepath.Join(d.Dir, "log")}
	d.fill(t, "mail", messages)
	Write(t, filepath.Join(d.Dir, "users"), POP3User+":{PLAIN}"+POP3Password+"\n")
	config := Write(t, filepath.Join(d.Dir, "dovecot.conf"), fmt.Sprintf(`
base_dir = %[1]s/run
state_dir = %[1]s/run
log_path = %[1]s/log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <%[2]s
ssl_key = <%[3]s
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 digest-md5 apop scram-sha-1 scram-sha-256
auth_failure_delay = 0
pop3_lock_session = yes
mail_location = maildir:%[1]s/mail
first_valid_uid = 1
first_valid_gid = 1
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
passdb {
  driver = passwd-file
  args = %[1]s/users
}
userdb {
  driver = static
  args = uid=%[4]s gid=%[4]s home=%[1]s/mail
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = %[5]d
  }
  inet_listener pop3s {
    port = %[6]d
  }
}
`, d.Dir, cert.CertFile, cert.KeyFile, owner, d.Ports["pop3"], d.Ports["pop3s"]))
	d.run(t, exec.Command(program, "-F", "-c", config))
	return d
}

// CyrusPOP3 serves pop3 and pop3s, with messages that were delivered by LMTP:
// it has prepended fields to them.
func CyrusPOP3(t testing.TB, cert *Certificate, messages []Message) *Daemon {
	t.Helper()
	const bin = "/usr/lib/cyrus/bin/"
	master := needFile(t, bin+"master", "cyrus-common")
	needFile(t, bin+"pop3d", "cyrus-pop3d")
	saslpasswd := Need(t, "saslpasswd2", "sasl2-bin")
	NeedRoot(t, "Cyrus")
	d := &Daemon{Dir: Dir(t, ""), Ports: map[string]int{"pop3": Port(t), "pop3s": Port(t)}}
	d.folders(t, "db", "spool", "run", "tmp")
	config := Write(t, filepath.Join(d.Dir, "imapd.conf"), fmt.Sprintf(`
configdirectory: %[1]s/db
partition-default: %[1]s/spool
defaultpartition: default
cyrus_user: %[4]s
cyrus_group: %[4]s
servername: localhost
mboxname_lockpath: %[1]s/run/lock
proc_path: %[1]s/run/proc
temp_path: %[1]s/tmp
lmtpsocket: %[1]s/run/lmtp
idlesocket: %[1]s/run/idle
notifysocket: %[1]s/run/notify
allowplaintext: yes
allowapop: yes
popminpoll: 0
failedloginpause: 0
autocreate_quota: 0
autocreate_post: yes
tls_server_cert: %[2]s
tls_server_key: %[3]s
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: %[1]s/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-512
`, d.Dir, cert.CertFile, cert.KeyFile, owner))
	command := func(program, more string) string {
		return fmt.Sprintf("%s -C %s%s", d.within(Unpacked(bin+program)), config, more)
	}
	services := Write(t, filepath.Join(d.Dir, "cyrus.conf"), fmt.Sprintf(`
START {
  recover cmd="%s"
}
SERVICES {
  pop3 cmd="%s" listen="127.0.0.1:%d" prefork=0
  pop3s cmd="%s" listen="127.0.0.1:%d" prefork=0
  lmtpunix cmd="%s" listen="%s/run/lmtp" prefork=0
}
EVENTS {
}
`, command("ctl_cyrusdb", " -r"), command("pop3d", ""), d.Ports["pop3"], command("pop3d", " -s"), d.Ports["pop3s"], command("lmtpd", ""), d.Dir))
	secrets := filepath.Join(d.Dir, "sasldb2")
	out, err := Run(POP3Password, unpackedLibraries(), saslpasswd, "-f", secrets, "-c", "-p", "-u", "localhost", POP3User)
	require.NoError(t, err, out)
	chown(t, secrets, owner)
	d.run(t, d.namespace(t, fmt.Sprintf("exec %s -C %s -M %s -D -p %s/run/pid", d.within(master), config, services, d.Dir)))
	deliver(t, filepath.Join(d.Dir, "run/lmtp"), messages)
	return d
}

// deliver delivers messages to the account by LMTP (RFC 2033).
func deliver(t testing.TB, socket string, messages []Message) {
	t.Helper()
	nc, err := net.Dial("unix", socket)
	require.NoError(t, err)
	defer nc.Close()
	r := bufio.NewReader(nc)
	say := func(line, want string) {
		t.Helper()
		_, err := nc.Write([]byte(line))
		require.NoError(t, err)
		for {
			reply, err := r.ReadString('\n')
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(reply, want), "%.80q is answered by %q", line, reply)
			if reply[3] == ' ' {
				return
			}
		}
	}
	say("", "220")
	say("LHLO here.example.org\r\n", "250")
	for _, m := range messages {
		say("MAIL FROM:<alice@example.org>\r\n", "250")
		say("RCPT TO:<"+POP3User+">\r\n", "250")
		say("DATA\r\n", "354")
		text := strings.ReplaceAll("\n"+m.Text, "\n.", "\n..")[1:]
		say(text+".\r\n", "250")
	}
	say("QUIT\r\n", "221")
}

// CourierPOP3 serves pop3 and pop3s, with the messages in a Maildir. The paths
// of its configuration are compiled in, so that it runs in a mount namespace of
// its own with other files at these paths.
func CourierPOP3(t testing.TB, cert *Certificate, messages []Message) *Daemon {
	t.Helper()
	const lib = "/usr/lib/courier/"
	tcpd := Need(t, "couriertcpd", "courier-base")
	couriertls := Need(t, "couriertls", "courier-base")
	login := needFile(t, lib+"courier/courierpop3login", "courier-pop")
	pop3d := needFile(t, lib+"courier/courierpop3d", "courier-pop")
	authd := needFile(t, lib+"courier-authlib/authdaemond", "courier-authlib")
	makedat := needFile(t, lib+"courier-authlib/makedatprog", "courier-authlib")
	needFile(t, "/usr/lib/courier-authlib/libauthuserdb.so", "courier-authlib-userdb")
	userdbpw := Need(t, "userdbpw", "courier-authlib-userdb")
	NeedRoot(t, "Courier")
	d := &Daemon{Dir: Dir(t, ""), Ports: map[string]int{"pop3": Port(t), "pop3s": Port(t)}}
	d.fill(t, "home/Maildir", messages)
	d.folders(t, "home")
	etc := filepath.Join(d.Dir, "etc/courier")
	for _, dir := range []string{etc, filepath.Join(d.Dir, "run/courier/authdaemon")} {
		require.NoError(t, os.MkdirAll(dir, 0o755))
	}
	for _, name := range []string{"passwd", "group", "hosts", "services", "nsswitch.conf", "ld.so.cache"} {
		if b, err := os.ReadFile(filepath.Join("/etc", name)); err == nil {
			Write(t, filepath.Join(d.Dir, "etc", name), string(b))
		}
	}
	passwd, err := os.OpenFile(filepath.Join(d.Dir, "etc/passwd"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = fmt.Fprintf(passwd, "courier:x:%d:%[1]d::/:/bin/false\n", ids(t)) // whose name is compiled in
	require.NoError(t, err)
	require.NoError(t, passwd.Close())
	Write(t, filepath.Join(etc, "authdaemonrc"), `
authmodulelist="authuserdb"
daemons=3
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
LOGGEROPTS=""
`)
	run := func(stdin, program string, args ...string) string {
		out, err := Run(stdin, unpackedLibraries(), program, args...)
		require.NoError(t, err, out)
		return strings.TrimSpace(out)
	}
	entry := func(file, fields string) {
		run(POP3User+"\t"+fields+"\n\n.\n", makedat, "-", filepath.Join(etc, "new"), filepath.Join(etc, file))
	}
	entry("userdb.dat", fmt.Sprintf("uid=%d|gid=%[1]d|home=%s/home|_=", ids(t), d.Dir))
	entry("userdbshadow.dat", fmt.Sprintf("systempw=%s|hmac-md5pw=%s", run(POP3Password+"\n", userdbpw, "-md5"), run(POP3Password+"\n", userdbpw, "-hmac-md5")))
	var both string
	for _, name := range []string{cert.CertFile, cert.KeyFile} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		both += string(b)
	}
	script := fmt.Sprintf(`
mount --bind %[1]s/etc /etc
mount --bind %[1]s/run /run
%[2]s & all=$!
until [ -e /run/courier/authdaemon/socket ]; do sleep 0.05; done
export POP3AUTH="PLAIN LOGIN CRAM-MD5" POP3AUTH_TLS="PLAIN LOGIN CRAM-MD5" POP3_PROXY=0 MAILDIRPATH=Maildir
export COURIERTLS=%[3]s TLS_CERTFILE=%[4]s TLS_VERIFYPEER=NONE TLS_TRUSTCERTS= POP3_TLS_REQUIRED=0
options="-address=127.0.0.1 -maxprocs=40 -maxperip=40 -nodnslookup -noidentlookup"
POP3_STARTTLS=YES %[5]s $options %[6]d %[7]s %[8]s Maildir & all="$all $!"
POP3_TLS=1 POP3_STARTTLS=NO %[5]s $options %[9]d %[3]s -server -tcpd %[7]s %[8]s Maildir & all="$all $!"
trap "kill $all" TERM
wait
`, d.Dir, d.within(authd), d.within(couriertls), Write(t, filepath.Join(etc, "pop3d.pem"), both), d.within(tcpd),
		d.Ports["pop3"], d.within(login), d.within(pop3d), d.Ports["pop3s"])
	d.run(t, d.namespace(t, script, "/usr/lib/courier-authlib"))
	return d
}

// ids returns the numeric ID of the owner, which is also that of its group.
func ids(t testing.TB) int {
	u, err := user.Lookup(owner)
	if err != nil {
		Missing(t, "the user "+owner)
	}
	id, err := strconv.Atoi(u.Uid)
	require.NoError(t, err)
	return id
}
