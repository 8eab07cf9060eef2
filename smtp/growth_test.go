package smtp

import (
	"testing"

	"github.com/posthorn-mail/posthorn/internal/testutil/growth"
)

// TestGrowth holds what a peer or a message can make this package parse to work and
// memory in proportion to its length.
func TestGrowth(t *testing.T) {
	addresses := []string{"a", "a.", "\"", "\"a\".", "\\", "\"\\", "<", "<<", "@a,", "@a:", "[", "[IPv6:", "a-", "ä", "a@", " A=b", " SIZE=1", " A№=b", " AUTH=+41", "+41", "x=,", "()"}
	mail := func(s string) {
		p := Parser{Extensions: allExts, Allow: AllowAll, MaxPath: 1 << 30}
		var cmd MailCommand
		_ = p.Mail(s, &cmd)
		p.Allow = 0
		_ = p.Mail(s, &cmd)
	}
	rcpt := func(s string) {
		p := Parser{Extensions: allExts, Allow: AllowAll, MaxPath: 1 << 30}
		var cmd RcptCommand
		_ = p.Rcpt(s, true, &cmd)
	}
	arguments := func(s string) {
		p := Parser{Extensions: allExts}
		p.Auth(s)
		p.Bdat(s)
		p.Burl(s)
		p.Attributes(s)
		p.Hello(s)
		p.String(s)
		CutCommand([]byte(s))
		CutReplyLine([]byte(s))
		CutEnhancedCode(s)
		ParseXtext(s)
		parseUTF8Addr(s)
		ParseFutureRelease(s)
	}
	trace := func(s string) {
		ParseReceived(s)
		_, _ = ParseReturnPath(s)
		ParseSolicitation(s)
	}
	const path = "<>@:,\"\\[].a -"
	growth.Test(t, []growth.Parser{
		{Name: "reverse-path", Prefix: "FROM:<", Alphabet: path, Patterns: addresses, Parse: mail},
		{Name: "parameters of MAIL", Prefix: "FROM:<a@b>", Alphabet: " =+;,:A\\", Patterns: append(addresses, " ENVID=", " SOLICIT=a:b,", " BY=1;", " HOLDFOR=1", " MTRK="), Parse: mail},
		{Name: "forward-path", Prefix: "TO:<", Alphabet: path, Patterns: addresses, Parse: rcpt},
		{Name: "parameters of RCPT", Prefix: "TO:<a@b>", Alphabet: " =+;,:A\\{}", Patterns: append(addresses, " NOTIFY=", "SUCCESS,", "\\x{41}"), Parse: rcpt},
		{Name: "NOTIFY", Prefix: "TO:<a@b> NOTIFY=", Alphabet: ",A =", Patterns: []string{"SUCCESS,", "NEVER,"}, Parse: rcpt},
		{Name: "ORCPT", Prefix: "TO:<a@b> ORCPT=utf-8;", Alphabet: "+\\{}4x;@a", Patterns: []string{"\\x{41}", "+41"}, Parse: rcpt},
		{Name: "SOLICIT", Prefix: "FROM:<a@b> SOLICIT=", Alphabet: ",:a.", Patterns: []string{"a:b,", "a№,"}, Parse: mail},
		{Name: "arguments", Alphabet: " =-+;,.:4a[\\\n", Patterns: []string{"4.", "250-", "A=b ", "№ "}, Parse: arguments},
		{Name: "reply to EHLO", Steps: 300, Prefix: "a\n", Alphabet: "\n =A-", Parse: func(s string) {
			f := ParseFeatures(s)
			f.Mechanisms()
			f.NoSoliciting()
			f.Limits()
			f.MaxSize()
		}, Patterns: []string{"A№\n", "AUTH A\n", "AUTH A№\n", "AUTH=A№ B№\n", "X A№\n", "LIMITS A№=1\n"}},
		{Name: "mechanisms", Prefix: "a\nAUTH ", Alphabet: " A=", Parse: func(s string) { f := ParseFeatures(s); f.Mechanisms() }, Patterns: []string{"A№ "}},
		{Name: "Received", Prefix: "from ", Alphabet: "();\"\\ a[]=@", Parse: trace, Patterns: []string{
			";", "(", "()", "(;", "\"\\\" ", "\"", "from ", "for <a@b> ", "with TLS", "TLS1 ", "TLS_A ", "[", ";1 Jan 2026 ", "(…)", "helo=a ", "(helo a)", "by a (TLS1.3 TLS_A)"}},
		{Name: "Return-Path", Prefix: "Return-Path:", Alphabet: path + "\r\n(", Parse: trace},
		{Name: "Solicitation", Prefix: "Solicitation:", Alphabet: ",: a\r\n", Parse: trace},
	})
}
