package systemtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tests of this file run real mail programs, as they come from Debian,
// against a running mailserver. One that is not installed is skipped, by name.

// testMessage is a message that is difficult to transport: dots, empty lines, 8-bit
// text, a long line.
func testMessage(subject string) string {
	return "From: Alice <" + alice + ">\r\nTo: Bob <" + bob + ">\r\nSubject: " + subject +
		"\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@example.org>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
		".\r\n..\r\n.dot\r\n\r\n\r\nGrüße, 漢字\r\n" + strings.Repeat("long ", 150) + "\r\n \r\nend\r\n"
}

func TestPython(t *testing.T) {
	python := need(t, "python3", "python3")
	script, err := filepath.Abs("testdata/clients.py")
	require.NoError(t, err)
	for _, store := range []string{"sqlite", "memory"} {
		t.Run(store, func(t *testing.T) {
			var args []string
			if store == "memory" {
				args = []string{"-store", "memory:"}
			}
			s := start(t, args...)
			out := client{}.run(t, s, s.dir, python, script, s.portsJSON(), s.cert(), alicePassword, bobPassword)
			require.Contains(t, out, "ok: 8 messages")
			s.stop()
		})
	}
}

func TestCurl(t *testing.T) {
	curl := need(t, "curl", "curl")
	s := start(t)
	dir := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		return client{}.run(t, s, dir, curl, append([]string{"-sS", "--fail", "--max-time", "60"}, args...)...)
	}
	login := []string{"--cacert", s.cert(), "-u"}
	asAlice, asBob := append(login, alice+":"+alicePassword), append(login, bob+":"+bobPassword)

	// In by SMTP: from outside, with STARTTLS, with TLS from the start.
	var messages []string
	for i, way := range [][]string{
		{"smtp://" + s.addr("smtp")},
		append([]string{"--ssl-reqd", "smtp://" + s.addr("submission")}, asAlice...),
		append([]string{"smtps://" + s.addr("smtps")}, asAlice...),
		append([]string{"--login-options", "AUTH=PLAIN", "smtps://" + s.addr("smtps")}, asAlice...),
		append([]string{"--login-options", "AUTH=LOGIN", "smtps://" + s.addr("smtps")}, asAlice...),
		append([]string{"--login-options", "AUTH=CRAM-MD5", "smtps://" + s.addr("smtps")}, asAlice...),
	} {
		text := testMessage(fmt.Sprintf("curl %d", i))
		file := writeFile(t, filepath.Join(dir, "message"), text)
		run(append(way, "--mail-from", alice, "--mail-rcpt", bob, "-T", file)...)
		messages = append(messages, text)
	}
	// In by APPEND.
	appended := testMessage("appended")
	run(append(asBob, "imaps://"+s.addr("imaps")+"/INBOX", "-T", writeFile(t, filepath.Join(dir, "message"), appended))...)
	messages = append(messages, appended)

	// Out by IMAP and POP3, in the clear, with STARTTLS, with TLS.
	for i, text := range messages {
		n := i + 1
		var copies []string
		for _, url := range []string{
			fmt.Sprintf("imap://%s/INBOX;MAILINDEX=%d", s.addr("imap"), n),
			fmt.Sprintf("imaps://%s/INBOX;UID=%d", s.addr("imaps"), n),
			fmt.Sprintf("pop3://%s/%d", s.addr("pop3"), n),
			fmt.Sprintf("pop3s://%s/%d", s.addr("pop3s"), n),
		} {
			args := append([]string{url}, asBob...)
			if strings.HasPrefix(url, "pop3:") || strings.HasPrefix(url, "imap:") {
				if i%2 == 0 {
					args = append(args, "--ssl-reqd")
				} else if strings.HasPrefix(url, "pop3:") {
					args = append(args, "--login-options", "AUTH=+APOP")
				}
			}
			copies = append(copies, run(args...))
		}
		for _, c := range copies {
			require.Equal(t, copies[0], c, "the protocols differ")
			require.True(t, strings.HasSuffix(c, text), "message %d is not what was sent:\n%q", n, c)
		}
	}
	require.Contains(t, run(append(asBob, "imaps://"+s.addr("imaps")+"/INBOX?SUBJECT%20appended")...), "* SEARCH 7")
	require.Contains(t, run(append(asBob, "imaps://"+s.addr("imaps"))...), "INBOX")
	run(append(asBob, "pop3s://"+s.addr("pop3s")+"/1", "-X", "DELE", "-l")...)
	require.Equal(t, len(messages)-1, strings.Count(run(append(asBob, "pop3s://"+s.addr("pop3s"))...), "\n"))

	// A wrong password, and a recipient that is not there.
	_, err := client{}.try(t, dir, curl, "-sS", "--cacert", s.cert(), "-u", bob+":wrong", "imaps://"+s.addr("imaps"))
	require.ErrorContains(t, err, "exit status 67") // CURLE_LOGIN_DENIED
	_, err = client{}.try(t, dir, curl, "-sS", "smtp://"+s.addr("smtp"), "--mail-from", alice, "--mail-rcpt", "nobody@example.org", "-T", writeFile(t, filepath.Join(dir, "message"), appended))
	require.ErrorContains(t, err, "exit status 55") // CURLE_SEND_ERROR: RCPT failed
	s.stop()
}

