package smtp

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestParseAddress(t *testing.T) {
	for _, tc := range []struct {
		in            string
		local, domain string
		out           string // if not in
	}{
		{in: "a@b", local: "a", domain: "b"},
		{in: "user+tag@sub.example.org", local: "user+tag", domain: "sub.example.org"},
		{in: "!#$%&'*+-/=?^_`{|}~@x.example", local: "!#$%&'*+-/=?^_`{|}~", domain: "x.example"},
		{in: `"john doe"@example.org`, local: "john doe", domain: "example.org"},
		{in: `"john"@example.org`, local: "john", domain: "example.org", out: "john@example.org"},
		{in: `"a\"b\\c"@example.org`, local: `a"b\c`, domain: "example.org"},
		{in: `"a\b"@example.org`, local: "ab", domain: "example.org", out: "ab@example.org"},
		{in: `"a@b"@example.org`, local: "a@b", domain: "example.org"},
		{in: `"a."@example.org`, local: "a.", domain: "example.org"},
		{in: "a@[192.0.2.1]", local: "a", domain: "[192.0.2.1]"},
		{in: "a@[IPv6:2001:db8::1]", local: "a", domain: "[IPv6:2001:db8::1]"},
		{in: "a@[x-tag:what]", local: "a", domain: "[x-tag:what]"},
		{in: "用户@例子.example", local: "用户", domain: "例子.example"},
		{in: `"用 户"@例子.example`, local: "用 户", domain: "例子.example"},
		{in: "a@1.2.3.4", local: "a", domain: "1.2.3.4"},
	} {
		a, err := ParseAddress(tc.in)
		require.NoError(t, err, tc.in)
		require.Equal(t, Address{tc.local, tc.domain}, a)
		if tc.out == "" {
			tc.out = tc.in
		}
		require.Equal(t, tc.out, a.String())
		b, err := a.AppendPath(nil)
		require.NoError(t, err)
		require.Equal(t, "<"+tc.out+">", string(b))
	}
	for _, in := range []string{
		"", "a", "@b", "a@", "a@b@c", "a b@c", ".a@b", "a.@b", "a..b@c", "a@b.", "a@.b", "a@b..c", "a@-b", "a@b-", "a@b-.c",
		"a@b_c", "a@b c", " a@b", "a@b ", "<a@b>", "a@[1.2.3]", "a@[1.2.3.4", "a@1.2.3.4]", "a@[IPv6:1.2.3.4]", "a@[IPv6:fe80::1%eth0]",
		"a@[:x]", "a@[tag:]", `"@b`, `""@b`, `"a@b`, `"a"b@c`, `"a\"@b`, "\"a\x01\"@b", "\"a\r\n\"@b", "a\x00@b", "a\xff@b", "\"\xff\"@b", "a@\xff",
		`"foo@psres.net> ORCPT=admin@admin.com"@test.com`, `"a\>"@b`, "a@" + strings.Repeat("x", 64) + ".example", "a@" + strings.Repeat("x.", 128) + "x",
		"a@xn--\u00e4.example", "a\u0000@b", "(c)a@b", "a@b\u2028",
	} {
		_, err := ParseAddress(in)
		require.Error(t, err, "%q", in)
	}
}

func TestAddress(t *testing.T) {
	require.True(t, Address{}.IsZero())
	b, err := Address{}.AppendPath(nil)
	require.NoError(t, err)
	require.Equal(t, "<>", string(b))
	for _, a := range []Address{
		{"a\r\nb", "c.example"}, {"a>b", "c.example"}, {"", "c.example"}, {"a", ""}, {"a", "b c"}, {"a", "b>\r\nDATA"}, {"a\x00", "b"},
		{"a\xff", "b"}, {"a", "[1.2.3.4> x]"}, {"a\x7f", "b"},
	} {
		_, err := a.AppendPath(nil)
		require.Error(t, err, "%q", a)
		require.NotContains(t, a.String(), "\n")
	}
	a := Address{"a", "MÜLLER.example"}
	require.Equal(t, "xn--mller-kva.example", a.ASCIIDomain())
	require.False(t, a.NeedsUTF8())
	require.False(t, a.IsASCII())
	a, err = a.ToASCII()
	require.NoError(t, err)
	require.Equal(t, "a@xn--mller-kva.example", a.String())
	_, err = Address{"ü", "x"}.ToASCII()
	require.ErrorIs(t, err, ErrNeedsUTF8)
	ip, ok := Address{"a", "[IPv6:2001:db8::1]"}.IP()
	require.True(t, ok)
	require.Equal(t, netip.MustParseAddr("2001:db8::1"), ip)
	_, ok = Address{"a", "b"}.IP()
	require.False(t, ok)
	var u Address
	require.NoError(t, u.UnmarshalText([]byte("a@b")))
	text, err := u.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "a@b", string(text))
}

