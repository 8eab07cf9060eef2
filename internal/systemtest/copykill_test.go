package systemtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// A copy is killed at random, twenty times on the way from Dovecot to SQLite and
// twenty times on to Dovecot, and some times to our own server, which has no
// MULTIAPPEND: each message arrives once, with its flags and date.
func TestCopyKilled(t *testing.T) {
	d := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{NoSync: true})
	src := peers.DialIMAP(t, d.Addr("imap"), peers.Alice, peers.IMAPPassword)
	src.Do("CREATE Work")
	n := 0
	more := func() { // so that there always is something to copy
		src.Fill("INBOX", n, n+300)
		src.Fill("Work", n+300, n+400)
		n += 400
	}
	more()
	db := "sqlite:" + filepath.Join(t.TempDir(), "mail.db") + "#alice"
	there := newCopy(t, "imap://alice@"+d.Addr("imap"), db)
	killed(t, there, 20, 400*time.Millisecond, more)
	back := newCopy(t, db, "imap://bob@"+d.Addr("imap"))
	killed(t, back, 20, 2*time.Second, func() { // a run that has been interrupted waits a second first
		more()
		there.run(t)
	})
	dst := peers.DialIMAP(t, d.Addr("imap"), peers.Bob, peers.IMAPPassword)
	for _, name := range []string{"INBOX", "Work"} {
		sameMail(t, contents(src, name), contents(dst, name))
	}
	require.Equal(t, n, len(contents(dst, "INBOX"))+len(contents(dst, "Work")))

	s := start(t)
	ours := newCopy(t, "imap://alice@"+d.Addr("imap"), "imap://"+bob+"@"+s.addr("imap"))
	ours.env[1] = "POSTHORN_TARGET_PASSWORD=" + bobPassword
	killed(t, ours, 8, 2*time.Second, more)
	dst = peers.DialIMAP(t, s.addr("imap"), bob, bobPassword)
	for _, name := range []string{"INBOX", "Work"} {
		sameMail(t, contents(src, name), contents(dst, name))
	}
}

// killed kills a copy, each time within a while from its start, or within the time
// that a run takes if that is less, and then lets it end. When it has ended before, more makes something new to copy. COPY_KILLS sets
// another number of kills.
func killed(t *testing.T, c *copying, kills int, within time.Duration, more func()) {
	t.Helper()
	ended := 0
	if s := os.Getenv("COPY_KILLS"); s != "" {
		kills, _ = strconv.Atoi(s)
	}
	for n := 0; n < kills; {
		cmd := c.command("-batch", fmt.Sprint(1+rand.IntN(100)), "-connections", "2")
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		require.NoError(t, cmd.Start())
		start := time.Now()
		kill := time.AfterFunc(rand.N(within), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		kill.Stop()
		switch {
		case err == nil:
			ended++
			require.Less(t, ended, 200, "it is always too fast to be killed")
			within = max(min(within, time.Since(start)), 10*time.Millisecond)
			more()
		case strings.Contains(err.Error(), "killed"):
			n++
		default:
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	out := c.run(t, "-verify")
	t.Logf("killed %d times, ended %d times before; then\n%s", kills, ended, out)
}

// contents returns the messages of a mailbox, with flags and date, and how often
// each is there.
func contents(c *peers.IMAP, mailbox string) map[string]int {
	c.Do("EXAMINE " + mailbox)
	out := map[string]int{}
	fetch := regexp.MustCompile(`^\* \d+ FETCH \((?:UID \d+ )?FLAGS \(([^)]*)\) INTERNALDATE "([^"]*)" BODY\[\] \{\d+\}\r\n`)
	for _, r := range c.Do("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])") {
		if m := fetch.FindStringSubmatchIndex(r); m != nil {
			flags := strings.Fields(strings.ReplaceAll(r[m[2]:m[3]], `\Recent`, ""))
			date, err := time.Parse("2-Jan-2006 15:04:05 -0700", strings.TrimLeft(r[m[4]:m[5]], " 0"))
			if err != nil {
				panic(err)
			}
			out[fmt.Sprint(flags, date.Unix(), " ", strings.TrimSuffix(r[m[1]:], ")"))]++
		}
	}
	return out
}

func sameMail(t *testing.T, want, got map[string]int) {
	t.Helper()
	for m, n := range want {
		require.Equal(t, n, got[m], "%.300q", m)
	}
	require.Equal(t, len(want), len(got))
}