func TestSwaks(t *testing.T) {
	swaks := need(t, "swaks", "swaks")
	s := start(t)
	dir := t.TempDir()
	login := []string{"--auth-user", alice, "--auth-password", alicePassword, "--from", alice}
	for name, args := range map[string][]string{
		"outside":           {"--port", fmt.Sprint(s.ports["smtp"]), "--from", "someone@elsewhere.test"},
		"outside, tls":      {"--port", fmt.Sprint(s.ports["smtp"]), "--from", "someone@elsewhere.test", "--tls"},
		"outside, pipeline": {"--port", fmt.Sprint(s.ports["smtp"]), "--from", "someone@elsewhere.test", "--pipeline"},
		"starttls plain":    append([]string{"--port", fmt.Sprint(s.ports["submission"]), "--tls", "--auth", "PLAIN"}, login...),
		"starttls login":    append([]string{"--port", fmt.Sprint(s.ports["submission"]), "--tls", "--auth", "LOGIN"}, login...),
		"starttls cram":     append([]string{"--port", fmt.Sprint(s.ports["submission"]), "--tls", "--auth", "CRAM-MD5"}, login...),
		"smtps plain":       append([]string{"--port", fmt.Sprint(s.ports["smtps"]), "--tls-on-connect", "--auth", "PLAIN"}, login...),
	} {
		t.Run(name, func(t *testing.T) {
			out := client{}.run(t, s, dir, swaks, append([]string{"--server", "127.0.0.1", "--to", bob, "--timeout", "30",
				"--header", "From: " + alice, "--body", "8-bit: Grüße\n.\n..dots\n"}, args...)...)
			require.Regexp(t, `<[-~]  250 2\.0\.0`, out)
		})
	}
	s.stop()
}

func TestMsmtp(t *testing.T) {
	msmtp := need(t, "msmtp", "msmtp")
	s := start(t)
	dir := t.TempDir()
	for _, auth := range []string{"plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"} {
		for _, service := range []string{"submission", "smtps"} {
			t.Run(auth+" "+service, func(t *testing.T) {
				config := writeFile(t, filepath.Join(dir, "msmtprc"), fmt.Sprintf(
					"account default\nhost 127.0.0.1\nport %d\ntls on\ntls_starttls %s\ntls_trust_file %s\ntls_host_override localhost\nauth %s\nuser %s\npassword %s\nfrom %s\n",
					s.ports[service], map[string]string{"submission": "on", "smtps": "off"}[service], s.cert(), auth, alice, alicePassword, alice))
				text := strings.ReplaceAll(testMessage("msmtp "+auth+service), "\r\n", "\n")
				client{stdin: text}.run(t, s, dir, msmtp, "-C", config, bob)
				require.Equal(t, testMessage("msmtp "+auth+service), s.newest(t))
			})
		}
	}
	s.stop()
}

// newest returns bob's newest message without the trace fields that the server
// added, read with curl.
func (s *server) newest(t testing.TB) string {
	t.Helper()
	out := client{}.run(t, s, s.dir, need(t, "curl", "curl"), "-sS", "-u", bob+":"+bobPassword, fmt.Sprintf("imap://%s/INBOX;MAILINDEX=*", s.addr("imap")))
	return withoutTrace(out)
}

