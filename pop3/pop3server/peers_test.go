package pop3server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
)

// The tests of this file run other people's clients against the server. More of
// them, and the whole way of a message, are in internal/systemtest.

// A maildrop is what the clients read: one with the messages.
type maildrop struct {
	box         mailbox.Mailbox
	cert        *peers.Certificate
	messages    []peers.Message
	pop3, pop3s int // ports
	dir         string
}

func serveMessages(t *testing.T) *maildrop {
	t.Helper()
	if testing.Short() {
		t.Skip("left out in short mode")
	}
	t.Parallel()
	ctx := context.Background()
	store := memory.New(nil)
	require.NoError(t, store.CreateAccount(ctx, peers.POP3User))
	account, err := store.Account(ctx, peers.POP3User)
	require.NoError(t, err)
	m := &maildrop{cert: peers.NewCertificate(t), messages: peers.Messages(false), dir: t.TempDir()}
	m.box, err = account.Mailbox(ctx, mailbox.Inbox)
	require.NoError(t, err)
	for _, l := range m.messages {
		_, err := m.box.Append(ctx, mailbox.Incoming{Body: strings.NewReader(l.Text), Size: int64(len(l.Text))})
		require.NoError(t, err)
	}
	users := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true}
	require.NoError(t, users.Set(peers.POP3User, peers.POP3Password))
	srv := &pop3server.Server{Store: store, Authenticator: users, AllowInsecureAuth: true, Hostname: "localhost"}
	srv.TLSConfig, srv.Logger = m.cert.Server, slog.New(slog.DiscardHandler)
	port := func(addr string) int { return int(netip.MustParseAddrPort(addr).Port()) }
	m.pop3, m.pop3s = port(testutil.Serve(t, srv)), port(testutil.ServeTLS(t, srv))
	return m
}

// count returns how many messages the mailbox has.
func (m *maildrop) count(t *testing.T) int {
	t.Helper()
	st, err := m.box.Status(context.Background())
	require.NoError(t, err)
	return int(st.Messages)
}

