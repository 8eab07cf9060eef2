package grammar

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// partsOf reads the parts of a message with Catenate, and the octets of those that
// have no URL.
func partsOf(t *testing.T, p *peer) (parts []imap.CatPart, texts []string) {
	t.Helper()
	for {
		part, err := p.NextPart()
		require.NoError(t, err)
		if part == nil {
			return parts, texts
		}
		parts = append(parts, *part)
		if part.URL == "" {
			body, err := p.OpenLiteral()
			require.NoError(t, err)
			b, err := io.ReadAll(body)
			require.NoError(t, err)
			texts = append(texts, string(b))
		}
	}
}

// Example 1 of RFC 4469, written and read.
func TestCatenate(t *testing.T) {
	const input = "A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE " +
		"(URL \"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER\" TEXT {42}\r\n" +
		"\r\n--------------030308070208000400050907\r\n" +
		" URL \"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME\" " +
		"URL \"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1\" TEXT {42}\r\n" +
		"\r\n--------------030308070208000400050907\r\n" +
		" URL \"/Drafts;UIDVALIDITY=385759045/;UID=30\" TEXT {44}\r\n" +
		"\r\n--------------030308070208000400050907--\r\n)"
	p := newPeer(input+"\r\nz NOOP\r\n", wire.LimitsAfterLogin())
	_, cmd, err := p.ReadCommand()
	require.NoError(t, err)
	c := cmd.(*imap.Append)
	require.Equal(t, &imap.Append{Mailbox: "Drafts", Message: imap.AppendMessage{Flags: []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagDraft, "$MDNSent"}, Catenate: true}}, c)
	parts, texts := partsOf(t, p)
	boundary := "\r\n--------------030308070208000400050907"
	require.Equal(t, []string{boundary + "\r\n", boundary + "\r\n", boundary + "--\r\n"}, texts)
	require.Equal(t, "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", parts[0].URL)
	require.Equal(t, imap.CatPart{Literal: imap.Literal{Size: 42}}, parts[1])
	require.Equal(t, strings.Repeat("+ Ready\r\n", 3), p.out.String())
	next, err := p.NextMessage()
	require.NoError(t, err)
	require.Nil(t, next)
	inStep(t, p)

	e := wire.Encoder{Mode: wire.LiteralSync}
	e.Tag("A003").SP()
	WriteCommand(&e, c)
	for i, part := range parts {
		WritePart(&e, &part, i == 0)
		if part.URL == "" {
			e.B = append(e.B, texts[0]...)
			texts = texts[1:]
		}
		EndPart(&e, &part)
	}
	EndMessage(&e, &c.Message)
	require.NoError(t, e.Err)
	require.Equal(t, input, string(e.B))
	require.Len(t, e.Waits, 3)
}

func TestCatenateForms(t *testing.T) {
	lim := wire.LimitsAfterLogin()
	// With UTF-8 (RFC 6855 §4), and a second message (RFC 3502). Parts that are not
	// asked for are skipped.
	input := "a APPEND x catenate (utf8 (~{3+}\r\n\xc3\xa9\n) text {1+}\r\na URL {1+}\r\nu) UTF8 (~{2+}\r\nbc) CATENATE (URL b)\r\nz NOOP\r\n"
	p := newPeer(input, lim)
	_, _, err := p.ReadCommand()
	require.NoError(t, err)
	parts, texts := partsOf(t, p)
	require.Equal(t, []imap.CatPart{
		{UTF8: true, Literal: imap.Literal{Size: 3, NonSync: true, Binary: true}}, {Literal: imap.Literal{Size: 1, NonSync: true}}, {URL: "u"},
	}, parts)
	require.Equal(t, []string{"\xc3\xa9\n", "a"}, texts)
	m, err := p.NextMessage()
	require.NoError(t, err)
	require.Equal(t, &imap.AppendMessage{UTF8: true, Literal: imap.Literal{Size: 2, NonSync: true, Binary: true}}, m)
	_, err = p.OpenLiteral()
	require.NoError(t, err)
	m, err = p.NextMessage()
	require.NoError(t, err)
	require.True(t, m.Catenate)
	m, err = p.NextMessage()
	require.NoError(t, err)
	require.Nil(t, m)
	inStep(t, p)

	p = newPeer(input, lim)
	_, _, err = p.ReadCommand()
	require.NoError(t, err)
	m, err = p.NextMessage()
	require.NoError(t, err)
	require.True(t, m.UTF8)
	require.NoError(t, p.RefuseLiteral())
	inStep(t, p)

	for _, line := range []string{
		"APPEND x CATENATE ()", "APPEND x CATENATE (URL)", `APPEND x CATENATE (URL "")`, "APPEND x CATENATE (URL a URL)", "APPEND x CATENATE (URL aTEXT b)",
		"APPEND x CATENATE (URL a) b", "APPEND x CATENATE (TEXT a)", "APPEND x CATENATE (TEXT {3+}\r\nabc", "APPEND x CATENATE (UTF8 ({3+}\r\nabc))",
		"APPEND x CATENATE (UTF8 (~{3+}\r\nabc)", "APPEND x CATENATE (XYZ a)",
	} {
		p := newPeer("a "+line+"\r\nz NOOP\r\n", lim)
		_, _, err := p.ReadCommand()
		require.NoError(t, err, line)
		for range 3 {
			var m *imap.AppendMessage
			if m, err = p.NextMessage(); err != nil || m == nil {
				break
			}
		}
		require.ErrorIs(t, err, &imap.Error{Status: imap.BAD}, line)
		inStep(t, p)
	}
	for _, line := range []string{"APPEND x CATENATE URL a", "APPEND x CATENATE", "APPEND x UTF8 ({3+}\r\nabc)", "APPEND x UTF8 ~{3+}\r\nabc", "APPEND x XYZ {3+}\r\nabc"} {
		_, err := parseOne(t, line)
		require.ErrorIs(t, err, &imap.Error{Status: imap.BAD}, line)
	}

	require.Equal(t, "/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9", // RFC 4469, example 4
		status(t, `A003 NO [BADURL "/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9"] CATENATE append has failed, one message expunged`).Arg)
	require.Equal(t, "/INBOX;UID=1", status(t, `A003 NO [BADURL /INBOX;UID=1] x`).Arg)
	for _, url := range []string{"", "a b", "a]", "a\r\n* OK", "é"} {
		e := wire.Encoder{}
		WriteResponse(&e, &StatusLine{Cond: imap.NO, Code: imap.CodeBadURL, Arg: url})
		require.Error(t, e.Err, url)
	}
}

