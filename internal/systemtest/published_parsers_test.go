package systemtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// ofMiB repeats a pattern to a MiB, in which work that grows with the square of the
// length, 10^12 steps, takes many minutes. (The packages count their steps: see
// their growth tests.) field does so to what may stand in a header.
func ofMiB(pattern string) string { return strings.Repeat(pattern, 1<<20/len(pattern)) }
func field(pattern string) string { return strings.Repeat(pattern, 500<<10/len(pattern)) }

// parsed is a parser that is fed once. It hangs if it takes longer than a client may;
// it should take a hundredth of that.
func parsed(parse func(t *testing.T) string) func(*testing.T, *lab) string {
	return func(t *testing.T, _ *lab) string {
		done := make(chan string, 1)
		go func() { done <- parse(t) }()
		select {
		case result := <-done:
			return result
		case <-time.After(labPatience):
			return "HANGS"
		}
	}
}

// addressList is what ParseAddressList reads.
func addressList(input string) func(*testing.T, *lab) string {
	return parsed(func(*testing.T) string {
		list, ok := message.ParseAddressList(input, 0)
		var out []string
		for _, a := range list[:min(len(list), 6)] {
			out = append(out, fmt.Sprintf("%.30q <%.30s@%.30s>", message.DecodeText(a.Name), a.Local, a.Domain))
		}
		return fmt.Sprintf("%d of %v: %s", len(list), ok, strings.Join(out, ", "))
	})
}

// octets is what is allocated for a message of so many octets.
func octets(t *testing.T, text string, opts *message.Options) (s *message.Summary, defects []message.Defect, bounded string) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, defects, err := message.Parse(strings.NewReader(text), opts)
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > 32<<20 {
		return s, defects, fmt.Sprintf("%d octets for %d", allocated, len(text))
	}
	return s, defects, "at most 32 MiB"
}

// read describes a message.
func read(text string) func(*testing.T, *lab) string {
	return parsed(func(t *testing.T) string {
		s, defects, bounded := octets(t, text, nil)
		parts, deep := 0, 0
		s.Root.Walk(func(path []int, _ *message.Part) bool {
			parts++
			deep = max(deep, len(path))
			return true
		})
		kinds := map[message.DefectKind]bool{}
		var list []string
		for _, d := range defects {
			if !kinds[d.Kind] {
				list = append(list, d.Kind.Error())
			}
			kinds[d.Kind] = true
		}
		e := s.Envelope
		return fmt.Sprintf("%d addresses, %d parts, %d deep, %s; %s", len(e.From)+len(e.To)+len(e.Cc)+len(e.Bcc), parts, deep, bounded, strings.Join(list, "; "))
	})
}

