package peers

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testIMAP checks what a server offers and that its ports and accounts work.
func testIMAP(t *testing.T, start func(t testing.TB, cert *Certificate) *Daemon, want string) *Daemon {
	t.Helper()
	cert := NewCertificate(t)
	begin := time.Now()
	d := start(t, cert)
	c := DialIMAP(t, d.Addr("imap"), Alice, IMAPPassword)
	t.Log("after", time.Since(begin), "there is a session")
	caps := c.Capabilities()
	sort.Strings(caps)
	t.Log(strings.Join(caps, " "))
	for _, name := range strings.Fields(want) {
		require.Contains(t, caps, name)
	}
	list := strings.Join(c.Do(`LIST "" *`), "\n")
	for _, name := range []string{"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"} {
		require.Regexp(t, `"/" "?`+name, list)
	}
	special := strings.ToLower(strings.Join(c.Do(`LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE)`), "\n"))
	for _, use := range []string{`\archive`, `\drafts`, `\junk`, `\sent`, `\trash`} {
		require.Contains(t, special, use)
	}
	require.True(t, strings.HasPrefix(c.Try("SELECT Nowhere")[0], "NO"))

	// Ten sessions at once, over imaps, beside one that has used STARTTLS.
	plain, err := net.Dial("tcp", d.Addr("imap"))
	require.NoError(t, err)
	defer plain.Close()
	up := newIMAP(t, plain)
	up.Do("STARTTLS")
	secure := tls.Client(plain, cert.Client)
	require.NoError(t, secure.Handshake())
	up.nc, up.r, up.w = secure, bufio.NewReader(secure), bufio.NewWriter(secure)
	up.Do("LOGIN " + Bob + " " + IMAPPassword)
	for range 10 {
		nc, err := tls.Dial("tcp", d.Addr("imaps"), cert.Client)
		require.NoError(t, err)
		defer nc.Close()
		c := newIMAP(t, nc)
		c.Do("LOGIN " + Alice + " " + IMAPPassword)
		c.Do("SELECT INBOX")
	}
	require.True(t, strings.HasPrefix(newIMAP(t, dial(t, d)).Try("LOGIN alice wrong")[0], "NO"))
	return d
}

func dial(t testing.TB, d *Daemon) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", d.Addr("imap"))
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	return nc
}

const dovecotCapabilities = `ACL BINARY CATENATE CHILDREN COMPRESS=DEFLATE CONDSTORE CONTEXT=SEARCH ENABLE ESEARCH
	ESORT I18NLEVEL=1 ID IDLE IMAP4rev1 LIST-EXTENDED LIST-STATUS LITERAL+ LOGIN-REFERRALS METADATA MOVE MULTIAPPEND
	NAMESPACE NOTIFY PREVIEW QRESYNC QUOTA RIGHTS=texk SASL-IR SAVEDATE SEARCHRES SNIPPET=FUZZY SORT SORT=DISPLAY
	SPECIAL-USE STATUS=SIZE THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS UIDPLUS UNSELECT URLAUTH URLAUTH=BINARY
	URL-PARTIAL WITHIN`

func TestDovecotIMAP(t *testing.T) {
	for name, o := range map[string]DovecotOptions{
		"Maildir": {},
		"sdbox":   {Sdbox: true, NoSync: true, Accounts: []string{"carol"}, Settings: "imap_id_retain = yes"},
	} {
		t.Run(name, func(t *testing.T) {
			d := testIMAP(t, func(t testing.TB, cert *Certificate) *Daemon { return DovecotIMAP(t, cert, &o) }, dovecotCapabilities)
			for _, a := range o.Accounts {
				DialIMAP(t, d.Addr("imap"), a, IMAPPassword)
			}

			// What needs more than a line of the configuration.
			c := DialIMAP(t, d.Addr("imap"), Alice, IMAPPassword)
			c.Do(`SETMETADATA INBOX (/private/comment "hi")`)
			c.Do(`SETMETADATA "" (/private/comment "hi")`)
			c.Do("SETACL INBOX bob lrs")
			c.Do("APPEND INBOX {16+}\r\nSubject: x\r\n\r\nhi")
			require.Contains(t, c.Do("GETQUOTAROOT INBOX")[1], "STORAGE")
			require.Contains(t, strings.Join(c.Do(fmt.Sprintf(`GENURLAUTH "imap://alice@localhost:%d/INBOX/;UID=1;URLAUTH=user+alice" INTERNAL`, d.Ports["imap"])), ""), ":internal:")
			c.Do("NOTIFY SET (SELECTED (MessageNew (FLAGS) MessageExpunge)) (PERSONAL (MailboxName))")
			c.Do("COMPRESS DEFLATE")
			b := DialIMAP(t, d.Addr("imap"), Bob, IMAPPassword)
			require.Contains(t, strings.Join(b.Do(`LIST "" *`), "\n"), "shared/alice")
			require.Contains(t, strings.Join(b.Do("EXAMINE shared/alice"), "\n"), "* 1 EXISTS")

			mechanisms := newIMAP(t, dial(t, d)).Capabilities()
			for _, name := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"} {
				require.True(t, slices.Contains(mechanisms, "AUTH="+name), name)
			}
			encode := base64.StdEncoding.EncodeToString
			newIMAP(t, dial(t, d)).Do("AUTHENTICATE OAUTHBEARER " + encode([]byte("n,a=alice,\x01auth=Bearer "+Token(Alice)+"\x01\x01")))
			newIMAP(t, dial(t, d)).Do("AUTHENTICATE XOAUTH2 " + encode([]byte("user=bob\x01auth=Bearer "+Token(Bob)+"\x01\x01")))
			require.NotContains(t, d.Log(), "Error:")
			require.NotContains(t, d.Log(), "Warning:")
		})
	}
}