// withoutTrace removes the Return-Path and Received fields that stand before a message.
func withoutTrace(m string) string {
	for strings.HasPrefix(m, "Return-Path:") || strings.HasPrefix(m, "Received:") || strings.HasPrefix(m, "\t") || strings.HasPrefix(m, " ") {
		_, m, _ = strings.Cut(m, "\n")
	}
	return m
}

func TestMbsync(t *testing.T) {
	mbsync := need(t, "mbsync", "isync")
	curl := need(t, "curl", "curl")
	s := start(t)
	dir := t.TempDir()
	mail := filepath.Join(dir, "mail")
	require.NoError(t, os.MkdirAll(mail, 0o700))
	config := writeFile(t, filepath.Join(dir, "mbsyncrc"), fmt.Sprintf(`
IMAPAccount here
Host localhost
Port %d
User %s
Pass %s
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account here

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
`, s.ports["imaps"], bob, bobPassword, s.cert(), mail, mail))
	sync := func() string {
		t.Helper()
		return client{}.run(t, s, dir, mbsync, "-c", config, "-a", "-V")
	}
	imap := func(mailbox, command string) string {
		t.Helper()
		return client{}.run(t, s, dir, curl, "-sS", "-u", bob+":"+bobPassword, "imap://"+s.addr("imap")+"/"+mailbox, "-X", command)
	}
	messages := func(box string) (files []string) {
		for _, sub := range []string{"cur", "new"} {
			found, err := filepath.Glob(filepath.Join(mail, box, sub, "*"))
			require.NoError(t, err)
			files = append(files, found...)
		}
		return files
	}

	for i := range 3 {
		file := writeFile(t, filepath.Join(dir, "message"), testMessage(fmt.Sprintf("mbsync %d", i)))
		client{}.run(t, s, dir, curl, "-sS", "smtp://"+s.addr("smtp"), "--mail-from", alice, "--mail-rcpt", bob, "-T", file)
	}
	imap("", "CREATE Projects/Posthorn")
	sync()
	require.Len(t, messages("INBOX"), 3)
	require.DirExists(t, filepath.Join(mail, "Projects/Posthorn/cur"))

	// What arrives is what was sent, with the line ends of a Maildir.
	content, err := os.ReadFile(messages("INBOX")[0])
	require.NoError(t, err)
	require.True(t, bytes.HasSuffix(content, []byte("Grüße, 漢字\n"+strings.Repeat("long ", 150)+"\n \nend\n")), "%q", content)

	// Flags are uploaded: \Seen and \Flagged are "FS" in a Maildir.
	first := messages("INBOX")[0]
	base, _, _ := strings.Cut(filepath.Base(first), ":2,")
	require.NoError(t, os.Rename(first, filepath.Join(mail, "INBOX/cur", base+":2,FS")))
	sync()
	require.Contains(t, imap("INBOX", "SEARCH FLAGGED SEEN"), "* SEARCH ", "flag set locally")
	require.Contains(t, imap("INBOX", "FETCH 1:* (FLAGS)"), `\Flagged`)

	// Flags are downloaded.
	imap("INBOX", `STORE 1:* +FLAGS (\Answered)`)
	sync()
	for _, file := range messages("INBOX") {
		_, flags, _ := strings.Cut(file, ":2,")
		require.Contains(t, flags, "R", file)
	}

	// A message added to the local mailbox is uploaded; one removed from it is
	// removed on the server.
	writeFile(t, filepath.Join(mail, "Projects/Posthorn/cur/1234.1.here:2,S"), strings.ReplaceAll(testMessage("local"), "\r\n", "\n"))
	require.NoError(t, os.Remove(messages("INBOX")[0]))
	sync()
	require.Contains(t, imap("INBOX", "STATUS Projects/Posthorn (MESSAGES UNSEEN)"), "MESSAGES 1 UNSEEN 0")
	require.Contains(t, imap("", "STATUS INBOX (MESSAGES)"), "MESSAGES 2")

	// A message expunged on the server is removed locally, and so is a mailbox.
	imap("INBOX", `STORE 1 +FLAGS.SILENT (\Deleted)`)
	imap("INBOX", `EXPUNGE`)
	sync()
	require.Len(t, messages("INBOX"), 1)

	// Synchronised: there is nothing more to do.
	before := sync()
	require.NotContains(t, before, "error")
	s.stop()
}

