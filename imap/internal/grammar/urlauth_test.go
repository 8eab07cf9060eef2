package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// The examples of RFC 4467 and RFC 5524.
func TestURLAuth(t *testing.T) {
	const url = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"
	const full = url + ":internal:91354a473744909de610943775f92038"
	for line, want := range map[string]imap.Command{
		"RESETKEY":               &imap.ResetKey{},
		"RESETKEY INBOX":         &imap.ResetKey{Mailbox: "INBOX"},
		"RESETKEY INBOX XSAMPLE": &imap.ResetKey{Mailbox: "INBOX", Mechanisms: []string{"XSAMPLE"}},
		`GENURLAUTH "` + url + `" INTERNAL "` + url + `" XSAMPLE`: &imap.GenURLAuth{Requests: []imap.URLAuthRequest{
			{URL: url, Mechanism: imap.URLAuthInternal}, {URL: url, Mechanism: "XSAMPLE"}}},
		`URLFETCH "` + full + `"`: &imap.URLFetch{Requests: []imap.URLRequest{{URL: full}}},
		`URLFETCH ("` + full + `" BODYPARTSTRUCTURE BINARY) "a"`: &imap.URLFetch{Requests: []imap.URLRequest{
			{URL: full, Items: imap.URLBodyPartStructure | imap.URLBinary}, {URL: "a"}}},
	} {
		cmd, err := parseOne(t, line)
		require.NoError(t, err, line)
		require.Equal(t, want, cmd)
		e := wire.Encoder{}
		WriteCommand(&e, cmd)
		require.NoError(t, e.Err)
		require.Equal(t, line, string(e.B))
	}
	for _, line := range []string{"GENURLAUTH", "GENURLAUTH a", "GENURLAUTH a b c", "URLFETCH", "URLFETCH (a X)", "URLFETCH (a BODY", "URLFETCH ()"} {
		_, err := parseOne(t, line)
		require.ErrorIs(t, err, &imap.Error{Status: imap.BAD}, line)
	}
	p := newPeer("a URLFETCH (a BODY)\r\nz NOOP\r\n", wire.LimitsAfterLogin())
	p.SetOffered(func(c imap.Cap) bool { return c == imap.CapURLAuth })
	_, _, err := p.ReadCommand()
	require.ErrorIs(t, err, &imap.Error{Status: imap.BAD})

	for line, want := range map[string]Response{
		`* GENURLAUTH "` + full + `"`:                                       &imap.GenURLAuthData{URLs: []string{full}},
		`* URLFETCH "` + full + "\" {28}\r\nSi vis pacem, para bellum.\r\n": &imap.URLFetchData{URLs: []imap.URLData{{URL: full, Body: []byte("Si vis pacem, para bellum.\r\n")}}},
		`* URLFETCH a NIL b "" c (BINARY NIL) d x`:                          &imap.URLFetchData{URLs: []imap.URLData{{URL: "a"}, {URL: "b", Body: []byte{}}, {URL: "c", Items: imap.URLBinary}, {URL: "d", Body: []byte("x")}}},
		"* URLFETCH a (BODYPARTSTRUCTURE NIL) (X-NEW (1 2) 3) (BODY \"b\") (BINARY ~{3}\r\n\x00\x01b) c NIL": &imap.URLFetchData{URLs: []imap.URLData{
			{URL: "a", Items: imap.URLBodyPartStructure | imap.URLBody | imap.URLBinary, Body: []byte("b"), Binary: []byte("\x00\x01b")}, {URL: "c"}}},
	} {
		resp, err := readOne(t, line)
		require.NoError(t, err, line)
		require.Equal(t, want, resp)
	}
	resp, err := readOne(t, `* URLFETCH "u" (BODYPARTSTRUCTURE ("text" "plain" NIL NIL NIL "base64" 10 1 NIL NIL NIL NIL) BINARY ~{5}`+"\r\nhello)") // Dovecot
	require.NoError(t, err)
	require.Equal(t, []byte("hello"), resp.(*imap.URLFetchData).URLs[0].Binary)
	require.Equal(t, "base64", resp.(*imap.URLFetchData).URLs[0].Structure.Encoding)
	resp, err = readOne(t, `* URLFETCH "u" (BODYPARTSTRUCTURE ("IMAGE" "PNG" () NIL NIL "BINARY" 123)) (BINARY ~{3}`+"\r\nabc)")
	require.NoError(t, err)
	require.Equal(t, int64(123), resp.(*imap.URLFetchData).URLs[0].Structure.BodySize)
	require.Equal(t, []byte("abc"), resp.(*imap.URLFetchData).URLs[0].Binary)

	require.Equal(t, imap.URLMechs{{Name: "INTERNAL"}, {Name: "XSAMPLE", Data: []byte("XSAMPLE\n")}},
		status(t, "a33 OK [URLMECH INTERNAL XSAMPLE=WFNBTVBMRQo=] RESETKEY completed").Arg)
	require.Nil(t, status(t, "a33 OK [URLMECH INTERNAL X=!] x").Arg)
}