// file writes a file of the test.
func (m *maildrop) file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// unix has the line ends that clients write to files.
func unix(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// run runs a client, which must succeed.
func run(t *testing.T, stdin string, program string, args ...string) string {
	t.Helper()
	out, err := peers.Run(stdin, nil, program, args...)
	require.NoError(t, err, "%.4000s", out)
	return out
}

// netPOP3 is a client with Perl's Net::POP3. Its arguments are the ports, the
// certificate, user, password and a folder for the messages.
const netPOP3 = `
use strict; use warnings; use Net::POP3; use Authen::SASL;
my ($port, $ssl, $cert, $user, $password, $dir) = @ARGV;
my %tls = (SSL_ca_file => $cert, SSL_verifycn_name => 'localhost');
sub check { my ($ok, $what) = @_; die "$what failed" unless $ok; }
sub plain { my $p = Net::POP3->new('127.0.0.1', Port => $port, Timeout => 30); check($p, 'connect'); return $p; }
my @ways = (
	['USER', sub { my $p = plain(); return ($p, $p->login($user, $password)); }],
	['APOP', sub { my $p = plain(); return ($p, $p->apop($user, $password)); }],
	['STLS', sub { my $p = plain(); check($p->starttls(%tls), 'STLS'); return ($p, $p->login($user, $password)); }],
	['pop3s', sub { my $p = Net::POP3->new('127.0.0.1', Port => $ssl, SSL => 1, Timeout => 30, %tls); check($p, 'TLS'); return ($p, $p->login($user, $password)); }],
);
for my $m ('PLAIN', 'LOGIN', 'CRAM-MD5') {
	push @ways, [$m, sub {
		my $p = plain();
		my $sasl = Authen::SASL->new(mechanism => $m, callback => { user => $user, pass => $password, authname => $user });
		return ($p, $p->auth($sasl, $password) ? $p->_get_mailbox_count : undef);
	}];
}
my $uids;
for my $way (@ways) {
	my ($p, $count) = $way->[1]->();
	check(defined $count, "$way->[0]: " . $p->message);
	my $list = $p->list; my $uidl = $p->uidl;
	check(keys %$list == $count && keys %$uidl == $count, "$way->[0]: list");
	my $all = join ' ', map { $uidl->{$_} } sort { $a <=> $b } keys %$uidl;
	$uids = $all unless defined $uids;
	check($uids eq $all, "$way->[0]: unique-ids");
	check($p->uidl(1) eq $uidl->{1} && $p->list(2) == $list->{2}, "$way->[0]: single listings");
	for my $n (1 .. $count) {
		open my $f, '>:raw', "$dir/$way->[0].$n"; print $f @{ $p->get($n) }; close $f;
	}
	open my $f, '>:raw', "$dir/$way->[0].fh"; check($p->get(1, $f), 'get to a file'); close $f;
	my $top = join '', @{ $p->top(2, 1) };
	check($top =~ /\n\n\.\n\z/, "$way->[0]: top: $top");
	my ($messages, $size) = $p->popstat;
	check($messages == $count && $size > 0, "$way->[0]: stat");
	check(!defined $p->get($count + 1), "$way->[0]: message that is not there");
	check($p->delete(1) && ($p->popstat)[0] == $count - 1, "$way->[0]: delete");
	$p->reset; # returns nothing
	check(($p->popstat)[0] == $count, "$way->[0]: reset");
	check($p->quit, "$way->[0]: quit");
}
my $p = plain();
check(!defined $p->login($user, 'wrong'), 'wrong password');
check(defined $p->login($user, $password), 'second try');
check($p->delete(1) && $p->quit, 'delete');
$p = plain();
my $count = $p->login($user, $password);
print "left $count\n";
$p->quit;
`

func TestPeerPerl(t *testing.T) {
	m := serveMessages(t)
	perl := peers.Need(t, "perl", "perl")
	if _, err := exec.Command(perl, "-MNet::POP3", "-MAuthen::SASL", "-MIO::Socket::SSL", "-MDigest::HMAC_MD5", "-e", "1").Output(); err != nil {
		peers.Missing(t, "what Net::POP3 needs (Debian packages perl, libauthen-sasl-perl, libio-socket-ssl-perl, libdigest-hmac-perl)")
	}
	out := run(t, netPOP3, perl, "-", strconv.Itoa(m.pop3), strconv.Itoa(m.pop3s), m.cert.CertFile, peers.POP3User, peers.POP3Password, m.dir)
	require.Contains(t, out, fmt.Sprintf("left %d\n", len(m.messages)-1))
	for _, way := range []string{"USER", "APOP", "STLS", "pop3s", "PLAIN", "LOGIN", "CRAM-MD5"} {
		for i, l := range m.messages {
			got, err := os.ReadFile(filepath.Join(m.dir, fmt.Sprintf("%s.%d", way, i+1)))
			require.NoError(t, err)
			require.Equal(t, unix(l.Text), unix(string(got)), "%s by %s", l.Name, way)
		}
	}
	require.Equal(t, len(m.messages)-1, m.count(t))
}

func TestPeerCurl(t *testing.T) {
	m := serveMessages(t)
	curl := peers.Need(t, "curl", "curl")
	login := []string{"-sS", "--fail", "--max-time", "60", "--cacert", m.cert.CertFile, "-u", peers.POP3User + ":" + peers.POP3Password}
	get := func(args ...string) string {
		t.Helper()
		return run(t, "", curl, append(slices.Clone(login), args...)...)
	}
	// Each way to log in, and all messages over one connection.
	for _, mechanism := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "+APOP", "*"} {
		for _, more := range [][]string{nil, {"--sasl-ir"}, {"--ssl-reqd"}} {
			if mechanism == "+APOP" && len(more) > 0 && more[0] == "--ssl-reqd" {
				continue // the greeting's stamp does not last
			}
			urls := append([]string{"--login-options", "AUTH=" + mechanism}, more...)
			out := get(append(urls, fmt.Sprintf("pop3://localhost:%d/[1-%d]", m.pop3, len(m.messages)))...)
			var all string
			for _, l := range m.messages {
				all += l.Text
			}
			require.Equal(t, all, strings.ReplaceAll(out, "--_curl_--", ""), "%s %v", mechanism, more)
		}
	}
	pop3s := fmt.Sprintf("pop3s://localhost:%d/", m.pop3s)
	require.Equal(t, len(m.messages), strings.Count(get(pop3s, "-X", "UIDL"), "\r\n"))
	require.Contains(t, get(pop3s, "-X", "CAPA"), "PIPELINING\r\n")
	header, _, _ := strings.Cut(m.messages[0].Text, "\r\n\r\n")
	require.Equal(t, header+"\r\n\r\n", get(pop3s, "-X", "TOP 1 0"))
	_, err := peers.Run("", nil, curl, append(slices.Clone(login), "-u", peers.POP3User+":wrong", pop3s)...)
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit) && exit.ExitCode() == 67, "%v", err) // CURLE_LOGIN_DENIED
	get(pop3s+"1", "-X", "DELE", "-l")
	require.Equal(t, len(m.messages)-1, m.count(t))
}