func TestGetmail(t *testing.T) {
	getmail := need(t, "getmail", "getmail6")
	s := start(t)
	dir := t.TempDir()
	for i := range 3 {
		file := writeFile(t, filepath.Join(dir, "message"), testMessage(fmt.Sprintf("getmail %d", i)))
		client{}.run(t, s, dir, need(t, "curl", "curl"), "-sS", "smtp://"+s.addr("smtp"), "--mail-from", alice, "--mail-rcpt", bob, "-T", file)
	}
	for _, r := range []struct{ retriever, port, extra string }{
		{"SimplePOP3Retriever", "pop3", ""},
		{"SimplePOP3Retriever", "pop3", "use_apop = true\n"},
		{"SimplePOP3SSLRetriever", "pop3s", "ca_certs = " + s.cert() + "\n"},
		{"SimpleIMAPRetriever", "imap", ""},
		{"SimpleIMAPSSLRetriever", "imaps", "ca_certs = " + s.cert() + "\n"},
		{"SimplePOP3SSLRetriever", "pop3s", "delete"},
	} {
		name, _, _ := strings.Cut(r.retriever+" "+r.extra, " =")
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			mail := filepath.Join(home, "mail")
			require.NoError(t, os.Mkdir(mail, 0o700))
			options := "read_all = true\ndelete = false\ndelivered_to = false\nreceived = false\n"
			if r.extra == "delete" {
				r.extra, options = "", strings.Replace(options, "delete = false", "delete = true", 1)
			}
			writeFile(t, filepath.Join(home, "getmailrc"), fmt.Sprintf(
				"[retriever]\ntype = %s\nserver = localhost\nport = %d\nusername = %s\npassword = %s\n%s\n[destination]\ntype = MDA_external\npath = /bin/sh\nallow_root_commands = true\narguments = (\"-c\", \"cat >%s/$$\")\n[options]\n%s",
				r.retriever, s.ports[r.port], bob, bobPassword, r.extra, mail, options))
			client{}.run(t, s, home, getmail, "--getmaildir", home)
			files, err := filepath.Glob(filepath.Join(mail, "*"))
			require.NoError(t, err)
			require.Len(t, files, 3)
			for _, file := range files {
				content, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Contains(t, string(content), "\n.\n..\n.dot\n\n\nGrüße, 漢字\n")
			}
		})
	}
	out := client{}.run(t, s, dir, need(t, "curl", "curl"), "-sS", "-u", bob+":"+bobPassword, "pop3://"+s.addr("pop3"))
	require.Empty(t, strings.TrimSpace(out), "getmail deleted all")
	s.stop()
}

func TestFetchmail(t *testing.T) {
	fetchmail := need(t, "fetchmail", "fetchmail")
	curl := need(t, "curl", "curl")
	s := start(t)
	dir := t.TempDir()
	for _, r := range []struct{ name, options string }{
		{"pop3", fmt.Sprintf("protocol pop3 port %d", s.ports["pop3"])},
		{"apop", fmt.Sprintf("protocol apop port %d", s.ports["pop3"])},
		{"imap", fmt.Sprintf("protocol imap port %d", s.ports["imap"])},
		{"pop3s", fmt.Sprintf("protocol pop3 port %d", s.ports["pop3s"])},
		{"imaps", fmt.Sprintf("protocol imap port %d", s.ports["imaps"])},
	} {
		t.Run(r.name, func(t *testing.T) {
			text := testMessage("fetchmail " + r.name)
			client{}.run(t, s, dir, curl, "-sS", "smtp://"+s.addr("smtp"), "--mail-from", alice, "--mail-rcpt", bob, "-T", writeFile(t, filepath.Join(dir, "message"), text))
			home := t.TempDir()
			ssl := `sslproto ""`
			if strings.HasSuffix(r.name, "s") {
				ssl = "ssl sslcertck sslcertfile " + s.cert() + " sslcommonname localhost"
			}
			rc := writeFile(t, filepath.Join(home, "fetchmailrc"), fmt.Sprintf(
				"poll localhost %s no dns user %q password %q %s fetchall no rewrite mda \"cat > %s/got\"\n",
				r.options, bob, bobPassword, ssl, home))
			client{env: []string{"FETCHMAILHOME=" + home}}.run(t, s, home, fetchmail, "-f", rc, "--nosyslog", "-v")
			got, err := os.ReadFile(filepath.Join(home, "got"))
			require.NoError(t, err)
			require.Contains(t, string(got), "\n.\n..\n.dot\n\n\nGrüße, 漢字\n")
			require.Contains(t, string(got), "Subject: fetchmail "+r.name)
			// fetchmail deletes what it has delivered.
			require.Empty(t, strings.TrimSpace(client{}.run(t, s, dir, curl, "-sS", "-u", bob+":"+bobPassword, "pop3://"+s.addr("pop3"))))
		})
	}
	s.stop()
}