const cyrusCapabilities = `ACL ANNOTATE-EXPERIMENT-1 BINARY CATENATE CHILDREN COMPRESS=DEFLATE CONDSTORE CREATE-SPECIAL-USE
	ENABLE ESEARCH ESORT ID IDLE IMAP4rev1 LIST-EXTENDED LIST-METADATA LIST-MYRIGHTS LIST-STATUS LITERAL+ METADATA MOVE
	MULTIAPPEND NAMESPACE OBJECTID PREVIEW QRESYNC QUOTA RIGHTS=kxten SAVEDATE SEARCH=FUZZY SORT SORT=DISPLAY SPECIAL-USE
	STATUS=SIZE THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS UIDPLUS UNSELECT URLAUTH URLAUTH=BINARY WITHIN`

func TestCyrusIMAP(t *testing.T) {
	d := testIMAP(t, CyrusIMAP, cyrusCapabilities)
	c := DialIMAP(t, d.Addr("imap"), Alice, IMAPPassword)
	c.Do(`SETMETADATA INBOX (/private/comment "hi")`)
	c.Do(`SETMETADATA "" (/private/comment "hi")`)
	c.Do("SETACL INBOX bob lrs")
	c.Do("APPEND INBOX {16+}\r\nSubject: x\r\n\r\nhi")
	require.Contains(t, strings.Join(c.Do("GETQUOTAROOT INBOX"), "\n"), "STORAGE")
	require.Contains(t, strings.Join(c.Do("SELECT INBOX"), "\n"), "MAILBOXID")
	require.Regexp(t, "EMAILID .*THREADID ", c.Do("FETCH 1 (EMAILID THREADID)")[0])
	c.Do(`STORE 1 ANNOTATION (/comment (value.priv "x"))`)
	c.Do(`CREATE Lists/Posthorn`)
	c.Do(`CREATE Important (USE (\Important))`)
	c.Do("COMPRESS DEFLATE")
	b := DialIMAP(t, d.Addr("imap"), Bob, IMAPPassword)
	require.Contains(t, strings.Join(b.Do("EXAMINE \"Other Users/alice\""), "\n"), "* 1 EXISTS")
	admin := DialIMAP(t, d.Addr("imap"), "cyrus", IMAPPassword)
	require.Contains(t, admin.Do(`LIST "" user/bob`)[0], "user/bob")

	mechanisms := newIMAP(t, dial(t, d)).Capabilities()
	for _, name := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		require.True(t, slices.Contains(mechanisms, "AUTH="+name), name)
	}

	// One session in IDLE is told at once what another does.
	c = DialIMAP(t, d.Addr("imap"), Alice, IMAPPassword)
	c.Do("SELECT INBOX")
	c.send("IDLE")
	got, err := c.response()
	require.NoError(t, err)
	require.Equal(t, "+ idling", got)
	begin := time.Now()
	DialIMAP(t, d.Addr("imap"), Alice, IMAPPassword).Do("APPEND INBOX {16+}\r\nSubject: x\r\n\r\nhi")
	got, err = c.response()
	require.NoError(t, err)
	require.Equal(t, "* 2 EXISTS", got)
	require.Less(t, time.Since(begin), 5*time.Second)
	require.Empty(t, d.Log())
}
