package systemtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// A copying is a command line of examples/copy.
type copying struct {
	program, from, to, state string
	env                      []string
}

func newCopy(t testing.TB, from, to string) *copying {
	return &copying{
		program: example(t, "copy"), from: from, to: to, state: filepath.Join(t.TempDir(), "state"),
		env: []string{"POSTHORN_PASSWORD=" + peers.IMAPPassword, "POSTHORN_TARGET_PASSWORD=" + peers.IMAPPassword},
	}
}

func (c *copying) command(flags ...string) *exec.Cmd {
	cmd := exec.Command(c.program, append(append([]string{"-insecure", "-state", c.state}, flags...), c.from, c.to)...)
	cmd.Env = append(os.Environ(), c.env...)
	return cmd
}

// run runs it to its end and returns what it printed.
func (c *copying) run(t testing.TB, flags ...string) string {
	t.Helper()
	return output(t, c.command(flags...))
}

// From Dovecot to the mailserver, over TLS, and on to another account of Dovecot,
// whose names have another separator and a prefix.
func TestCopy(t *testing.T) {
	d := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{NoSync: true})
	other := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{NoSync: true,
		Settings: "namespace inbox {\n  separator = .\n  prefix = INBOX.\n}\nnamespace shared {\n  separator = .\n  prefix = shared.%%u.\n}\n"})
	s := start(t)
	src := peers.DialIMAP(t, d.Addr("imap"), peers.Alice, peers.IMAPPassword)
	src.Fill("INBOX", 0, 50)
	src.Do(`CREATE "W&APY-rk/b c"`)
	src.Do(`SUBSCRIBE "W&APY-rk/b c"`)
	src.Fill(`"W&APY-rk/b c"`, 50, 60)
	src.Do("SELECT INBOX")
	src.Do("STORE 3:5 +FLAGS ($Forwarded Own)")
	for _, m := range peers.Messages(true) {
		appendTo(src, "Sent", `\Seen`, " 1-Jan-2020 10:00:00 +0200", m.Text)
	}

	ours := newCopy(t, "imap://alice@"+d.Addr("imap"), "imap://"+bob+"@"+s.addr("imap"))
	ours.env[1] = "POSTHORN_TARGET_PASSWORD=" + bobPassword
	on := newCopy(t, "imap://"+bob+"@"+s.addr("imap"), "imap://alice@"+other.Addr("imap"))
	on.env[0] = "POSTHORN_PASSWORD=" + bobPassword
	dst := peers.DialIMAP(t, other.Addr("imap"), peers.Alice, peers.IMAPPassword)
	step := func(flags ...string) {
		t.Helper()
		t.Log(ours.run(t, append(flags, "-verify")...))
		t.Log(on.run(t, append(flags, "-verify")...))
		for from, to := range map[string]string{"INBOX": "INBOX", "Sent": "INBOX.Sent", `"W&APY-rk/b c"`: `"INBOX.W&APY-rk.b c"`} {
			sameMail(t, contents(src, from), contents(dst, to))
		}
	}
	step()
	require.Regexp(t, regexp.MustCompile(`"INBOX.W&APY-rk.b c"`), dst.Do(`LSUB "" "INBOX.W*"`)[0])

	src.Do("SELECT INBOX")
	src.Do("STORE 1:10 -FLAGS (\\Seen $Forwarded)")
	src.Do("STORE 20 +FLAGS (Own)")
	src.Fill("INBOX", 60, 65)
	step()
	src.Do("SELECT INBOX")
	src.Do("STORE 1:5 +FLAGS (\\Deleted)")
	src.Do("EXPUNGE")
	step("-delete")
	require.NotContains(t, ours.run(t), "INBOX:")
}