func TestMpop(t *testing.T) {
	mpop := need(t, "mpop", "mpop")
	s := start(t)
	dir := t.TempDir()
	text := testMessage("mpop")
	client{}.run(t, s, dir, need(t, "curl", "curl"), "-sS", "smtp://"+s.addr("smtp"), "--mail-from", alice, "--mail-rcpt", bob, "-T", writeFile(t, filepath.Join(dir, "message"), text))
	for _, auth := range []string{"user", "apop", "plain", "cram-md5", "scram-sha-256"} {
		t.Run(auth, func(t *testing.T) {
			home := t.TempDir()
			config := writeFile(t, filepath.Join(home, "mpoprc"), fmt.Sprintf(
				"account default\nhost localhost\nport %d\ntls on\ntls_starttls on\ntls_trust_file %s\nauth %s\nuser %s\npassword %s\nkeep on\nreceived_header off\nuidls_file %s/uidls\ndelivery mbox %s/mbox\n",
				s.ports["pop3"], s.cert(), auth, bob, bobPassword, home, home))
			client{}.run(t, s, home, mpop, "-C", config)
			got, err := os.ReadFile(filepath.Join(home, "mbox"))
			require.NoError(t, err)
			require.Contains(t, string(got), "\n.\n..\n.dot\n\n\nGrüße, 漢字\n")
		})
	}
	s.stop()
}

func TestMutt(t *testing.T) {
	mutt := need(t, "mutt", "mutt")
	script := need(t, "script", "bsdutils")
	s := start(t)
	dir := t.TempDir()
	rc := writeFile(t, filepath.Join(dir, "muttrc"), fmt.Sprintf(`
set ssl_force_tls=yes
set certificate_file=%s
set ssl_verify_host=no
set from=%s realname="Alice"
set smtp_url="smtps://%s@localhost:%d" smtp_pass=%s
set imap_user=%s imap_pass=%s
set copy=no confirmappend=no confirmcreate=no delete=yes quit=yes wait_key=no mark_old=no
set header_cache="" message_cachedir="" move=no beep=no
set edit_headers=no abort_nosubject=no fast_reply=yes autoedit=yes crypt_use_gpgme=no
`, s.cert(), alice, strings.Replace(alice, "@", "%40", 1), s.ports["smtps"], alicePassword, bob, bobPassword))
	client{stdin: "Hello from mutt.\n.\n..dots\n"}.run(t, s, dir, mutt, "-F", rc, "-s", "sent by mutt", bob)
	require.Contains(t, s.newest(t), "\r\n\r\nHello from mutt.\r\n.\r\n..dots\r\n")

	// Read it by IMAP as a person would: open, save a copy, flag, delete the next, quit.
	client{stdin: "To be deleted.\n"}.run(t, s, dir, mutt, "-F", rc, "-s", "second", bob)
	imap := func(mailbox, command string) string {
		return client{}.run(t, s, dir, need(t, "curl", "curl"), "-sS", "-u", bob+":"+bobPassword, "imap://"+s.addr("imap")+"/"+mailbox, "-X", command)
	}
	imap("", "CREATE Saved")
	keys := `push "<first-entry><display-message><exit><flag-message><first-entry><copy-message>=Saved<enter><last-entry><delete-message><quit>"`
	for _, url := range []string{fmt.Sprintf("imaps://localhost:%d/", s.ports["imaps"])} {
		command := fmt.Sprintf("%s -F %s -e 'set folder=%s' -e '%s' -f %sINBOX", mutt, rc, url, keys, url)
		client{env: []string{"LINES=40", "COLUMNS=100"}}.run(t, s, dir, script, "-qefc", command, "/dev/null")
	}
	require.Contains(t, imap("", "STATUS INBOX (MESSAGES UNSEEN)"), "MESSAGES 1 UNSEEN 0")
	require.Contains(t, imap("", "STATUS Saved (MESSAGES)"), "MESSAGES 1")
	require.Contains(t, imap("INBOX", "FETCH 1 (FLAGS)"), `\Flagged`)
	s.stop()
}
