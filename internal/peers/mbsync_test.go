package peers

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMbsync(t *testing.T) {
	cert := NewCertificate(t)
	dovecot, cyrus := DovecotIMAP(t, cert, nil), CyrusIMAP(t, cert)
	far := DialIMAP(t, dovecot.Addr("imap"), Alice, IMAPPassword)
	near := DialIMAP(t, cyrus.Addr("imap"), Bob, IMAPPassword)
	far.Fill("INBOX", 0, 50)
	near.Fill("Sent", 50, 60)
	for name, m := range map[string]*Mbsync{
		"":    NewMbsync(t, dovecot.Account(Alice, cert), cyrus.Account(Bob, nil), "All", "INBOX Sent"),
		"own": NewMbsync(t, dovecot.Account(Alice, nil), dovecot.Account(Bob, cert), "Pull", "*"),
	} {
		t.Log(name, m.Run())
		t.Log(name, m.Run(), "for nothing")
	}
	own := DialIMAP(t, dovecot.Addr("imap"), Bob, IMAPPassword)
	for _, c := range []*IMAP{far, near, own} {
		require.Equal(t, "* STATUS INBOX (MESSAGES 50 UNSEEN 12)", c.Do("STATUS INBOX (MESSAGES UNSEEN)")[0])
	}
	for _, c := range []*IMAP{far, near} {
		require.Contains(t, strings.Join(c.Do("STATUS Sent (MESSAGES)"), ""), "MESSAGES 10")
		c.Do("EXAMINE INBOX")
		all := strings.Join(c.Do("FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])"), "\n")
		all = regexp.MustCompile("X-TUID: .*\r\n").ReplaceAllString(all, "") // by which mbsync finds its copies
		for i := range 50 {
			require.Contains(t, all, Sample(i))
		}
	}
}