// mpop pipelines.
func TestPeerMpop(t *testing.T) {
	m := serveMessages(t)
	mpop := peers.Need(t, "mpop", "mpop")
	fetch := func(auth, keep, pipelining, uidls string) []string {
		t.Helper()
		mail := t.TempDir()
		for _, dir := range []string{"cur", "new", "tmp"} {
			require.NoError(t, os.Mkdir(filepath.Join(mail, dir), 0o700))
		}
		config := m.file(t, "mpoprc", fmt.Sprintf(
			"account default\nhost localhost\nport %d\ntls on\ntls_starttls on\ntls_trust_file %s\nauth %s\nuser %s\npassword %s\nkeep %s\npipelining %s\nreceived_header off\nuidls_file %s\ndelivery maildir %s\n",
			m.pop3, m.cert.CertFile, auth, peers.POP3User, peers.POP3Password, keep, pipelining, filepath.Join(m.dir, uidls), mail))
		run(t, "", mpop, "-C", config)
		names, err := filepath.Glob(filepath.Join(mail, "new", "*"))
		require.NoError(t, err)
		var got []string
		for _, name := range names {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			got = append(got, string(b))
		}
		return got
	}
	var want []string
	for _, l := range m.messages {
		want = append(want, unix(l.Text))
	}
	for _, auth := range []string{"user", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"} {
		for _, pipelining := range []string{"on", "off"} {
			require.ElementsMatch(t, want, fetch(auth, "on", pipelining, auth+pipelining), "%s, pipelining %s", auth, pipelining)
		}
	}
	require.Empty(t, fetch("plain", "on", "on", "plainon"), "what has been fetched")
	require.ElementsMatch(t, want, fetch("scram-sha-256", "off", "on", "new"))
	require.Zero(t, m.count(t))
}

// fetchmail with "uidl keep" remembers what it has fetched.
func TestPeerFetchmail(t *testing.T) {
	m := serveMessages(t)
	fetchmail := peers.Need(t, "fetchmail", "fetchmail")
	got := filepath.Join(m.dir, "got")
	fetch := func(options string) error {
		t.Helper()
		rc := m.file(t, "fetchmailrc", fmt.Sprintf(
			"poll localhost protocol pop3 port %d uidl no dns user %q password %q sslproto \"auto\" sslcertck sslcertfile %s sslcommonname localhost %s no rewrite mda \"cat >> %s\"\n",
			m.pop3, peers.POP3User, peers.POP3Password, m.cert.CertFile, options, got))
		out, err := peers.Run("", []string{"FETCHMAILHOME=" + m.dir}, fetchmail, "-f", rc, "--nosyslog", "-v")
		if err == nil {
			require.Contains(t, out, "UIDL")
		}
		return err
	}
	require.NoError(t, fetch("keep"))
	first, err := os.ReadFile(got)
	require.NoError(t, err)
	for _, l := range m.messages {
		_, body, _ := strings.Cut(l.Text, "\r\n\r\n")
		require.Contains(t, string(first), unix(body), l.Name)
		require.Equal(t, 1, strings.Count(string(first), "Subject: "+l.Name+"\n"))
	}
	var exit *exec.ExitError
	require.ErrorAs(t, fetch("keep"), &exit)
	require.Equal(t, 1, exit.ExitCode(), "there is no new mail")
	again, err := os.ReadFile(got)
	require.NoError(t, err)
	require.Equal(t, string(first), string(again))

	// A new one comes, and only that.
	text := "Subject: one more\r\n\r\n.\r\n"
	_, err = m.box.Append(context.Background(), mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
	require.NoError(t, err)
	require.NoError(t, fetch("keep"))
	again, err = os.ReadFile(got)
	require.NoError(t, err)
	require.Contains(t, strings.TrimPrefix(string(again), string(first)), "Subject: one more\n\n.\n")
	require.NotContains(t, strings.TrimPrefix(string(again), string(first)), "example.net")

	require.NoError(t, fetch("fetchall nokeep"))
	require.Zero(t, m.count(t))
}

// utf8Client reads the last message without UTF8 and with it, and prints both.
const utf8Client = `
import poplib, ssl, sys
port, cert, user, password = sys.argv[1:]
for utf8 in False, True:
    p = poplib.POP3("localhost", int(port), timeout=30)
    p.stls(ssl.create_default_context(cafile=cert))
    assert "UTF8" in p.capa(), p.capa()
    if utf8:
        p.utf8()
    p.user(user)
    p.pass_(password)
    count, size = p.stat()
    reply, lines, octets = p.retr(count)
    sys.stdout.buffer.write(b"\n".join(lines) + b"\n--\n")
    p.quit()
`

func TestPeerPoplibUTF8(t *testing.T) {
	m := serveMessages(t)
	python := peers.Need(t, "python3", "python3")
	text := "From: Jürgen <jürgen@example.org>\r\nSubject: Grüße\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSchöne Grüße\r\n"
	_, err := m.box.Append(context.Background(), mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
	require.NoError(t, err)
	out := run(t, utf8Client, python, "-", strconv.Itoa(m.pop3), m.cert.CertFile, peers.POP3User, peers.POP3Password)
	downgraded, asIs, _ := strings.Cut(out, "--\n")
	header, _, _ := strings.Cut(downgraded, "\n\n")
	for _, b := range []byte(header) {
		require.Less(t, b, byte(0x80), "%s", header)
	}
	require.Contains(t, header, "Subject: =?")
	require.Equal(t, unix(text)+"--\n", asIs)
}
