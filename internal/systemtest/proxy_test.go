package systemtest

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// A proxy in front of Dovecot and of the mailserver serves their accounts by IMAP
// and POP3.
func TestProxy(t *testing.T) {
	remotes(t, func(t *testing.T, r remote, direct *peers.IMAP) {
		fill(direct, "INBOX", 0, 30)
		direct.Do("CREATE Work/2020")
		imap, pop3 := r.proxy(t)

		c := peers.DialIMAP(t, imap, r.user, r.password)
		require.Contains(t, strings.Join(c.Do(`LIST "" *`), "\n"), `"/" Work/2020`)
		for _, name := range []string{"INBOX", "Sent"} {
			sameMail(t, contents(direct, name), contents(c, name))
		}
		c.Do("SELECT INBOX")
		require.Equal(t, `* SEARCH 4 8 12`, c.Do("SEARCH UNSEEN 1:12")[0])
		c.Do("UID STORE 1:5 +FLAGS (Own)")
		c.Do("UID COPY 1:10 Work/2020")
		appendTo(c, "INBOX", `\Flagged`, " 1-Jan-2020 10:00:00 +0000", "Subject: by proxy\n\nHello\n")
		c.Do("UID STORE 7 +FLAGS (\\Deleted)")
		c.Do("EXPUNGE")
		for _, name := range []string{"INBOX", "Work/2020"} {
			sameMail(t, contents(direct, name), contents(c, name))
		}

		curl := need(t, "curl", "curl")
		got := output(t, exec.Command(curl, "-sS", "--user", r.user+":"+r.password, "pop3://"+pop3+"/30"))
		require.Contains(t, got, "Subject: by proxy\r\n")
		got = output(t, exec.Command(curl, "-sS", "--user", r.user+":"+r.password, "pop3://"+pop3+"/1"))
		require.Equal(t, peers.Sample(0), got)
		out, err := exec.Command(curl, "-sS", "--user", r.user+":guess", "pop3://"+pop3+"/").CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "denied")
	})
}

// proxy starts a proxy in front of the server and returns where it listens.
func (r remote) proxy(t *testing.T) (imap, pop3 string) {
	t.Helper()
	args := append([]string{"-server", r.addr, "-imap", "127.0.0.1:0", "-pop3", "127.0.0.1:0"}, r.flags...)
	cmd := exec.Command(example(t, "proxy"), args...)
	var log bytes.Buffer
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		err := cmd.Wait()
		if err != nil || t.Failed() {
			t.Errorf("the proxy ended with %v:\n%s", err, tail(log.String(), 4000))
		}
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		name, addr, _ := strings.Cut(lines.Text(), " on ")
		switch {
		case name == "IMAP":
			imap = addr
		case name == "POP3":
			pop3 = addr
		case strings.Contains(name, "Press Ctrl-C"):
			return imap, pop3
		}
	}
	t.Fatal("the proxy does not serve")
	return "", ""
}