func publishedForParsers() []defect {
	return []defect{
		{"smuggling", "what ends a body, for every way to write a line's end", "CVE-2023-51764 Postfix, CVE-2023-51766 Exim",
			parsed(func(t *testing.T) string {
				var out []string
				for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\r\n\x00.\r\n"} {
					a, b := net.Pipe()
					go func() {
						io.WriteString(b, "one"+end+"two\r\n.\r\n")
						b.Close()
					}()
					body, err := io.ReadAll(textproto.NewConn(a, nil).DotReader(textproto.Strict))
					out = append(out, fmt.Sprintf("%q %v", body, err))
					a.Close()
				}
				return strings.Join(out, "\n")
			}), "\"one\" textproto: bare LF at octet 3 near \"\\n.\\ntwo\\r\\n.\\r\\n\" | \"one\" textproto: bare LF at octet 3 near \"\\n.\\r\\ntwo\\r\\n.\\r\\n\" | \"one\" textproto: bare CR at octet 3 near \"\\r.\\rtwo\\r\\n.\\r\\n\" | \"one\\r\\n\" textproto: bare LF at octet 5 near \"\\ntwo\\r\\n.\\r\\n\" | \"one\\r\\n\" textproto: bare CR at octet 5 near \"\\rtwo\\r\\n.\\r\\n\" | \"one\" textproto: bare CR at octet 3 near \"\\r.\\r\\ntwo\\r\\n.\\r\\n\" | \"one\\r\\n\\x00.\\r\\ntwo\\r\\n\" <nil>"},
		{"response injection", "no text of a message leaves its line", "CVE-2024-6923 email, CVE-2024-21742 Mime4J",
			parsed(func(t *testing.T) string {
				s, _, _ := octets(t, "Subject: =?utf-8?q?x=0D=0ABcc=3A_evil?=\r\nFrom: \"a\r\n b\x00c\rd\" <e@example.net>\r\nContent-Type: text/plain; name=\"x\ry\"\r\n\r\nx", nil)
				return fmt.Sprintf("%q\n%q\n%q", message.DecodeText(s.Envelope.Subject), s.Envelope.From[0].Name, s.Root.Param("name"))
			}), "\"x  Bcc: evil\" | \"a b c d\" | \"x y\""},
		{"command injection", "addresses that are written are read as themselves", "CVE-2024-6923 email, kin: CVE-2016-10033 PHPMailer",
			parsed(func(t *testing.T) string {
				var out []string
				for _, a := range []message.Address{
					{Name: "x\r\nBcc: evil@example.org", Local: "a", Domain: "example.net"}, {Local: "a>, <evil", Domain: "example.net"},
					{Local: "a\r\nBcc: evil", Domain: "example.net"}, {Local: "a", Domain: "example.net>, <evil@example.org"}, {Name: "a\", <evil@example.org>, \"", Local: "b", Domain: "example.net"},
				} {
					text, err := message.AppendAddresses(nil, []message.Address{a})
					list, _ := message.ParseAddressList(string(text), 0)
					out = append(out, fmt.Sprintf("%d: %s %v", len(list), text, err))
				}
				return strings.Join(out, "\n")
			}), "0:  message: address can't be written: control character in the name \"x\\r\\nBcc: evil@example.org\" | 1: \"a>, <evil\"@example.net <nil> | 0:  message: address can't be written: control character in the local part \"a\\r\\nBcc: evil\" | 0:  message: address can't be written: domain \"example.net>, <evil@example.org\" | 1: \"a\\\", <evil@example.org>, \\\"\" <b@example.net> <nil>"},
		{"command injection", "an e-mail address in two parts, of which programs see one", "CVE-2023-27043, CVE-2019-16056 email, CVE-2024-24784 net/mail",
			parsed(func(t *testing.T) string {
				var out []string
				for _, text := range []string{"alice@example.org)bob@evil.test", "a@example.org@evil.test", "alice@example.org<bob@evil.test>", "<a@example.org> <b@evil.test>", "(alice@example.org)bob@evil.test", "\"alice@example.org\" <bob@evil.test>"} {
					list, ok := message.ParseAddressList(text, 0)
					line := fmt.Sprint(ok)
					for _, a := range list {
						line += fmt.Sprintf(" %q at %q", a.Local, a.Domain)
					}
					_, err := smtp.ParseAddress(text)
					out = append(out, fmt.Sprintf("%s: %s; SMTP: %v", text, line, err))
				}
				return strings.Join(out, "\n")
			}), "alice@example.org)bob@evil.test: false \"alice@example.org)bob\" at \"evil.test\"; SMTP: smtp: bad domain in address | a@example.org@evil.test: false \"a@example.org\" at \"evil.test\"; SMTP: smtp: bad domain in address | alice@example.org<bob@evil.test>: true \"bob\" at \"evil.test\"; SMTP: smtp: bad domain in address | <a@example.org> <b@evil.test>: false \"a\" at \"example.org\" \"b\" at \"evil.test\"; SMTP: smtp: bad local part in address | (alice@example.org)bob@evil.test: true \"bob\" at \"evil.test\"; SMTP: smtp: bad local part in address | \"alice@example.org\" <bob@evil.test>: true \"bob\" at \"evil.test\"; SMTP: smtp: bad domain in address"},
		{"NUL and length", "a sender's name that NUL ends, encoded", "CVE-2017-7829 Thunderbird",
			addressList("=?utf-8?b?cG90dXNAd2hpdGVob3VzZS5nb3YA?= <evil@example.net>, \"a\x00\" <b@example.net>"), "2 of true: \"potus@whitehouse.gov \" <evil@example.net>, \"a \" <b@example.net>"},
		{"NUL and length", "numbers of BDAT, SIZE and sets", "CVE-2017-16943, CVE-2017-16944 Exim",
			parsed(func(t *testing.T) string {
				_, e1 := new(smtp.Parser).Bdat("18446744073709551617 LAST")
				_, e2 := mailbox.ParseUIDSet("4294967296")
				_, e3 := mailbox.ParseUIDSet("0")
				_, e4 := mailbox.ParseUIDSet("1:99999999999999999999")
				return fmt.Sprintf("%v\n%v\n%v\n%v", e1, e2, e3, e4)
			}), "501 5.5.4 syntax error in parameters or arguments | mailbox: malformed UID set: number expected at octet 0 | mailbox: malformed UID set: number expected at octet 0 | mailbox: malformed UID set: number expected at octet 2"},
		{"NUL and length", "modified UTF-7 that hides NUL, CR, LF or ends early", "kin: CVE-2018-14359 mutt",
			parsed(func(t *testing.T) string {
				var out []string
				for _, name := range []string{"x&AAA-", "x&AA0ACg-", "&", "&AC8", "&2AA-", "&AAAAAA", "a&&-"} {
					s, err := imap.DecodeUTF7(name)
					out = append(out, fmt.Sprintf("%q %v", s, err))
				}
				return strings.Join(out, "\n")
			}), "\"x\\x00\" <nil> | \"x\\r\\n\" <nil> | 5 × \"\" imap: invalid modified UTF-7"},
		{"NUL and length", "base64, quoted-printable and uuencode that end in the middle", "CVE-2018-14359, CVE-2022-1328 mutt",
			parsed(func(t *testing.T) string {
				var out []string
				for _, x := range [][2]string{{"base64", "QUJ"}, {"base64", "Q=Q=\xff!"}, {"quoted-printable", "a=4"}, {"quoted-printable", "a=\r"}, {"x-uuencode", "begin 644 x\nM"}, {"x-uuencode", "begin 644 x\n~~~~\nend"}} {
					b, err := io.ReadAll(message.NewTransferDecoder(strings.NewReader(x[1]), x[0]))
					out = append(out, fmt.Sprintf("%q %v", b, err))
				}
				return strings.Join(out, "\n")
			}), "\"AB\" <nil> | \"\" <nil> | \"a=4\" <nil> | \"a\" <nil> | \"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\" <nil> | \"y\\xe7\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\" <nil>"},
		{"NUL and length", "a file name of two lines, in RFC 2231", "CVE-2024-39929 Exim",
			parsed(func(t *testing.T) string {
				s, _, _ := octets(t, "Content-Disposition: attachment;\r\n filename*0*=utf-8''evil.e;\r\n filename*1=\"xe\"\r\nContent-Type: text/plain; name=safe.txt\r\n\r\nx", nil)
				return s.Root.Filename()
			}), "evil.exe"},
		{"path traversal", "a file name is told as the sender wrote it, NUL and line ends excepted", "kin: CVE-2021-20247 mbsync",
			parsed(func(t *testing.T) string {
				s, _, _ := octets(t, "Content-Disposition: attachment; filename*=utf-8''..%2F..%2Fx%00%0D%0Ay\r\n\r\nx", nil)
				return fmt.Sprintf("%q", s.Root.Filename())
			}), "\"../../x   y\""},

		{"many headers and addresses", "500,000 address fields", "CVE-2024-23184 Dovecot",
			read(strings.Repeat("To: a@b\r\n", 500_000) + "\r\nx"), "2000 addresses, 1 parts, 1 deep, at most 32 MiB; header too large; too many header fields"},
		{"many headers and addresses", "one field with 250,000 addresses", "CVE-2024-23184 Dovecot",
			read("To: " + strings.Repeat("a@b,", 250_000) + "\r\n\r\nx"), "0 addresses, 1 parts, 1 deep, at most 32 MiB; header too large"},
		{"many headers and addresses", "a header of 20 MB in one field", "CVE-2024-23185 Dovecot, CVE-2020-28020 Exim",
			read("X: " + strings.Repeat(strings.Repeat("y", 1000)+"\r\n ", 20_000) + "\r\n\r\nx"), "0 addresses, 1 parts, 1 deep, at most 32 MiB; header too large"},
		{"many headers and addresses", "many short fields", "CVE-2023-24534 net/textproto",
			read(strings.Repeat("a:\r\n", 300_000) + "\r\nx"), "0 addresses, 1 parts, 1 deep, at most 32 MiB; header too large; too many header fields"},
		{"many headers and addresses", "100,000 nested messages", "CVE-2020-12100 Dovecot, CVE-2006-1173 Sendmail",
			read(nested(100_000)), "0 addresses, 64 parts, 64 deep, at most 32 MiB; parts nested too deep"},
		{"many headers and addresses", "a multipart within a multipart, 10,000 times, with one boundary", "CVE-2020-12100 Dovecot, CVE-2006-1173 Sendmail",
			read(strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 10_000)), "0 addresses, 4096 parts, 63 deep, at most 32 MiB; parts nested too deep"},
		{"many headers and addresses", "a million parts", "CVE-2022-41725, CVE-2023-24536 mime/multipart, CVE-2020-25275 Dovecot",
			read("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", 1_000_000) + "--b--"), "0 addresses, 4096 parts, 1 deep, at most 32 MiB; too many parts"},
		{"many headers and addresses", "100,000 parameters of RFC 2231", "CVE-2026-27859 Dovecot",
			parsed(func(t *testing.T) string {
				var b strings.Builder
				b.WriteString("Content-Type: text/plain")
				for i := range 100_000 {
					fmt.Fprintf(&b, ";\r\n name*%d=x", i)
				}
				s, _, bounded := octets(t, b.String()+"\r\n\r\nx", nil)
				return fmt.Sprintf("%d parameters, %d octets of name, %s", len(s.Root.Params), len(s.Root.Param("name")), bounded)
			}), "200 parameters, 200 octets of name, at most 32 MiB"},

		{"quadratic parsing", "address: a domain literal", "CVE-2025-61725 net/mail",
			addressList("a@[" + ofMiB("[") + ", b@[" + ofMiB("x")), "2 of false: \"\" <a@[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[>, \"\" <b@[xxxxxxxxxxxxxxxxxxxxxxxxxxxxx>"},
		{"quadratic parsing", "address: comments without end", "CVE-2026-39820 net/mail, CVE-2002-1337 Sendmail",
			addressList(ofMiB("(") + " a@example.net"), "1 of false: \"((((((((((((((((((((((((((((((\" <@>"},
		{"quadratic parsing", "address: comments, one after the other", "CVE-2026-39820 net/mail",
			addressList("a" + ofMiB("(x)") + "@example.net"), "1 of true: \"x\" <a@example.net>"},
		{"quadratic parsing", "address: a phrase of many words", "CVE-2026-42499 net/mail",
			addressList(ofMiB("a ") + ofMiB("\"b\" ") + ofMiB("=?utf-8?q?c?= ") + "<a@example.net>"), "1 of false: \"a a a a a a a a a a a a a a a \" <a@example.net>"},
		{"quadratic parsing", "address: empty groups", "CVE-2021-3181 mutt",
			addressList("x:" + ofMiB(";") + ", a@example.net"), "3 of false: \"x\" <@>, \"\" <@>, \"\" <a@example.net>"},
		{"quadratic parsing", "address: angle brackets and quotes", "CVE-2002-1337, CVE-2003-0161 Sendmail",
			addressList(ofMiB("<>") + ofMiB("\"\\\"") + ofMiB("\xff\\")), "524289 of false: \"\" <@>, \"\" <@>, \"\" <@>, \"\" <@>, \"\" <@>, \"\" <@>"},
		{"quadratic parsing", "address: groups within groups", "CVE-2025-14874 nodemailer",
			addressList(ofMiB("g:") + "a@example.net"), "3 of false: \"g\" <@>, \"g:g:g:g:g:g:g:g:g:g:g:g:g:g:g:\" <@>, \"\" <@>"},
		{"quadratic parsing", "encoded words", "kin: CVE-2026-42499 net/mail",
			parsed(func(t *testing.T) string {
				return fmt.Sprint(len(message.DecodeText(ofMiB("=?utf-8?q?a?= "))), len(message.DecodeText(ofMiB("=?"))), len(message.DecodeText(ofMiB("=?utf-8?b?"))))
			}), "74899 1048576 524290"},
		{"quadratic parsing", "comments without end in Content-Language", "kin: CVE-2026-39820 net/mail",
			read("Content-Language: " + field("(") + "\r\n\r\nx"), "0 addresses, 1 parts, 1 deep, at most 32 MiB; "},
		{"quadratic parsing", "comments without end between the parameters of Content-Type", "kin: CVE-2026-39820 net/mail",
			read("Content-Type: text/plain" + field(";a(") + "\r\n\r\nx"), "0 addresses, 1 parts, 1 deep, at most 32 MiB; malformed parameter"},
		{"quadratic parsing", "bare CR", "kin: CVE-2020-28020 Exim",
			read("Subject: " + field("\r") + "\r\n\r\nx"), "0 addresses, 1 parts, 1 deep, at most 32 MiB; "},
		{"quadratic parsing", "folds", "kin: CVE-2020-28020 Exim",
			read("Subject: " + field("\r\n ") + "\r\n\r\nx"), "0 addresses, 1 parts, 1 deep, at most 32 MiB; "},
		{"quadratic parsing", "boundaries that are prefixes", "kin: CVE-2023-24536 mime/multipart",
			read("Content-Type: multipart/mixed; boundary=" + strings.Repeat("-", 70) + "\r\n\r\n" + ofMiB("-") + "\r\n" + ofMiB("--"+strings.Repeat("-", 69)+"\r\n")), "0 addresses, 1 parts, 1 deep, at most 32 MiB; multipart without parts"},
		{"quadratic parsing", "subjects that begin with Re: without end", "kin: CVE-2021-40110 James",
			parsed(func(t *testing.T) string {
				b1, _ := message.BaseSubject(ofMiB("re: ") + "x")
				b2, _ := message.BaseSubject(ofMiB("[x] ") + "x" + ofMiB(" (fwd)"))
				b3, _ := message.BaseSubject(ofMiB("[fwd: ") + "x" + ofMiB("]"))
				return fmt.Sprint(len(b1), " ", len(b2), " ", len(b3))
			}), "1 1 873814"},
		{"quadratic parsing", "a set of UIDs with 100,000 gaps, backwards", "CVE-2025-25186 net-imap",
			parsed(func(t *testing.T) string {
				var b strings.Builder
				for i := 200_000; i > 0; i -= 2 {
					fmt.Fprintf(&b, "%d,", i)
				}
				set, err := mailbox.ParseUIDSet(b.String() + "1:1")
				all, err2 := mailbox.ParseUIDSet("1:4294967295")
				return fmt.Sprint(set.Len(), err, all.Len(), err2)
			}), "100001 <nil> 4294967295 <nil>"},

		{"auth bypass", "a server that proves nothing, and one that knows the nonce of somebody else", "RFC 5802 §5",
			parsed(func(t *testing.T) string {
				c := sasl.SCRAM(sasl.SHA256, "tim", "tanstaaf", nil)
				_, err := c.Start()
				require.NoError(t, err)
				e0 := c.Finish()
				_, e1 := c.Next([]byte("r=foreign,s=QSXCR+Q6sek8bf92,i=4096"))
				return fmt.Sprintf("%v\n%v", e0, e1)
			}), "sasl: server did not prove its identity | sasl: malformed authentication exchange: the server's nonce does not start with the client's"},
		{"auth bypass", "digests of CRAM-MD5 and APOP of nobody, of nothing, of the wrong length", "kin: CVE-2007-1558 APOP, CVE-2013-4122 Cyrus SASL",
			parsed(func(t *testing.T) string {
				users := &sasl.Users{KeepSecrets: true, Iterations: sasl.MinIterations}
				require.NoError(t, users.Set("tim", "tanstaaf"))
				var out []string
				for _, x := range [][2]string{{"tim", ""}, {"tim", "00"}, {"nobody", sasl.APOPDigest("<1@x>", "")}, {"", sasl.APOPDigest("<1@x>", "")}, {"tim", sasl.APOPDigest("<1@x>", "tanstaaf")}} {
					_, err := sasl.CheckAPOP(context.Background(), users, sasl.Conn{Service: "pop"}, x[0], "<1@x>", x[1])
					out = append(out, fmt.Sprint(err))
				}
				return strings.Join(out, "\n")
			}), "sasl: malformed authentication exchange: APOP digest | sasl: malformed authentication exchange: APOP digest | sasl: authentication failed | sasl: malformed authentication exchange: user name | <nil>"},
		{"downgrade", "SCRAM with one round, or with a thousand million", "CVE-2026-42256 net-imap",
			parsed(func(t *testing.T) string {
				var out []string
				for _, rounds := range []string{"1", "999999999", "-1", "99999999999999999999"} {
					c := sasl.SCRAM(sasl.SHA256, "tim", "tanstaaf", nil)
					first, err := c.Start()
					require.NoError(t, err)
					_, nonce, _ := strings.Cut(string(first), "r=")
					_, err = c.Next([]byte("r=" + nonce + "x,s=" + base64.StdEncoding.EncodeToString([]byte("saltsalt")) + ",i=" + rounds))
					out = append(out, fmt.Sprint(err))
				}
				return strings.Join(out, "\n")
			}), "sasl: malformed authentication exchange: iteration count 1 | sasl: malformed authentication exchange: iteration count 999999999 | sasl: malformed authentication exchange: iteration count | sasl: malformed authentication exchange: iteration count"},
	}
}