// The literal8 of RFC 6855 §4.
func TestAppendUTF8(t *testing.T) {
	m := imap.AppendMessage{UTF8: true, Literal: imap.Literal{Size: 3}}
	e := wire.Encoder{Mode: wire.LiteralPlus}
	WriteCommand(e.Tag("a").SP(), &imap.Append{Mailbox: "x", Message: m})
	e.Raw("abc")
	EndMessage(&e, &m)
	e.CRLF()
	require.Equal(t, "a APPEND x UTF8 (~{3+}\r\nabc)\r\n", string(e.B))
	p := newPeer(string(e.B)+"z NOOP\r\n", wire.LimitsAfterLogin())
	_, cmd, err := p.ReadCommand()
	require.NoError(t, err)
	require.True(t, cmd.(*imap.Append).Message.UTF8)
	_, err = p.OpenLiteral()
	require.NoError(t, err)
	next, err := p.NextMessage()
	require.NoError(t, err)
	require.Nil(t, next)
	inStep(t, p)
}

// The examples of RFC 8508 §3.
func TestReplace(t *testing.T) {
	for line, want := range map[string]*imap.Replace{
		"REPLACE 4 Drafts (\\Seen \\Draft) {3+}\r\nabc":        {Num: 4, Mailbox: "Drafts", Message: imap.AppendMessage{Flags: []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagDraft}, Literal: imap.Literal{Size: 3, NonSync: true}}},
		"UID REPLACE 2000 Drafts (\\Seen \\Draft) {3+}\r\nabc": {UID: true, Num: 2000, Mailbox: "Drafts", Message: imap.AppendMessage{Flags: []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagDraft}, Literal: imap.Literal{Size: 3, NonSync: true}}},
		"replace * a {0+}\r\n":                                 {Num: imap.Star, Mailbox: "a", Message: imap.AppendMessage{Literal: imap.Literal{NonSync: true}}},
	} {
		p := newPeer("a "+line+"\r\nz NOOP\r\n", wire.LimitsAfterLogin())
		_, cmd, err := p.ReadCommand()
		require.NoError(t, err)
		require.Equal(t, want, cmd)
		_, err = p.OpenLiteral()
		require.NoError(t, err)
		m, err := p.NextMessage()
		require.NoError(t, err)
		require.Nil(t, m)
		inStep(t, p)
	}
	// Only one message, even with MULTIAPPEND.
	p := newPeer("a REPLACE 4 x {3+}\r\nabc {3+}\r\ndef\r\nz NOOP\r\n", wire.LimitsAfterLogin())
	_, _, err := p.ReadCommand()
	require.NoError(t, err)
	_, err = p.OpenLiteral()
	require.NoError(t, err)
	_, err = p.NextMessage()
	require.ErrorIs(t, err, &imap.Error{Status: imap.BAD})
	inStep(t, p)
	for _, line := range []string{"REPLACE 0 x {3+}\r\nabc", "REPLACE 1:2 x {3+}\r\nabc", "REPLACE $ x {3+}\r\nabc", "REPLACE 1 x"} {
		_, err := parseOne(t, line)
		require.ErrorIs(t, err, &imap.Error{Status: imap.BAD}, line)
	}
}

// The examples of RFC 2193 and RFC 2221.
func TestReferral(t *testing.T) {
	for line, want := range map[string]any{
		"A001 NO [REFERRAL IMAP://user;AUTH=*@SERVER2/REMOTE]Remote Mailbox":                                imap.Referral{"IMAP://user;AUTH=*@SERVER2/REMOTE"},
		"A001 NO [REFERRAL IMAP://user;AUTH=*@SERVER1/FOO IMAP://user;AUTH=*@SERVER2/BAR] Unable to rename": imap.Referral{"IMAP://user;AUTH=*@SERVER1/FOO", "IMAP://user;AUTH=*@SERVER2/BAR"},
		"A001 OK [REFERRAL IMAP://MATTHEW@SERVER2/] Specified user's personal mailboxes located on Server2": imap.Referral{"IMAP://MATTHEW@SERVER2/"},
		"A001 NO [REFERRAL] x": nil,
	} {
		require.Equal(t, want, status(t, line).Arg, line)
	}
}
