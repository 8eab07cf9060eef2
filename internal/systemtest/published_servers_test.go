package systemtest

import (
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The beginnings of what is sent to servers, and what they say to it.
const (
	toRcpt   = "EHLO c\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<" + bob + ">\r\n"
	inRcpt   = "250 HELP | 250 2.1.0 sender OK | 250 2.1.5 recipient OK | "
	toData   = toRcpt + "DATA\r\n"
	inData   = inRcpt + "354 start mail input; end with <CRLF>.<CRLF> | "
	smuggled = "MAIL FROM:<smuggled@example.net>\r\nRCPT TO:<" + bob + ">\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"
	oneOnly  = inData + "554 5.6.0 message has a bare CR or LF in it | 221 2.0.0 … closing connection"
	bye      = " | * BYE logging out | z OK LOGOUT completed"
	refused  = "NO [AUTHENTICATIONFAILED] wrong user name or password"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// lit is a literal that does not wait.
func lit(s string) string { return fmt.Sprintf("{%d+}\r\n%s", len(s), s) }

// plain is the response of PLAIN.
func plain(authzid, user, password string) string {
	return b64(authzid + "\x00" + user + "\x00" + password)
}

// nested is a message of so many levels.
func nested(n int) string { return strings.Repeat("Content-Type: message/rfc822\r\n\r\n", n) + "x" }

// publishedForServers are tried on examples/mailserver from outside, where nothing
// else is said.
func publishedForServers() []defect {
	return []defect{
		// One message stays one, however its lines end.
		{"smuggling", "LF.LF", "CVE-2023-51764 Postfix, CVE-2023-51765 Sendmail, CVE-2023-51766 Exim",
			toSMTP(toData + "one\n.\n" + smuggled), oneOnly},
		{"smuggling", "LF.CRLF", "CVE-2023-51764 Postfix, CVE-2024-27305 aiosmtpd",
			toSMTP(toData + "one\n.\r\n" + smuggled), oneOnly},
		{"smuggling", "CR.CR", "CVE-2023-51765 Sendmail",
			toSMTP(toData + "one\r.\r" + smuggled), oneOnly},
		{"smuggling", "CRLF.LF", "CVE-2023-51766 Exim, CVE-2023-51747 James",
			toSMTP(toData + "one\r\n.\n" + smuggled), oneOnly},
		{"smuggling", "CRLF.CR", "kin: CVE-2023-51765 Sendmail",
			toSMTP(toData + "one\r\n.\r" + smuggled), oneOnly},
		{"smuggling", "CRLF NUL.CRLF", "kin: CVE-2023-51764 Postfix",
			toSMTP(toData + "one\r\n\x00.\r\n" + smuggled), inData + "250 2.0.0 accepted as … | 221 2.0.0 … closing connection"},
		{"smuggling", "the end of DATA within BDAT is content", "kin: CVE-2023-51766 Exim",
			toSMTP(toRcpt + "BDAT 40 LAST\r\none\r\n.\r\nMAIL FROM:<smuggled@example.net>QUIT\r\n"),
			inRcpt + "250 2.0.0 accepted as … | 221 2.0.0 … closing connection"},
		{"smuggling", "bare LF within BDAT", "kin: CVE-2023-51766 Exim",
			toSMTP(toRcpt + "BDAT 7 LAST\r\none\n.\r\nQUIT\r\n"), inRcpt + "554 5.6.0 message has a bare CR or LF in it | 221 2.0.0 … closing connection"},
		{"smuggling", "commands that end with LF", "kin: CVE-2023-51764 Postfix",
			toSMTP("EHLO c\nNOOP\nQUIT\r\n"), "500 5.5.2 lines end with CRLF | 500 5.5.2 lines end with CRLF | 221 2.0.0 … closing connection"},
		{"smuggling", "a body that was not asked for is commands, none of which acts", "kin: CVE-2023-51764 Postfix",
			toSMTP("EHLO c\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\nSubject: x\r\n.\r\nQUIT\r\n"), "250 HELP | 250 2.1.0 sender OK | 550 5.1.1 no such user here | 554 5.5.1 no valid recipients | 500 5.5.1 command unrecognized | 500 5.5.1 command unrecognized | 221 2.0.0 … closing connection"},
		{"smuggling", "IMAP commands that end with LF", "kin: CVE-2023-51764 Postfix",
			toIMAP("a NOOP\nb NOOP\r\nz LOGOUT\r\n"), "a BAD line ended by LF without CR | b OK NOOP completed" + bye},
		{"smuggling", "a literal of APPEND is no commands", "kin: CVE-2023-51764 Postfix",
			toBob("a APPEND Nowhere " + lit("x\r\nb DELETE Lab\r\n.\r\n") + "\r\nz LOGOUT\r\n"), "a NO [TRYCREATE] no such mailbox" + bye},

		{"STARTTLS injection", "SMTP commands after STARTTLS", "CVE-2011-0411 Postfix, CVE-2021-33515 Dovecot",
			toSMTP("EHLO c\r\nSTARTTLS\r\nNOOP\r\nRSET\r\n"), "250 HELP"},
		{"STARTTLS injection", "IMAP commands after STARTTLS", "CVE-2011-1926 Cyrus, CVE-2021-38542 James",
			toIMAP("a STARTTLS\r\nb NOOP\r\n"), "(nothing)"},
		{"STARTTLS injection", "POP3 commands after STLS", "CVE-2021-38084 Courier",
			toPOP3("STLS\r\nCAPA\r\n"), "(nothing)"},
		{"STARTTLS injection", "commands in place of the handshake end the session", "kin: CVE-2011-0411 Postfix",
			func(t *testing.T, l *lab) string {
				var out []string
				for _, x := range [][3]string{{"smtp", "EHLO c\r\nSTARTTLS\r\n", "220 "}, {"imap", "a STARTTLS\r\n", "a OK"}, {"pop3", "STLS\r\n", "+OK"}} {
					w := l.s.dial(t, x[0])
					w.send("%s", x[1])
					for !strings.HasPrefix(w.line(), x[2]) {
					}
					w.send("NOOP\r\na NOOP\r\nQUIT\r\n")
					rest, _ := io.ReadAll(w.Conn)
					out = append(out, fmt.Sprintf("%s %x", x[0], rest))
				}
				return strings.Join(out, "\n")
			}, "smtp  | imap  | pop3 "},

		{"response injection", "CRLF in a mailbox name is never repeated", "kin: CVE-2026-42257 net-imap",
			toBob("a CREATE " + lit("x\r\n* OK injected\r\n") + "\r\nb STATUS " + lit("x\r\n* BYE evil\r\n") + " (MESSAGES)\r\nc LIST \"\" x*\r\nz LOGOUT\r\n"), "a NO [CANNOT] invalid name: control character U+000D | b NO [NONEXISTENT] no such mailbox | c OK LIST completed" + bye},
		{"response injection", "CRLF in ID", "kin: CVE-2026-47242 net-imap",
			toBob("a ID (\"name\" " + lit("x\r\n* BYE evil") + ")\r\nz LOGOUT\r\n"), "* ID (\"name\" \"Posthorn\") | a OK ID completed" + bye},
		{"response injection", "CRLF in a keyword", "kin: CVE-2026-42258 net-imap",
			toBob("a STORE 1 +FLAGS (" + lit("x\r\n") + ")\r\nb STORE 1 +FLAGS (x\r\n* BYE evil\r\nc FETCH 1 FLAGS\r\nz LOGOUT\r\n"), "a BAD expected flag at \"{3+}\" | b BAD expected SP or ')' before end of line | * BAD expected tag at \"* BYE evil\" | * 1 FETCH (FLAGS ()) | c OK FETCH completed" + bye},
		{"response injection", "CR and escapes in what an SMTP reply could repeat", "kin: CVE-2026-42257 net-imap",
			toSMTP("EHLO a\rb\r\nVRFY x\r250 y\r\nHELP \x1b[31m\r\nRCPT TO:<\x1b[31m@example.org>\r\nQUIT\r\n"), "500 5.5.2 lines end with CRLF | 500 5.5.2 lines end with CRLF | 214 2.0.0 see RFC 5321 | 503 5.5.1 say HELO or EHLO first | 221 2.0.0 … closing connection"},
		{"response injection", "a charset in BADCHARSET", "kin: CVE-2026-42257 net-imap",
			toBob("a SEARCH CHARSET " + lit("x\r\ny)]") + " ALL\r\nb SEARCH CHARSET \"x)] y\" ALL\r\nz LOGOUT\r\n"), "a NO [BADCHARSET (US-ASCII UTF-8 …)] unknown charset | b NO [BADCHARSET (US-ASCII UTF-8 …)] unknown charset" + bye},
		{"response injection", "the name that EHLO gives", "kin: CVE-2021-3618 Sendmail and others",
			toSMTP("EHLO <script>alert(1)</script>\r\nEHLO x\ty\r\nQUIT\r\n"), "250 HELP | 501 5.5.2 control characters are not allowed | 221 2.0.0 … closing connection"},

		{"command injection", "newline in AUTH= and ORCPT=", "CVE-2020-28021, CVE-2020-28026 Exim",
			toSubmission("EHLO c\r\nAUTH PLAIN " + plain("", bob, bobPassword) + "\r\nMAIL FROM:<" + bob + "> AUTH=bob+0Aevil\r\nMAIL FROM:<" + bob + "> ENVID=x+0D+0Ay\r\n" +
				"MAIL FROM:<" + bob + ">\r\nRCPT TO:<" + alice + "> ORCPT=rfc822;x+0A-frozen\r\nRCPT TO:<" + alice + "> ORCPT=rfc822;x\n-frozen\r\nQUIT\r\n"), "250 HELP | 235 2.7.0 authentication succeeded | 501 5.5.4 bad AUTH parameter | 501 5.5.4 bad ENVID parameter | 250 2.1.0 sender OK | 501 5.5.4 bad ORCPT parameter | 500 5.5.2 lines end with CRLF | 500 5.5.1 command unrecognized | 221 2.0.0 … closing connection"},
		{"command injection", "addresses that are commands of a shell or an expansion", "CVE-2020-7247 OpenSMTPD, CVE-2019-10149 Exim",
			toSMTP("EHLO c\r\nMAIL FROM:<;sleep 66;>\r\nMAIL FROM:<>\r\nRCPT TO:<\"|/bin/sh\"@example.org>\r\nRCPT TO:<${run{/bin/sleep\\t66}}@example.org>\r\nQUIT\r\n"), "250 HELP | 501 5.1.7 bad local part in address | 250 2.1.0 sender OK | 550 5.1.1 no such user here | 501 5.1.3 address without a domain | 221 2.0.0 … closing connection"},
		{"command injection", "an address that is an option of a program", "kin: CVE-2016-10033 PHPMailer",
			toSMTP("EHLO c\r\nMAIL FROM:<\"a\\\" -oQ/tmp -X/tmp/x\"@example.net>\r\nRCPT TO:<-oQ/tmp@example.org>\r\nQUIT\r\n"), "250 HELP | 250 2.1.0 sender OK | 550 5.1.1 no such user here | 221 2.0.0 … closing connection"},

		{"NUL and length", "NUL in a quoted string and in a literal", "CVE-2019-11500 Dovecot",
			toIMAP("a LOGIN \"bob\x00\\\\\" x\r\nb LOGIN " + lit("x\x00y") + " x\r\nz LOGOUT\r\n"), "a BAD NUL in a line | b BAD NUL in a literal" + bye},
		{"NUL and length", "NUL in addresses", "kin: CVE-2019-11500 Dovecot",
			toSMTP("EHLO c\r\nMAIL FROM:<a\x00b@example.net>\r\nMAIL FROM:<\"a\x00\"@example.net>\r\nQUIT\r\n"), "250 HELP | 500 5.5.2 NUL is not allowed | 500 5.5.2 NUL is not allowed | 221 2.0.0 … closing connection"},
		{"NUL and length", "NUL in a user name", "kin: CVE-2019-11500 Dovecot",
			toPOP3("USER bob@example.org\x00x\r\nPASS " + bobPassword + "\r\nQUIT\r\n"), "-ERR Syntax error in the arguments | -ERR Send USER first | +OK Bye"},
		{"NUL and length", "literals that are too large, negative or no number", "kin: CVE-2004-1011 Cyrus",
			toIMAP("a LOGIN {4294967295}\r\nb LOGIN {4294967296}\r\nc LOGIN {-1}\r\nd LOGIN {99999999999999999999}\r\ne LOGIN {}\r\nf LOGIN {5\r\nz LOGOUT\r\n"), "a BAD [TOOBIG] literal too big: limit is 4096 | b BAD [TOOBIG] literal too big: limit is 4096 | c BAD expected literal at \"***\" | d BAD [TOOBIG] literal too big: limit is 4096 | e BAD expected literal at \"***\" | f BAD expected literal at \"***\"" + bye},
		{"NUL and length", "an APPEND of more than there may be", "kin: CVE-2004-1011 Cyrus",
			toBob("a APPEND INBOX {9223372036854775807}\r\nb APPEND INBOX {18446744073709551615}\r\nz LOGOUT\r\n"), "a BAD [TOOBIG] literal too big: limit is 1099511627776 | b BAD [TOOBIG] literal too big: limit is 1099511627776" + bye},
		{"NUL and length", "partial ranges and their overflow", "CVE-2004-1012 Cyrus",
			toBob("a FETCH 1 BODY.PEEK[]<4294967295.4294967295>\r\nb FETCH 1 BODY.PEEK[]<40.4294967296>\r\nc FETCH 1 BODY.PEEK[]<-1.5>\r\nd FETCH 1 BODY.PEEK[]<0.0>\r\n" +
				"e FETCH 1 BODY.PEEK[]<9223372036854775807.4294967295>\r\nf PARTIAL 1 BODY 1 99999999999\r\nz LOGOUT\r\n"), "* 1 FETCH (BODY[]<4294967295> \"\") | a OK FETCH completed | * 1 FETCH (BODY[]<40> {2} |  | ) | b OK FETCH completed | c BAD expected number at \"-1.5>\" | d BAD expected count above zero at \">\" | * 1 FETCH (BODY[]<9223372036854775807> \"\") | e OK FETCH completed | f BAD unknown command" + bye},
		{"NUL and length", "numbers at the limits in sets", "kin: CVE-2004-1012 Cyrus",
			toBob("a FETCH 0 UID\r\nb FETCH 4294967296 UID\r\nc UID FETCH 1:4294967295 UID\r\nd UID FETCH 4294967295:* UID\r\ne FETCH -1 UID\r\nz LOGOUT\r\n"), "a BAD expected number above zero at \"0 UID\" | b BAD expected number below 2^32 at \"4294967296 UID\" | * 1 FETCH (UID 1) | c OK FETCH completed | * 1 FETCH (UID 1) | d OK FETCH completed | e BAD expected number at \"-1 UID\"" + bye},
		{"NUL and length", "sections of a thousand levels, of zero, without end", "CVE-2004-1013 Cyrus",
			toBob("a FETCH 1 BODY.PEEK[" + strings.Repeat("1.", 1000) + "1]\r\nb FETCH 1 BODY.PEEK[0]\r\nc FETCH 1 BODY.PEEK[4294967296]\r\nd FETCH 1 BODY[p\r\nz LOGOUT\r\n"), "* 1 FETCH (BODY[1.…] NIL) | a OK FETCH completed | b BAD expected number above zero at \"0]\" | c BAD expected number below 2^32 at \"4294967296]\" | d BAD expected section before end of line" + bye},
		{"NUL and length", "NOOP with parameters", "CVE-2020-10957 Dovecot",
			toSMTP("NOOP EE\r\nNOOP " + strings.Repeat("(", 400) + "\r\nQUIT\r\n"), "250 2.0.0 OK | 250 2.0.0 OK | 221 2.0.0 … closing connection"},
		{"NUL and length", "an empty quoted local part", "CVE-2020-10967 Dovecot",
			toSMTP("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<\"\"@example.org>\r\nRCPT TO:<\"\">\r\nQUIT\r\n"), "250 HELP | 250 2.1.0 sender OK | 501 5.1.3 bad local part in address | 501 5.1.3 bad local part in address | 221 2.0.0 … closing connection"},
		{"NUL and length", "BDAT sizes that overflow or are negative end the session", "CVE-2017-16944 Exim",
			toSMTP(toRcpt + "BDAT -1 LAST\r\nNOOP\r\n"), inRcpt + "501 5.5.4 syntax error in parameters or arguments"},
		{"NUL and length", "BDAT of all that can be", "CVE-2017-16943 Exim",
			toSMTP(toRcpt + "BDAT 9223372036854775807 LAST\r\nNOOP\r\n"), inRcpt + "501 5.5.4 syntax error in parameters or arguments"},
		{"NUL and length", "SIZE that overflows or is negative", "kin: CVE-2017-16943 Exim",
			toSMTP("EHLO c\r\nMAIL FROM:<a@example.net> SIZE=99999999999999999999\r\nMAIL FROM:<a@example.net> SIZE=-1\r\nMAIL FROM:<a@example.net> SIZE=9223372036854775807\r\nQUIT\r\n"), "250 HELP | 552 5.3.4 message too big | 501 5.5.4 bad SIZE parameter | 552 5.3.4 message too big | 221 2.0.0 … closing connection"},
		{"NUL and length", "a line of header of 1 MiB, and folds without end", "CVE-2020-28020 Exim",
			toSMTP(toData + "X: " + strings.Repeat("y", 1<<20) + "\r\nY: z" + strings.Repeat("\r\n z", 1<<17) + "\r\n\r\nx\r\n.\r\nQUIT\r\n"), inData + "250 2.0.0 accepted as … | 221 2.0.0 … closing connection"},
		{"NUL and length", "base64 of every length within AUTH", "CVE-2018-6789 Exim",
			func(t *testing.T, l *lab) string {
				var in strings.Builder
				in.WriteString("EHLO c\r\n")
				for n := range 9 {
					in.WriteString("AUTH PLAIN " + strings.Repeat("A", n+1) + "\r\n")
				}
				return l.talk(t, l.open["submission"], "", in.String()+"QUIT\r\n")
			}, "250 HELP | 3 × 501 5.5.2 cannot decode base64 | 501 5.5.2 malformed authentication exchange | 3 × 501 5.5.2 cannot decode base64 | 501 5.5.2 malformed authentication exchange | 501 5.5.2 cannot decode base64 | 221 2.0.0 mail.test closing connection"},
		{"NUL and length", "an address of 64 KiB, all brackets, quotes or \\377", "CVE-2002-1337, CVE-2003-0161 Sendmail",
			toSMTP("EHLO c\r\nMAIL FROM:<" + strings.Repeat("<>", 900) + "@example.net>\r\nMAIL FROM:<" + strings.Repeat("\\\xff", 900) + "@example.net>\r\nMAIL FROM:<" + strings.Repeat("(", 32768) + ">\r\nQUIT\r\n"), "250 HELP | 501 5.1.7 bad local part in address | 501 5.1.7 bad local part in address | 500 5.5.2 line too long | 221 2.0.0 … closing connection"},
		{"NUL and length", "POP3 numbers that overflow or are negative", "kin: CVE-2004-1012 Cyrus",
			func(t *testing.T, l *lab) string {
				return l.talk(t, l.open["pop3"], "", "USER "+alice+"\r\nPASS "+alicePassword+"\r\nRETR 0\r\nRETR -1\r\nRETR 4294967297\r\nRETR 99999999999999999999\r\nTOP 1 -1\r\nDELE 2147483648\r\nLIST -1\r\nQUIT\r\n")
			}, "+OK Password required | +OK Logged in, 0 messages (0 octets) | -ERR Syntax error in the arguments | -ERR Syntax error in the arguments | -ERR No such message | -ERR No such message | -ERR Syntax error in the arguments | -ERR No such message | -ERR Syntax error in the arguments | +OK Bye"},

		{"memory before login", "EHLO with a name of 100 KB", "CVE-2019-16928 Exim",
			toSMTP("EHLO " + strings.Repeat("A", 100_000) + "\r\nQUIT\r\n"), "500 5.5.2 line too long | 221 2.0.0 … closing connection"},
		{"memory before login", "an SMTP line without end: closed after 1 MiB", "CVE-2026-38728 smtp-server, CVE-2005-1513 qmail",
			toSMTP(strings.Repeat("A", 2<<20)), "500 5.5.2 line too long"},
		{"memory before login", "an IMAP line without end", "kin: CVE-2026-38728 smtp-server",
			toIMAP(strings.Repeat("A", 2<<20)), "* BYE [TOOBIG] line too long: limit is 65536"},
		{"memory before login", "a POP3 line without end", "kin: CVE-2026-38728 smtp-server",
			toPOP3(strings.Repeat("A", 2<<20)), "-ERR Line too long"},
		{"memory before login", "a response to AUTHENTICATE without end", "kin: CVE-2023-42115 Exim",
			toOpen("imap", "a AUTHENTICATE PLAIN\r\n"+strings.Repeat("A", 2<<20)), "+  | * BYE [TOOBIG] line too long: limit is 65536"},
		{"memory before login", "a response to AUTH of 20 KB", "kin: CVE-2023-42115 Exim",
			toOpen("submission", "EHLO c\r\nAUTH PLAIN\r\n"+strings.Repeat("A", 20_000)+"\r\nQUIT\r\n"), "250 HELP | 334  | 500 5.5.6 authentication exchange line is too long | 221 2.0.0 mail.test closing connection"},
		{"memory before login", "a literal that is not waited for", "CVE-2026-27858 Dovecot, kin: CVE-2024-34055 Cyrus",
			toIMAP("a LOGIN {4294967295+}\r\n" + strings.Repeat("x", 1<<16)), "* BYE [TOOBIG] literal too big: limit is 65536"},
		{"memory before login", "literals each of which is allowed: 64 KiB together", "CVE-2024-34055 Cyrus",
			toIMAP("a LOGIN " + strings.Repeat("{1000+}\r\n"+strings.Repeat("x", 1000)+" ", 100) + "\r\nz LOGOUT\r\n"), "* BYE [TOOBIG] literal too big: limit is 65536"},
		{"memory before login", "parentheses without end", "CVE-2026-27857, CVE-2026-42006 Dovecot",
			toIMAP("a NOOP " + strings.Repeat("(", 4000) + strings.Repeat(")", 4000) + "\r\nb ID " + strings.Repeat("(", 4000) + "\r\nz LOGOUT\r\n"), "a BAD expected end of command at \" (((((((((((((((((((((((\" | b BAD expected astring at \"((((((((((((((((((((((((\"" + bye},
		{"memory before login", "commands that are none, without end", "kin: CVE-2026-38728 smtp-server",
			toIMAP(strings.Repeat("a x\r\n", 1000)), "20 × a BAD unknown command | * BYE [LIMIT] too many bad commands"},

		{"path traversal", "mailbox names that are paths", "CVE-2022-22931 James, kin: CVE-2021-40525 James",
			toBob("a CREATE ../../etc/passwd\r\nb CREATE /etc/passwd\r\nc CREATE x/../../y\r\nd CREATE x//y\r\ne CREATE .\r\nf LIST \"\" ../%\r\ng LIST \"../../\" *\r\nh RENAME Lab ../Lab\r\ni SELECT ../alice@example.org/INBOX\r\nz LOGOUT\r\n"), "a NO [CANNOT] invalid name: level \"..\" | b NO [CANNOT] invalid name: empty level | c NO [CANNOT] invalid name: level \"..\" | d NO [CANNOT] invalid name: empty level | e NO [CANNOT] invalid name: level \".\" | f OK LIST completed | g OK LIST completed | h NO [CANNOT] invalid name: level \"..\" | * OK [CLOSED] previous mailbox closed | i NO [NONEXISTENT] no such mailbox" + bye},
		{"path traversal", "mailbox names with control characters, and modified UTF-7 that hides them", "kin: CVE-2021-40525 James",
			toBob("a CREATE \"x\x1b[31m\"\r\nb CREATE \"x\ty\"\r\nc CREATE x&AAA-\r\nd CREATE x&AAoADQ-y\r\nz LOGOUT\r\n"), "a NO [CANNOT] invalid name: control character U+001B | b NO [CANNOT] invalid name: control character U+0009 | c NO [CANNOT] invalid name: control character U+0000 | d NO [CANNOT] invalid name: control character U+000A" + bye},
		{"path traversal", "dots and slashes within modified UTF-7", "kin: CVE-2021-40525 James",
			toBob("a CREATE &AC4ALg-/x\r\nb CREATE \"u&AC8ALgAu-\"\r\nc LIST \"\" u*\r\nz LOGOUT\r\n"), "a NO [CANNOT] invalid name: level \"..\" | b NO [CANNOT] invalid name: level \"..\" | c OK LIST completed" + bye},
		{"path traversal", "user names that are paths", "kin: CVE-2022-22931 James",
			toOpen("imap", "a LOGIN ../bob@example.org "+bobPassword+"\r\nb LOGIN \"bob@example.org/../alice@example.org\" "+bobPassword+"\r\nz LOGOUT\r\n"), "a " + refused + " | b " + refused + bye},
		{"path traversal", "addresses that are files", "kin: CVE-2019-10149 Exim",
			toSMTP("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:</etc/passwd@example.org>\r\nRCPT TO:<../bob@example.org>\r\nRCPT TO:<:include:/etc/passwd@example.org>\r\nQUIT\r\n"), "250 HELP | 250 2.1.0 sender OK | 550 5.1.1 no such user here | 501 5.1.3 bad local part in address | 501 5.1.3 bad local part in address | 221 2.0.0 … closing connection"},
		{"path traversal", "source routes and percent hacks as ways to relay", "CVE-2002-1278 Linuxconf's Sendmail",
			toSMTP("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<@example.org:victim@example.net>\r\nRCPT TO:<victim%example.net@example.org>\r\nRCPT TO:<victim@example.net>\r\nRCPT TO:<\"victim@example.net\"@example.org>\r\nRCPT TO:<example.net!victim@example.org>\r\nQUIT\r\n"), "250 HELP | 250 2.1.0 sender OK | 550 5.7.1 this server delivers to its own accounts only and relays no mail | 550 5.1.1 no such user here | 550 5.7.1 this server delivers to its own accounts only and relays no mail | 550 5.1.1 no such user here | 550 5.1.1 no such user here | 221 2.0.0 … closing connection"},

		{"many headers and addresses", "50,000 address fields, by mail", "CVE-2024-23184 Dovecot",
			delivered(strings.Repeat("To: a@example.net\r\n", 50_000)+"\r\nx", "ENVELOPE"), inData + "250 2.0.0 accepted as … | 221 2.0.0 … closing connection | * … FETCH (ENVELOPE (NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"example.net\")(NIL NIL \"a\" \"example.net\")(NIL NIL \"a\" \"example.net\")(NIL NIL \"a\" \"example.net\")… \"a\" \"example.net\")) NIL NIL NIL NIL)) | a OK FETCH completed | * BYE logging out | z OK LOGOUT completed |  (54069 octets, 1998 addresses, 0 messages within)"},
		{"many headers and addresses", "a header of 4 MB, by mail", "CVE-2024-23185 Dovecot",
			delivered("X: "+strings.Repeat(strings.Repeat("y", 900)+"\r\n ", 4600)+"\r\nSubject: after it\r\n\r\nx", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"), inData + "250 2.0.0 accepted as … | 221 2.0.0 … closing connection | * … FETCH (BODY[HEADER.FIELDS (SUBJECT)] {21} | Subject: after it |  | ) | a OK FETCH completed" + bye},
		{"many headers and addresses", "10,000 nested parts, by mail", "CVE-2020-12100 Dovecot, CVE-2006-1173 Sendmail",
			delivered(nested(10_000), "BODYSTRUCTURE"), inData + "250 2.0.0 accepted as … | 221 2.0.0 … closing connection | * … FETCH (BODYSTRUCTURE (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 319971 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) (\"message\" \"rfc822\" NIL NIL NIL \"7bit…L NIL NIL NIL) 19999 NIL NIL NIL NIL)) | a OK FETCH completed | * BYE logging out | z OK LOGOUT completed |  (7153 octets, 0 addresses, 63 messages within)"},
		{"many headers and addresses", "10,000 parts, by mail", "CVE-2020-25275 Dovecot",
			delivered("Content-Type: multipart/mixed; boundary=b\r\n\r\n"+strings.Repeat("--b\r\n\r\nx\r\n", 10_000)+"--b--", "BODY.PEEK[10000] BODY.PEEK[4000]"), inData + "250 2.0.0 accepted as … | 221 2.0.0 … closing connection | * … FETCH (BODY[10000] NIL BODY[4000] {1} | x) | a OK FETCH completed" + bye},
		{"many headers and addresses", "groups in place of addresses, by mail", "CVE-2019-19722 Dovecot",
			delivered("From: group:;\r\nSender: x:;\r\nTo: undisclosed:;, :;\r\n\r\nx", "ENVELOPE"), inData + "250 2.0.0 accepted as … | 221 2.0.0 … closing connection | * … FETCH (ENVELOPE (NIL NIL ((NIL NIL \"group\" NIL)(NIL NIL NIL NIL)) ((NIL NIL \"x\" NIL)(NIL NIL NIL NIL)) ((NIL NIL \"group\" NIL)(NIL NIL NIL NIL)) ((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)(NIL NIL \"\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)) | a OK FETCH completed" + bye},
		{"many headers and addresses", "recipients without end", "kin: CVE-2024-23184 Dovecot",
			toSMTP("EHLO c\r\nMAIL FROM:<>\r\n" + strings.Repeat("RCPT TO:<"+bob+">\r\n", 102) + "QUIT\r\n"), "250 HELP | 250 2.1.0 sender OK | 100 × 250 2.1.5 recipient OK | 452 4.5.3 too many recipients | 452 4.5.3 too many recipients | 221 2.0.0 … closing connection"},
		{"many headers and addresses", "a loop of mail", "RFC 5321 §6.3",
			toSMTP(toData + strings.Repeat("Received: by x; Wed, 1 Jan 2025 10:00:00 +0000\r\n", 101) + "\r\nx\r\n.\r\nQUIT\r\n"), inData + "554 5.4.6 routing loop detected: too many Received fields | 221 2.0.0 … closing connection"},

		{"quadratic parsing", "SEARCH that is nested without end", "kin: CVE-2026-42006 Dovecot",
			toBob("a SEARCH " + strings.Repeat("NOT ", 8000) + "ALL\r\nb SEARCH " + strings.Repeat("OR ALL ", 4000) + "ALL ALL\r\nc SEARCH " + strings.Repeat("(", 5000) + "\r\nz LOGOUT\r\n"), "a BAD [TOOBIG] nested too deeply: limit is 256 | b BAD [TOOBIG] nested too deeply: limit is 256 | c BAD [TOOBIG] nested too deeply: limit is 256" + bye},
		{"quadratic parsing", "LIST patterns with many wildcards, and many patterns", "CVE-2021-40110 James",
			toBob("a CREATE " + strings.Repeat("a", 200) + "\r\nb LIST \"\" " + strings.Repeat("*a", 100) + "*b\r\nc LIST \"\" (" + strings.Repeat("%a* ", 100) + "x)\r\nd DELETE " + strings.Repeat("a", 200) + "\r\nz LOGOUT\r\n"), "a OK CREATE completed | b OK LIST completed | c NO [LIMIT] too many patterns | d OK DELETE completed" + bye},
		{"quadratic parsing", "a set of 7,000 ranges", "kin: CVE-2025-25186 net-imap",
			toBob("a UID FETCH " + strings.Repeat("1:4294967295,*:7,", 3500) + "1 UID\r\nz LOGOUT\r\n"), "* 1 FETCH (UID 1) | a OK FETCH completed" + bye},

		{"quadratic parsing", "STATUS and APPEND that stop in the middle", "CVE-2021-40111 James",
			toBob("a STATUS INBOX (MESSAGES\r\nb STATUS INBOX (\r\nc STATUS \"INBOX\r\nd APPEND INBOX (\\Seen {1+}\r\nx\r\ne APPEND INBOX (\\Seen\r\nf APPEND \"INBOX\r\ng APPEND INBOX (\\Seen) \" 1-Jan-2026\r\nh APPEND INBOX () {0+}\r\n\r\nz LOGOUT\r\n"), "a BAD expected SP or ')' before end of line | b BAD expected status item before end of line | c BAD expected closing '\"' of the quoted string at \"\\\"INBOX\" | d BAD expected flag at \"{1+}\" | e BAD expected SP or ')' before end of line | f BAD expected closing '\"' of the quoted string at \"\\\"INBOX\" | g BAD expected closing '\"' of the quoted string at \"\\\" 1-Jan-2026\" | h NO [CANNOT] a message of no octets cannot be stored" + bye},

		{"decompression bomb", "COMPRESS before login and after it: not offered, so unknown", "CVE-2014-2744 Prosody",
			func(t *testing.T, l *lab) string {
				return toIMAP("a COMPRESS DEFLATE\r\nz LOGOUT\r\n")(t, l) + toBob("a COMPRESS DEFLATE\r\nz LOGOUT\r\n")(t, l)
			}, "a BAD unknown command | * BYE logging out | z OK LOGOUT completed | a BAD unknown command" + bye},

		{"auth bypass", "empty passwords", "RFC 4513 §5.1.2",
			toOpen("imap", "a LOGIN "+bob+" \"\"\r\nb AUTHENTICATE PLAIN "+plain("", bob, "")+"\r\nz LOGOUT\r\n"), "a " + refused + " | b " + refused + bye},
		{"auth bypass", "names that end at a NUL", "kin: CVE-2009-4565 Sendmail",
			toOpen("imap", "a AUTHENTICATE PLAIN "+b64("\x00"+bob+"\x00"+bobPassword+"\x00x")+"\r\nb AUTHENTICATE PLAIN "+b64(bob+"\x00"+bobPassword)+"\r\nz LOGOUT\r\n"), "a BAD malformed authentication exchange | b BAD malformed authentication exchange" + bye},
		{"auth bypass", "acting as somebody else", "kin: CVE-2020-24386 Dovecot",
			toOpen("imap", "a AUTHENTICATE PLAIN "+plain(alice, bob, bobPassword)+"\r\nb SELECT INBOX\r\nz LOGOUT\r\n"), "a NO [AUTHORIZATIONFAILED] not authorized to act as that user | b BAD log in first" + bye},
		{"auth bypass", "tabs and newlines in a user name and a password, as where a field ends", "CVE-2008-1218 Dovecot",
			toOpen("imap", "a LOGIN "+bob+" \"x\tmaster_user=root\tskip_password_check=1\"\r\nb AUTHENTICATE PLAIN "+plain("", bob+"\n\tpass=x", "x")+"\r\nz LOGOUT\r\n"), "a BAD malformed authentication exchange | b BAD malformed authentication exchange" + bye},
		{"auth bypass", "mechanisms that are not offered", "kin: CVE-2011-1720 Postfix",
			toOpen("imap", "a AUTHENTICATE EXTERNAL =\r\nb AUTHENTICATE ANONYMOUS dGVzdA==\r\nc AUTHENTICATE SCRAM-SHA-256-PLUS bj0=\r\nd AUTHENTICATE \r\ne AUTHENTICATE PLAIN/../ANONYMOUS\r\nz LOGOUT\r\n"), "a NO unsupported authentication mechanism | b NO unsupported authentication mechanism | c NO unsupported authentication mechanism | d BAD expected atom before end of line | e NO unsupported authentication mechanism" + bye},
		{"auth bypass", "another mechanism after one that was given up", "CVE-2011-1720 Postfix",
			toOpen("submission", "EHLO c\r\nAUTH SCRAM-SHA-256 "+b64("n,,n="+bob+",r=abc")+"\r\n*\r\nAUTH PLAIN\r\n*\r\nAUTH LOGIN\r\n*\r\nAUTH PLAIN "+plain("", bob, bobPassword)+"\r\nAUTH PLAIN =\r\nQUIT\r\n"), "250 HELP | 334 cj1… | 501 5.7.0 authentication cancelled | 334  | 501 5.7.0 authentication cancelled | 334 VXNlcm5hbWU6 | 501 5.7.0 authentication cancelled | 235 2.7.0 authentication succeeded | 503 5.5.1 already authenticated | 221 2.0.0 mail.test closing connection"},
		{"auth bypass", "commands that were sent with an AUTH that fails", "kin: CVE-2021-33515 Dovecot",
			toOpen("submission", "EHLO c\r\nAUTH PLAIN "+plain("", bob, "wrong")+"\r\nMAIL FROM:<"+bob+">\r\nRCPT TO:<"+alice+">\r\nDATA\r\nQUIT\r\n"), "250 HELP | 535 5.7.8 authentication credentials invalid | 530 5.7.0 authentication required | 503 5.5.1 MAIL first | 503 5.5.1 MAIL first | 221 2.0.0 mail.test closing connection"},
		{"auth bypass", "a command in the middle of an exchange is no command", "kin: CVE-2011-1720 Postfix",
			toOpen("imap", "a AUTHENTICATE PLAIN\r\n*\r\nb AUTHENTICATE PLAIN\r\nc SELECT INBOX\r\nd SELECT INBOX\r\nz LOGOUT\r\n"), "+  | a BAD authentication cancelled | +  | b BAD malformed authentication exchange | d BAD log in first" + bye},
		{"auth bypass", "a second login", "kin: CVE-2019-18928 Cyrus",
			toBob("a LOGIN " + alice + " " + alicePassword + "\r\nb AUTHENTICATE PLAIN\r\nz LOGOUT\r\n"), "a BAD already logged in | b BAD already logged in" + bye},
		{"auth bypass", "a sender that is not the user's", "CVE-2024-7208 hosted services",
			toSubmission("EHLO c\r\nAUTH PLAIN " + plain("", bob, bobPassword) + "\r\nMAIL FROM:<" + alice + ">\r\nMAIL FROM:<" + alice + "> AUTH=" + alice + "\r\nMAIL FROM:<" + bob + ">\r\nRCPT TO:<" + bob + ">\r\nDATA\r\n" +
				"From: <" + bob + ">, <" + alice + ">\r\n\r\nx\r\n.\r\nQUIT\r\n"), "250 HELP | 235 2.7.0 authentication succeeded | 550 5.7.1 not allowed to send as this address | 550 5.7.1 not allowed to send as this address | 250 2.1.0 sender OK | 250 2.1.5 recipient OK | 354 start mail input; end with <CRLF>.<CRLF> | 550 5.7.1 not allowed to send as this address | 221 2.0.0 … closing connection"},
		{"auth bypass", "SCRAM without a user, and a proof of nothing", "kin: CVE-2013-4122 Cyrus SASL",
			toOpen("imap", "a AUTHENTICATE SCRAM-SHA-256 "+b64("n,,n=,r=abc")+"\r\nb AUTHENTICATE SCRAM-SHA-256 "+b64("n,,n="+bob+",r=abc")+"\r\n"+b64("c=biws,r=abc,p=")+"\r\nz LOGOUT\r\n"), "a BAD malformed authentication exchange | + cj1… | b BAD malformed authentication exchange" + bye},

		{"downgrade", "a password before TLS, by IMAP", "kin: CVE-2021-33515 Dovecot",
			toGuarded("imap", "a LOGIN "+bob+" "+bobPassword+"\r\nb AUTHENTICATE PLAIN "+plain("", bob, bobPassword)+"\r\nz LOGOUT\r\n"), "a NO [PRIVACYREQUIRED] LOGIN needs TLS | b NO [PRIVACYREQUIRED] needs TLS" + bye},
		{"downgrade", "a password before TLS, by submission", "kin: CVE-2021-33515 Dovecot",
			toGuarded("submission", "EHLO c\r\nAUTH PLAIN "+plain("", bob, bobPassword)+"\r\nMAIL FROM:<"+bob+">\r\nQUIT\r\n"), "250 HELP | 538 5.7.11 encryption required for requested authentication mechanism | 530 5.7.0 authentication required | 221 2.0.0 mail.test closing connection"},
		{"downgrade", "a password before TLS, by POP3", "kin: CVE-2021-33515 Dovecot",
			toGuarded("pop3", "USER "+bob+"\r\nPASS "+bobPassword+"\r\nAUTH PLAIN "+plain("", bob, bobPassword)+"\r\nQUIT\r\n"), "-ERR Encryption required for this authentication mechanism | -ERR Send USER first | -ERR Encryption required for this authentication mechanism | +OK Bye"},

		{"user enumeration", "VRFY and EXPN", "CVE-1999-0531 mail servers",
			toSMTP("EHLO c\r\nVRFY " + bob + "\r\nVRFY nobody@example.org\r\nEXPN " + bob + "\r\nEXPN nobody\r\nQUIT\r\n"), "250 HELP | 252 2.5.0 cannot VRFY user, but will accept message and attempt delivery | 252 2.5.0 cannot VRFY user, but will accept message and attempt delivery | 502 5.5.1 command not implemented | 502 5.5.1 command not implemented | 221 2.0.0 … closing connection"},
		{"user enumeration", "LOGIN of nobody and with a wrong password", "kin: CVE-2000-0990 cmd5checkpw, CVE-2026-27856 Dovecot",
			toOpen("imap", "a LOGIN nobody@example.org x\r\nb LOGIN "+bob+" x\r\nz LOGOUT\r\n"), "a " + refused + " | b " + refused + bye},
		{"user enumeration", "USER of nobody, PASS for nobody and a wrong one", "kin: CVE-2000-0990 cmd5checkpw",
			toOpen("pop3", "USER nobody@example.org\r\nPASS x\r\nUSER "+bob+"\r\nPASS x\r\nQUIT\r\n"), "+OK Password required | -ERR [AUTH] Authentication failed | +OK Password required | -ERR [AUTH] Authentication failed | +OK Bye"},
		{"user enumeration", "recipients before the login that is required", "kin: CVE-1999-0531 mail servers",
			toSubmission("EHLO c\r\nMAIL FROM:<" + bob + ">\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<" + bob + ">\r\nQUIT\r\n"), "250 HELP | 530 5.7.0 authentication required | 503 5.5.1 MAIL first | 503 5.5.1 MAIL first | 221 2.0.0 … closing connection"},
		{"user enumeration", "AUTH of a user that is not there", "CVE-2000-0990 cmd5checkpw",
			toOpen("submission", "EHLO c\r\nAUTH PLAIN "+plain("", "nobody@example.org", "x")+"\r\nAUTH PLAIN "+plain("", bob, "x")+"\r\nQUIT\r\n"), "250 HELP | 535 5.7.8 authentication credentials invalid | 535 5.7.8 authentication credentials invalid | 221 2.0.0 mail.test closing connection"},
		{"user enumeration", "SCRAM tells nobody's salt and rounds as it tells somebody's", "RFC 5802 §9",
			func(t *testing.T, l *lab) string {
				var out []string
				for _, user := range []string{"nobody@example.org", "nobody@example.org", bob, bob} {
					answer := l.talk(t, l.open["imap"], "", "a AUTHENTICATE SCRAM-SHA-256 "+b64("n,,n="+user+",r=abc")+"\r\n*\r\n")
					challenge, _, _ := strings.Cut(strings.TrimPrefix(answer, "+ "), "\n")
					text, err := base64.StdEncoding.DecodeString(challenge)
					require.NoError(t, err, answer)
					m := regexp.MustCompile(`^r=abc[^,]*,s=([^,]*),i=(\d+)$`).FindSubmatch(text)
					require.NotNil(t, m, "%s", text)
					out = append(out, string(m[1]), fmt.Sprintf("%d octets of salt, %s rounds", len(m[1]), m[2]))
				}
				return fmt.Sprint(out[1] == out[3], out[1] == out[5], out[0] == out[2], out[4] == out[6], out[0] == out[4])
			}, "true true true true false"},

		{"session state", "SMTP commands in the wrong order", "kin: CVE-2020-10958 Dovecot",
			toSMTP("RCPT TO:<" + bob + ">\r\nDATA\r\nEHLO c\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nQUIT\r\n"), "503 5.5.1 say HELO or EHLO first | 503 5.5.1 say HELO or EHLO first | 250 HELP | 250 2.1.0 sender OK | 503 5.5.1 not within a mail transaction | 554 5.5.1 no valid recipients | 221 2.0.0 … closing connection"},
		{"session state", "DATA and RSET in the middle of BDAT", "CVE-2017-16943 Exim",
			toSMTP(toRcpt + "BDAT 3\r\nabcDATA\r\nRSET\r\nBDAT 3 LAST\r\nabcQUIT\r\n"), inRcpt + "250 2.0.0 3 octets received | 503 5.5.1 BDAT expected | 250 2.0.0 OK | 503 5.5.1 MAIL first | 221 2.0.0 … closing connection"},
		{"session state", "a proxy's header, XCLIENT and XFORWARD from somebody who is no proxy", "kin: CVE-2021-3618 Sendmail and others",
			toSMTP("PROXY TCP4 10.0.0.1 10.0.0.2 1 25\r\nEHLO c\r\nXCLIENT ADDR=10.0.0.1 LOGIN=bob\r\nXFORWARD ADDR=10.0.0.1\r\nQUIT\r\n"), "500 5.5.1 command unrecognized | 250 HELP | 502 5.5.1 command not implemented | 502 5.5.1 command not implemented | 221 2.0.0 … closing connection"},
		{"session state", "an HTTP request to SMTP", "CVE-2021-3618 Sendmail and others",
			toSMTP("POST / HTTP/1.1\r\nHost: mail.test\r\n\r\nEHLO c\r\nMAIL FROM:<a@example.net>\r\n"), "421 4.7.0 … does not speak HTTP, closing connection"},
		{"session state", "an HTTP request to IMAP", "kin: CVE-2021-3618 Sendmail and others",
			toIMAP("GET / HTTP/1.1\r\nHost: mail.test\r\n\r\n<script>\r\nz LOGOUT\r\n"), "* BYE this is not HTTP"},
		{"session state", "an HTTP request to POP3", "kin: CVE-2021-3618 Sendmail and others",
			toPOP3("GET / HTTP/1.1\r\nHost: mail.test\r\n\r\nQUIT\r\n"), "-ERR This is not HTTP"},
		{"session state", "commands within IDLE and after it", "kin: CVE-2020-24386 Dovecot",
			toBob("a IDLE\r\nb NOOP\r\nz LOGOUT\r\n"), "+ idling | a BAD expected DONE at \"b NOOP\"" + bye},
		{"session state", "a command that many empty lines follow", "CVE-2020-10958 Dovecot",
			toSMTP("NOOP" + strings.Repeat("\r\n", 1000)), "250 2.0.0 OK | 9 × 500 5.5.1 command unrecognized | 421 4.7.0 … too many errors, closing connection"},
	}
}

// delivered takes a message by SMTP and then fetches something of it by IMAP.
func delivered(message, fetch string) func(*testing.T, *lab) string {
	return func(t *testing.T, l *lab) string {
		got := l.talk(t, l.addrs["smtp"], "", toData+message+"\r\n.\r\nQUIT\r\n")
		read := l.talk(t, l.addrs["imap"], "k LOGIN "+bob+" "+bobPassword+"\r\nl SELECT INBOX\r\n", "a FETCH * ("+fetch+")\r\nz LOGOUT\r\n")
		parts := strings.Count(read, `"message" "rfc822"`) + strings.Count(read, `"MESSAGE" "RFC822"`)
		if len(read) > 1000 {
			head, tail := read[:150], read[len(read)-100:]
			read = fmt.Sprintf("%s…%s (%d octets, %d addresses, %d messages within)", head, tail, len(read), strings.Count(read, `NIL NIL "a" "example.net"`), parts)
		}
		return got + read
	}
}