func TestPath(t *testing.T) {
	for _, tc := range []struct {
		in    string
		allow Leniency
		want  string // "!": refused
	}{
		{"FROM:<a@b>", 0, "a@b"},
		{"from:<a@b>", 0, "a@b"},
		{"FROM:<>", 0, ""},
		{"FROM:<@x.example:a@b>", 0, "a@b"},
		{"FROM:<@x.example,@y.example:a@b>", 0, "a@b"},
		{"FROM:<@x.example,y:a@b>", 0, "!"},
		{"FROM:<@x.example>", 0, "!"},
		{"FROM:<@:a@b>", 0, "!"},
		{"FROM:<a@b", 0, "!"},
		{"FROM:<a@b>>", 0, "!"},
		{"FROM:<a@b>x", 0, "!"},
		{"FROM:<a>", 0, "!"},
		{"FROM:<postmaster>", 0, "!"},
		{"FROM <a@b>", 0, "!"},
		{"FROM:", 0, "!"},
		{"FROM: <a@b>", 0, "!"},
		{"FROM: <a@b>", AllowSpace, "a@b"},
		{"FROM:a@b", 0, "!"},
		{"FROM:a@b", AllowNoBrackets, "a@b"},
		{"FROM:a@b>", AllowNoBrackets, "!"},
		{"FROM:a", AllowNoBrackets, "!"},
		{"FROM:<.a..@b>", 0, "!"},
		{"FROM:<.a..@b>", AllowDots, `".a.."@b`},
		{"FROM:<a@b_c>", AllowUnderscores, "a@b_c"},
		{"FROM:<a\tb@c>", AllowAll, "!"},
		{"FROM:<" + strings.Repeat("a", 252) + "@b>", 0, strings.Repeat("a", 252) + "@b"},
		{"FROM:<" + strings.Repeat("a", 253) + "@b>", 0, "!"},
		{"FROM:<" + strings.Repeat("@x.example,", 30) + "@x.example:a@b>", 0, "!"},
	} {
		p := Parser{Allow: tc.allow}
		var cmd MailCommand
		err := p.Mail(tc.in, &cmd)
		if tc.want == "!" {
			require.Error(t, err, tc.in)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, 501, e.Code)
			continue
		}
		require.NoError(t, err, tc.in)
		require.Equal(t, tc.want, cmd.From.String(), tc.in)
	}
}

// allExts is every extension there is.
const allExts = ExtensionSet(1<<numExtensions - 1)

