package smtp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the parser takes, the encoder writes, and the parser takes again with
// the same result.
func FuzzMail(f *testing.F) {
	for _, s := range []string{
		"FROM:<a@b> SIZE=1 BODY=8BITMIME SMTPUTF8", "FROM:<>", "FROM: user@host", "FROM:<local.@example.com>",
		"FROM:<example@example.com> AUTH=<username>", "FROM:<a@b> BY=-1;NT HOLDFOR=1 MTRK=YWJj:1", "FROM:<@a,@b:c@d>",
		`FROM:<"a\"b"@[IPv6:::1]> RET=HDRS ENVID=a+2Bb AUTH=e+3Dmc2@example.com`, "FROM:<用户@例子.example> SMTPUTF8",
		"FROM:<>>>>>", "FROM:<\x00>", "FROM:<a@b> HOLDUNTIL=2029-12-31T23:59:59Z SOLICIT=a:b,c",
	} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(255))
	}
	f.Fuzz(func(t *testing.T, in string, allow uint8) {
		p := Parser{Allow: Leniency(allow), Extensions: allExts}
		var cmd MailCommand
		if p.Mail(in, &cmd) != nil {
			return
		}
		out, err := AppendMail(nil, cmd.From, &cmd.Options, allExts)
		if err != nil && strings.Contains(err.Error(), "ENVID parameter: too long") {
			return // in lower-case hexadecimal digits it would have been refused
		}
		require.NoError(t, err)
		require.Equal(t, 1, bytes.Count(out, []byte("\n")))
		require.False(t, bytes.ContainsAny(out[:len(out)-2], "\r\n\x00"))
		_, arg := CutCommand(out[:len(out)-2])
		var again MailCommand
		p.Allow |= AllowUnderscores
		p.MaxPath = 1000 // quoting may make it longer
		require.NoError(t, p.Mail(string(arg), &again), "%s", out)
		require.Equal(t, cmd, again)
	})
}

func FuzzRcpt(f *testing.F) {
	for _, s := range []string{
		"TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c", `TO:<a@b> ORCPT=utf-8;\x{7528}@b`, "TO:<postmaster>",
		"TO:<a@b> RRVS=2014-04-03T23:01:00Z;C CONNEG", "TO:<用户@例子.example>",
	} {
		f.Add(s, uint8(0))
	}
	f.Fuzz(func(t *testing.T, in string, allow uint8) {
		p := Parser{Allow: Leniency(allow), Extensions: allExts}
		var cmd RcptCommand
		if p.Rcpt(in, true, &cmd) != nil {
			return
		}
		out, err := AppendRcpt(nil, cmd.To, &cmd.Options, true, allExts)
		if err != nil && strings.Contains(err.Error(), "ORCPT parameter: too long") {
			return
		}
		require.NoError(t, err)
		require.False(t, bytes.ContainsAny(out[:len(out)-2], "\r\n\x00"))
		_, arg := CutCommand(out[:len(out)-2])
		var again RcptCommand
		p.Allow |= AllowUnderscores
		p.MaxPath = 1000
		require.NoError(t, p.Rcpt(string(arg), true, &again), "%s", out)
		require.Equal(t, cmd, again)
	})
}

// Whatever an address holds, what is written is one path or nothing.
func FuzzAddress(f *testing.F) {
	f.Add("a", "b.example")
	f.Add("a>\r\nDATA\r\n", "b")
	f.Add(`"quoted"`, "[1.2.3.4]")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, local, domain string) {
		a := Address{local, domain}
		require.False(t, strings.ContainsAny(a.String(), "\r\n\x00<>"))
		out, err := a.AppendPath(nil)
		if err != nil || a.Domain == "" {
			return
		}
		back, rest, err := (&Parser{Allow: AllowUnderscores, MaxPath: 1 << 20}).path(string(out), true)
		require.NoError(t, err, "%q", out)
		require.Empty(t, rest)
		require.Equal(t, a, back)
	})
}

func FuzzReply(f *testing.F) {
	f.Add("250-mx\n250 ok", uint16(550))
	f.Add("5.1.1 no\r\n\x00", uint16(9))
	f.Fuzz(func(t *testing.T, text string, code uint16) {
		CutEnhancedCode(text)
		ParseFeatures(text)
		out := Reply{Code: int(code), Enhanced: EnhancedCode{5, 1, 1}, Text: text}.Append(nil)
		n := 0
		for line := range bytes.Lines(out) {
			require.True(t, bytes.HasSuffix(line, []byte("\r\n")))
			require.LessOrEqual(t, len(line), maxReplyLine)
			_, last, _, err := CutReplyLine(line[:len(line)-2])
			require.NoError(t, err)
			if last {
				n++
			}
		}
		require.Equal(t, 1, n)
	})
}

func FuzzArguments(f *testing.F) {
	for _, s := range []string{"PLAIN =", "LOGIN dGVzdA==", "100 LAST", "imap://x LAST", "NAME=a ADDR=[UNAVAILABLE]", "x SMTPUTF8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := Parser{Extensions: allExts}
		p.Auth(s)
		p.Bdat(s)
		p.Burl(s)
		p.Attributes(s)
		p.Hello(s)
		p.String(s)
		CutCommand([]byte(s))
		CutReplyLine([]byte(s))
		if x, ok := ParseXtext(s); ok {
			y, ok := ParseXtext(string(AppendXtext(nil, x)))
			require.True(t, ok)
			require.Equal(t, x, y)
		}
		if x, ok := parseUTF8Addr(s); ok {
			for _, unitext := range []bool{false, true} {
				y, ok := parseUTF8Addr(string(appendUTF8Addr(nil, x, unitext)))
				require.True(t, ok, "%q", x)
				require.Equal(t, x, y)
			}
		}
	})
}