func TestMailParams(t *testing.T) {
	six, minus := 6, -9
	addr := Address{"e=mc2", "example.com"}
	at := time.Date(2029, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, tc := range []struct {
		in   string
		want MailOptions
		out  string // if not in
		bad  bool
	}{
		{in: "", want: MailOptions{}},
		{in: " SIZE=1000 BODY=8BITMIME SMTPUTF8", want: MailOptions{Size: 1000, Body: Body8BitMIME, UTF8: true}},
		{in: " size=1000  body=binarymime ", want: MailOptions{Size: 1000, Body: BodyBinaryMIME}, out: " SIZE=1000 BODY=BINARYMIME"},
		{in: " SIZE=18446744073709551615", want: MailOptions{Size: math.MaxInt64}, out: " SIZE=9223372036854775807"},
		{in: " SIZE=99999999999999999999", want: MailOptions{Size: math.MaxInt64}, out: " SIZE=9223372036854775807"},
		{in: " AUTH=e+3Dmc2@example.com", want: MailOptions{Auth: &addr}},
		{in: " AUTH=<>", want: MailOptions{Auth: &Address{}}},
		{in: " RET=FULL ENVID=QQ314159", want: MailOptions{Return: ReturnFull, EnvelopeID: "QQ314159"}},
		{in: " REQUIRETLS MT-PRIORITY=6", want: MailOptions{RequireTLS: true, Priority: &six}},
		{in: " MT-PRIORITY=-9", want: MailOptions{Priority: &minus}},
		{in: " BY=120;RT", want: MailOptions{DeliverBy: &DeliverBy{Within: 2 * time.Minute, Return: true, Trace: true}}},
		{in: " BY=-5;N", want: MailOptions{DeliverBy: &DeliverBy{Within: -5 * time.Second}}},
		{in: " HOLDFOR=60", want: MailOptions{HoldFor: time.Minute}},
		{in: " HOLDUNTIL=2029-12-31T23:59:59Z", want: MailOptions{HoldUntil: at}},
		{in: " SOLICIT=org.example:ADV:ADLT,net.example", want: MailOptions{Solicit: []string{"org.example:ADV:ADLT", "net.example"}}},
		{in: " MTRK=YWJj:60 CONPERM", want: MailOptions{Track: &Track{Certifier: []byte("abc"), Timeout: time.Minute}, ConversionPermitted: true}},
		{in: " SIZE=1 SIZE=1", bad: true},
		{in: " SIZE", bad: true},
		{in: " SIZE=", bad: true},
		{in: " SIZE=a", bad: true},
		{in: " SIZE=123456789012345678901", bad: true},
		{in: " =1", bad: true},
		{in: " SIZE=1=2", bad: true},
		{in: " BODY=9BIT", bad: true},
		{in: " SMTPUTF8=", bad: true},
		{in: " AUTH=a@b@c", bad: true},
		{in: " AUTH=x+0", bad: true},
		{in: " ENVID=" + strings.Repeat("x", 101), bad: true},
		{in: " ENVID=a+0D+0AB", bad: true},
		{in: " MT-PRIORITY=10", bad: true},
		{in: " MT-PRIORITY=-0", bad: true},
		{in: " BY=0;R", bad: true},
		{in: " BY=1234567890;N", bad: true},
		{in: " BY=1;X", bad: true},
		{in: " HOLDFOR=1 HOLDUNTIL=2029-12-31T23:59:59Z", bad: true},
		{in: " SOLICIT=a,,b", bad: true},
		{in: " MTRK=!", bad: true},
		{in: " XYZZY=1", bad: true},
	} {
		p := Parser{Extensions: allExts}
		var cmd MailCommand
		err := p.Mail("FROM:<a@b>"+tc.in, &cmd)
		if tc.bad {
			require.Error(t, err, tc.in)
			continue
		}
		require.NoError(t, err, tc.in)
		require.Equal(t, tc.want, cmd.Options, tc.in)
		if tc.out == "" {
			tc.out = tc.in
		}
		b, err := AppendMail(nil, cmd.From, &cmd.Options, allExts)
		require.NoError(t, err)
		require.Equal(t, "MAIL FROM:<a@b>"+tc.out+"\r\n", string(b))
		if tc.in != "" {
			_, err = AppendMail(nil, cmd.From, &cmd.Options, 0)
			var u *UnsupportedError
			require.ErrorAs(t, err, &u)
		}
	}
	var e *Error
	require.ErrorAs(t, (&Parser{}).Mail("FROM:<a@b> SIZE=1", &MailCommand{}), &e)
	require.Equal(t, 555, e.Code)
}

func TestRcptParams(t *testing.T) {
	at := time.Date(2014, 4, 3, 23, 1, 0, 0, time.UTC)
	for _, tc := range []struct {
		in   string
		want RcptOptions
		out  string
		bad  bool
	}{
		{in: " NOTIFY=NEVER", want: RcptOptions{Notify: NotifyNever}},
		{in: " NOTIFY=success,failure,DELAY", want: RcptOptions{Notify: NotifySuccess | NotifyFailure | NotifyDelay}, out: " NOTIFY=SUCCESS,FAILURE,DELAY"},
		{in: " ORCPT=rfc822;Bob+2B1@Example.COM", want: RcptOptions{Original: OriginalRecipient{"rfc822", "Bob+1@Example.COM"}}},
		{in: ` ORCPT=utf-8;\x{7528}\x{2B}a@b`, want: RcptOptions{Original: OriginalRecipient{"utf-8", "用+a@b"}}, out: ` ORCPT=utf-8;用\x{2B}a@b`},
		{in: " ORCPT=utf-8;用@b", want: RcptOptions{Original: OriginalRecipient{"utf-8", "用@b"}}},
		{in: " RRVS=2014-04-03T23:01:00Z", want: RcptOptions{ValidSince: at}},
		{in: " RRVS=2014-04-03T23:01:00Z;R CONNEG", want: RcptOptions{ValidSince: at, ValidSinceAction: 'R', ConversionNegotiated: true}},
		{in: " NOTIFY=NEVER,DELAY", bad: true},
		{in: " NOTIFY=", bad: true},
		{in: " NOTIFY=SUCCESS,", bad: true},
		{in: " ORCPT=rfc822", bad: true},
		{in: " ORCPT=rfc822;", bad: true},
		{in: " ORCPT=;x", bad: true},
		{in: " ORCPT=rfc822;a+0Ab", bad: true},
		{in: ` ORCPT=utf-8;\x{110000}`, bad: true},
		{in: ` ORCPT=utf-8;\x{0A}`, bad: true},
		{in: " ORCPT=rfc822;" + strings.Repeat("x", 500), bad: true},
		{in: " RRVS=x", bad: true},
	} {
		p := Parser{Extensions: allExts}
		var cmd RcptCommand
		err := p.Rcpt("TO:<a@b>"+tc.in, true, &cmd)
		if tc.bad {
			require.Error(t, err, tc.in)
			continue
		}
		require.NoError(t, err, tc.in)
		require.Equal(t, tc.want, cmd.Options, tc.in)
		if tc.out == "" {
			tc.out = tc.in
		}
		b, err := AppendRcpt(nil, cmd.To, &cmd.Options, true, allExts)
		require.NoError(t, err)
		require.Equal(t, "RCPT TO:<a@b>"+tc.out+"\r\n", string(b))
	}
	b, err := AppendRcpt(nil, Address{"a", "b"}, &RcptOptions{Original: OriginalRecipient{"utf-8", "用@b"}}, false, allExts)
	require.NoError(t, err)
	require.Equal(t, "RCPT TO:<a@b> ORCPT=utf-8;\\x{7528}@b\r\n", string(b))
	_, err = AppendRcpt(nil, Address{}, nil, false, 0)
	require.Error(t, err)
	_, err = AppendMail(nil, Address{}, &MailOptions{EnvelopeID: "a\r\nDATA"}, allExts)
	require.Error(t, err)
	require.Equal(t, OriginalRecipient{"utf-8", "用@b"}, OriginalOf(Address{"用", "b"}))
}

func TestCutCommand(t *testing.T) {
	for _, tc := range []struct{ in, verb, arg string }{
		{"NOOP", "NOOP", ""}, {"NOOP ", "NOOP", ""}, {"MAIL FROM:<a>  ", "MAIL", "FROM:<a>"},
		{"auth \t plain", "auth", "plain"}, {"", "", ""}, {"  ", "", ""}, {" NOOP", "", "NOOP"},
	} {
		verb, arg := CutCommand([]byte(tc.in))
		require.Equal(t, tc.verb, string(verb), tc.in)
		require.Equal(t, tc.arg, string(arg), tc.in)
	}
}

func TestReply(t *testing.T) {
	for _, tc := range []struct {
		r    Reply
		want string
	}{
		{Reply{Code: 250}, "250 \r\n"},
		{Reply{250, EnhancedCode{2, 1, 0}, "ok"}, "250 2.1.0 ok\r\n"},
		{Reply{550, EnhancedCode{5, 1, 1}, "a\nb"}, "550-5.1.1 a\r\n550 5.1.1 b\r\n"},
		{Reply{334, EnhancedCode{2, 0, 0}, "x"}, "334 x\r\n"},
		{Reply{550, EnhancedCode{}, "a\r\n250 ok\x00\x7f\u00e9"}, "550-a?\r\n550 250 ok????\r\n"},
		{Reply{Code: 7, Text: "x"}, "451 x\r\n"},
	} {
		require.Equal(t, tc.want, string(tc.r.Append(nil)))
	}
	for _, text := range []string{strings.Repeat("word ", 500), strings.Repeat("x", 2000)} {
		out := string(Reply{550, EnhancedCode{5, 999, 999}, text}.Append(nil))
		for line := range strings.Lines(out) {
			require.LessOrEqual(t, len(line), 512)
		}
		require.Equal(t, 1, strings.Count(out, "550 "))
	}
	e := Reply{451, EnhancedCode{4, 3, 0}, "a\nb"}.Err()
	require.EqualError(t, e, "451 4.3.0 a b")
	require.ErrorIs(t, e, &Error{Code: 451})
	require.NotErrorIs(t, e, &Error{Code: 450})
	require.True(t, e.(*Error).Temporary())
	require.NoError(t, Reply{Code: 354}.Err())
}

func TestCutReplyLine(t *testing.T) {
	for _, tc := range []struct {
		in   string
		code int
		last bool
		text string
	}{
		{"250 ok", 250, true, "ok"}, {"250-ok", 250, false, "ok"}, {"250", 250, true, ""}, {"250 ", 250, true, ""}, {"250-", 250, false, ""},
		{"25", 0, false, ""}, {"25a x", 0, false, ""}, {"150 x", 0, false, ""}, {"650 x", 0, false, ""}, {"250x", 0, false, ""}, {"", 0, false, ""},
	} {
		code, last, text, err := CutReplyLine([]byte(tc.in))
		require.Equal(t, tc.code == 0, err != nil, tc.in)
		require.Equal(t, tc.code, code)
		require.Equal(t, tc.last, last)
		require.Equal(t, tc.text, string(text))
	}
	for _, tc := range []struct{ in, code, rest string }{
		{"5.1.1 no", "5.1.1", "no"}, {"2.0.0", "2.0.0", ""}, {"5.7.11\nx", "5.7.11", "\nx"}, {"3.0.0 x", "", "3.0.0 x"}, {"5.1 x", "", "5.1 x"},
		{"5.1.1x", "", "5.1.1x"}, {"5.1.1000 x", "", "5.1.1000 x"}, {"", "", ""}, {"5..1 x", "", "5..1 x"}, {"55.1.1 x", "", "55.1.1 x"},
	} {
		code, rest := CutEnhancedCode(tc.in)
		require.Equal(t, tc.code, code.String(), tc.in)
		require.Equal(t, tc.rest, rest)
	}
}

func TestFeatures(t *testing.T) {
	f := ParseFeatures("mx.example.org Hello\nSIZE 1000\nauth=PLAIN LOGIN\nAUTH PLAIN cram-md5\n8BITMIME \nX-UNKNOWN a b\nLIMITS MAILMAX=5 RCPTMAX=x FOO=1 RCPTDOMAINMAX=3\n!bad\n\nPIPELINING")
	require.Equal(t, "mx.example.org", f.Domain)
	require.Equal(t, ExtensionsOf(ExtSize, ExtAuth, Ext8BitMIME, ExtLimits, ExtPipelining), f.Extensions)
	require.Equal(t, "PIPELINING SIZE 8BITMIME AUTH LIMITS", f.Extensions.String())
	require.Equal(t, int64(1000), f.MaxSize())
	require.Equal(t, []string{"PLAIN", "LOGIN", "CRAM-MD5"}, f.Mechanisms())
	require.Equal(t, Limits{MailMax: 5, RcptDomainMax: 3}, f.Limits())
	p, ok := f.Param("x-unknown")
	require.True(t, ok)
	require.Equal(t, "a b", p)
	require.False(t, f.Has(ExtDSN))
	for _, s := range []string{"SIZE", "SIZE x", "SIZE -1", "SIZE 99999999999999999999"} {
		f := ParseFeatures("x\n" + s)
		require.Zero(t, f.MaxSize())
	}
}

func TestAuthCommand(t *testing.T) {
	p := Parser{}
	for _, tc := range []struct {
		in, mech string
		ir       []byte
	}{
		{"PLAIN", "PLAIN", nil}, {"plain =", "PLAIN", []byte{}}, {"SCRAM-SHA-256-PLUS eHg=", "SCRAM-SHA-256-PLUS", []byte("xx")},
	} {
		cmd, err := p.Auth(tc.in)
		require.NoError(t, err)
		require.Equal(t, AuthCommand{tc.mech, tc.ir}, cmd)
		b, err := AppendAuth(nil, cmd.Mechanism, cmd.Initial)
		require.NoError(t, err)
		require.True(t, strings.EqualFold("AUTH "+tc.in+"\r\n", string(b)))
	}
	for _, in := range []string{"", "A B C", "PLAIN x", "PLAIN eHg", "PLÄIN", strings.Repeat("x", 21)} {
		_, err := p.Auth(in)
		require.Error(t, err, in)
	}
	_, err := AppendAuth(nil, "X\r\nY", nil)
	require.Error(t, err)
}

func TestTrace(t *testing.T) {
	r := Received{
		Hello: "a (b) <c>\r\nX: y", Addr: netip.MustParseAddr("2001:db8::1"), Name: "host.example", By: "mx.example.org", With: "ESMTPS", ID: "x1",
		For: Address{"a", "b"}, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
	}
	require.Equal(t, "Received: from unknown (host.example [IPv6:2001:db8::1])\r\n\t(helo a??b???c???X:?y)\r\n\tby mx.example.org with ESMTPS\r\n\tid x1\r\n\tfor <a@b>;\r\n\tFri, 2 Jan 2026 03:04:05 +0100\r\n", string(r.Append(nil)))
	require.Equal(t, "Return-Path: <>\r\n", string(AppendReturnPath(nil, Address{})))
	require.Equal(t, "Return-Path: <>\r\n", string(AppendReturnPath(nil, Address{"a\r\n", "b"})))
	require.Equal(t, "[192.0.2.1]", string(AppendAddrLiteral(nil, netip.MustParseAddr("::ffff:192.0.2.1"))))
	for _, tc := range []struct {
		lmtp, ext, tls, auth, utf8 bool
		want                       string
	}{
		{want: "SMTP"}, {ext: true, want: "ESMTP"}, {ext: true, tls: true, want: "ESMTPS"}, {ext: true, auth: true, want: "ESMTPA"},
		{ext: true, tls: true, auth: true, want: "ESMTPSA"}, {lmtp: true, ext: true, tls: true, want: "LMTPS"}, {ext: true, utf8: true, tls: true, auth: true, want: "UTF8SMTPSA"},
		{lmtp: true, utf8: true, want: "UTF8LMTP"},
	} {
		require.Equal(t, tc.want, Protocol(tc.lmtp, tc.ext, tc.tls, tc.auth, tc.utf8))
	}
}

func TestBdatBurl(t *testing.T) {
	p := Parser{}
	cmd, err := p.Bdat("100 last")
	require.NoError(t, err)
	require.Equal(t, BdatCommand{100, true}, cmd)
	for _, in := range []string{"", "x", "-1", "1 LAST x", "1 FIRST", "1234567890123456789", "+1", "1 "} {
		_, err := p.Bdat(in)
		require.Error(t, err, in)
	}
	require.Equal(t, "BDAT 5 LAST\r\n", string(AppendBdat(nil, 5, true)))
	burl, err := p.Burl("imap://x LAST")
	require.NoError(t, err)
	require.Equal(t, BurlCommand{"imap://x", true}, burl)
	_, err = p.Burl("")
	require.Error(t, err)
}

func TestAttributes(t *testing.T) {
	p := Parser{}
	list, err := p.Attributes("NAME=spike+20x ADDR=[UNAVAILABLE] helo=[tempunavail]")
	require.NoError(t, err)
	require.Equal(t, []Attribute{{Name: "NAME", Value: "spike x"}, {Name: "ADDR", Absent: true}, {Name: "HELO", TempUnavail: true}}, list)
	b, err := AppendAttributes(nil, "XCLIENT", list)
	require.NoError(t, err)
	require.Equal(t, "XCLIENT NAME=spike+20x ADDR=[UNAVAILABLE] HELO=[TEMPUNAVAIL]\r\n", string(b))
	for _, in := range []string{"", "x", "A=", "=b", "A=x+0", "A=+0D"} {
		_, err := p.Attributes(in)
		require.Error(t, err, in)
	}
	_, err = AppendAttributes(nil, "X\r\n", nil)
	require.Error(t, err)
}

func BenchmarkMail(b *testing.B) {
	b.ReportAllocs()
	p := Parser{Extensions: allExts}
	var cmd MailCommand
	arg := "FROM:<someone.somewhere@example.org> SIZE=12345 BODY=8BITMIME"
	for b.Loop() {
		if err := p.Mail(arg, &cmd); err != nil {
			b.Fatal(err)
		}
	}
}

// A reply in UTF-8 divides long lines between characters, and cannot add a line.
func TestReplyUTF8(t *testing.T) {
	r := Reply{Code: 250, Enhanced: EnhancedCode{2, 1, 5}, Text: strings.Repeat("例", 400) + "\r\x00\u0085\xff\nx"}
	b := r.AppendUTF8(nil)
	require.True(t, utf8.Valid(b))
	var text string
	lines := strings.Split(strings.TrimSuffix(string(b), "\r\n"), "\r\n")
	for i, line := range lines {
		require.LessOrEqual(t, len(line), 510)
		require.Equal(t, i == len(lines)-1, strings.HasPrefix(line, "250 2.1.5 "))
		text += line[len("250-2.1.5 "):]
	}
	require.Equal(t, strings.Repeat("例", 400)+"????x", text)
	require.NotContains(t, string(r.Append(nil)), "例")
}

func TestHello(t *testing.T) {
	lenient := &Parser{Allow: AllowHello}
	for name, strict := range map[string]bool{
		"client.example": true, "my_pc": true, "192.0.2.1": true, "[192.0.2.1]": true, "::1": true, "[IPv6:fe80::1%eth0]": true, "例子.example": true,
		"(none)": false, "my computer": false, "foo+bar": false, "<script>": false, `a"b\c;d`: false, strings.Repeat("x", 255): true,
	} {
		_, err := (&Parser{}).Hello(name)
		require.Equal(t, strict, err == nil, name)
		got, err := lenient.Hello(name)
		require.NoError(t, err, name)
		require.Equal(t, name, got)
	}
	for _, name := range []string{"", "a\tb", "a\rb", "a\x00b", "a\x7f", "a\u0085b", "a\xff", strings.Repeat("x", 256)} {
		_, err := lenient.Hello(name)
		require.Error(t, err, "%q", name)
	}
}

// What a client calls itself cannot break the grammar of the field (RFC 5321 §4.4),
// nor add a clause, a comment or a field.
func TestReceivedHello(t *testing.T) {
	for hello, want := range map[string]string{
		"client.example": "from client.example ([192.0.2.1])\r\n\tby",
		"my_pc":          "from my_pc ([192.0.2.1])\r\n\tby",
		"[192.0.2.9]":    "from [192.0.2.9] ([192.0.2.1])\r\n\tby",
		"":               "from unknown ([192.0.2.1])\r\n\tby",
		"(none)":         "from unknown ([192.0.2.1])\r\n\t(helo ?none?)\r\n\tby",
		"my computer":    "from unknown ([192.0.2.1])\r\n\t(helo my?computer)\r\n\tby",
		"x) by evil; (":  "from unknown ([192.0.2.1])\r\n\t(helo x??by?evil???)\r\n\tby",
		"a\r\nX: y\\":    "from unknown ([192.0.2.1])\r\n\t(helo a??X:?y?)\r\n\tby",
		"foo+bar":        "from unknown ([192.0.2.1])\r\n\t(helo foo+bar)\r\n\tby",
		"::1":            "from unknown ([192.0.2.1])\r\n\t(helo ::1)\r\n\tby",
		"例子.example":     "from xn--fsqu00a.example ([192.0.2.1])\r\n\tby",
		"例 子":            "from unknown ([192.0.2.1])\r\n\t(helo ???)\r\n\tby",
		"\xff":           "from unknown ([192.0.2.1])\r\n\t(helo ?)\r\n\tby",
	} {
		r := Received{Hello: hello, Addr: netip.MustParseAddr("192.0.2.1"), By: "mx.example.org", With: "ESMTP"}
		require.Contains(t, string(r.Append(nil)), "Received: "+want, "%q", hello)
	}
	r := Received{Hello: "例子.example", By: "mx.example.org", With: "UTF8SMTPS"}
	require.Contains(t, string(r.Append(nil)), "from 例子.example\r\n\tby")
}
