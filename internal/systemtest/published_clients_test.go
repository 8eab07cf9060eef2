package systemtest

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/textproto"
)

// What hostile servers, or those between, say; and what programs let strangers
// choose.

const (
	hello    = "220 mail.test\r\n"
	ok       = "250 2.0.0 OK\r\n"
	imapOK   = "$T OK done\r\n"
	selected = "* 1 EXISTS\r\n* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 2]\r\n$T OK [READ-WRITE] done\r\n"
)

var password = &sasl.Credentials{Username: "tim", Password: "tanstaaf"}

func nothing[C any](context.Context, C) (string, error) { return "no error", nil }

func smtpLogin(ctx context.Context, c *smtpclient.Client) (string, error) {
	return "logged in", c.Login(ctx, *password)
}

func pop3Login(ctx context.Context, c *pop3client.Client) (string, error) {
	return "logged in", c.Login(ctx, *password)
}

func imapLogin(ctx context.Context, c *imapclient.Client) (string, error) {
	return "logged in", c.Login(ctx, *password)
}

// send sends a message.
func send(env *smtpclient.Envelope, body string) func(context.Context, *smtpclient.Client) (string, error) {
	return func(ctx context.Context, c *smtpclient.Client) (string, error) {
		r, err := c.Send(ctx, env, strings.NewReader(body))
		if err != nil {
			return "", err
		}
		return fmt.Sprint(r.Reply.Code), r.Err()
	}
}

func envelope(from, to smtp.Address) *smtpclient.Envelope {
	return &smtpclient.Envelope{From: from, To: []smtp.Address{to}}
}

var (
	tim  = smtp.Address{Local: "tim", Domain: "example.net"}
	anna = smtp.Address{Local: "anna", Domain: "example.org"}
)

// The replies to a message.
var taken = []string{hello, "250-mail.test\r\n250 8BITMIME\r\n", ok, ok, "354 go\r\n"}

// withMailbox does something with a selected mailbox.
func withMailbox(f func(context.Context, *imapclient.Mailbox) (string, error)) func(context.Context, *imapclient.Client) (string, error) {
	return func(ctx context.Context, c *imapclient.Client) (string, error) {
		m, err := c.Select(ctx, "INBOX", nil)
		if err != nil {
			return "", err
		}
		return f(ctx, m)
	}
}

// fetchAll reads what it can of every message.
func fetchAll(ctx context.Context, m *imapclient.Mailbox) (string, error) {
	n := 0
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Whole()) {
		if err != nil {
			return "", err
		}
		if _, err := msg.Body().Bytes(1 << 20); err != nil {
			return "", err
		}
		n++
	}
	return fmt.Sprint(n, " messages"), nil
}

// bomb deflates 24 MiB of the pattern, which has 64 KiB. From the second time on,
// the pattern becomes the same octets, since all that they refer to is the same.
func bomb(pattern string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	io.WriteString(w, pattern)
	w.Flush()
	first := b.String()
	b.Reset()
	io.WriteString(w, pattern)
	w.Flush()
	return first + strings.Repeat(b.String(), 24<<20/len(pattern)-1)
}

func publishedForClients() []defect {
	return []defect{
		{"STARTTLS injection", "SMTP replies before TLS", "CVE-2021-38371 Exim, kin: CVE-2020-15685 Thunderbird",
			withSMTP([]string{hello, "250-mail.test\r\n250 STARTTLS\r\n", "220 go\r\n250-mail.test\r\n250 AUTH PLAIN\r\n<TLS>", ok, ok}, startTLS, smtpclient.Options{}, smtpLogin), "C: EHLO client.test | C: STARTTLS | error: smtpclient: textproto: plaintext after STARTTLS"},
		{"STARTTLS injection", "POP3 replies before TLS", "CVE-2020-15917 Claws Mail",
			withPOP3([]string{"+OK hi\r\n", "+OK go\r\n+OK injected\r\n<TLS>", "+OK\r\n", "+OK\r\n"}, startTLS, pop3client.Options{}, pop3Login), "C: STLS | error: textproto: plaintext after STARTTLS"},
		{"STARTTLS injection", "IMAP responses before TLS", "CVE-2020-14954 mutt, CVE-2020-15685 Thunderbird",
			withIMAP([]string{"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "$T OK go\r\n* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] injected\r\n<TLS>", imapOK, imapOK}, startTLS, imapclient.Options{}, imapLogin), "C: P1 STARTTLS | error: imapclient: connection is closed: textproto: plaintext after STARTTLS"},
		{"STARTTLS injection", "what is offered before TLS is forgotten", "kin: CVE-2021-38371 Exim",
			withSMTP([]string{hello, "250-mail.test\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n", "220 go\r\n<TLS>", "250-mail.test\r\n250 8BITMIME\r\n", ok}, startTLS, smtpclient.Options{}, smtpLogin), "C: EHLO client.test | C: STARTTLS | C: EHLO client.test | error: smtpclient: server does not offer AUTH"},

		{"response injection", "a tagged response before its command", "CVE-2026-42246 net-imap",
			withIMAP([]string{"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\nP1 OK go\r\n", "$T NO none\r\n", imapOK}, startTLS, imapclient.Options{AllowInsecureAuth: true}, imapLogin), "C: P1 STARTTLS | error: imapclient: STARTTLS: imap: NO none"},
		{"response injection", "a literal where the name of a mailbox stands, with CRLF in it", "kin: CVE-2021-3578 mbsync",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n", "* LIST () \"/\" " + lit("x\r\n* BYE evil\r\nP1 OK x\r\n") + "\r\n* LIST () \"/\" y\r\n" + imapOK}, clear, imapclient.Options{},
				func(ctx context.Context, c *imapclient.Client) (string, error) {
					list, err := c.List(ctx, nil)
					var names []string
					for _, e := range list {
						names = append(names, fmt.Sprintf("%q", e.Name))
					}
					return strings.Join(names, " "), err
				}), "C: P1 LIST \"\" * | \"x\\r\\n* BYE evil\\r\\nP1 OK x\\r\\n\" \"y\""},

		{"command injection", "CRLF in addresses", "CVE-2015-8476 PHPMailer, CVE-2015-9097 mail, golang/go#21159 net/smtp",
			withSMTP([]string{hello, "250-mail.test\r\n250 SMTPUTF8\r\n", ok}, clear, smtpclient.Options{}, func(ctx context.Context, c *smtpclient.Client) (string, error) {
				var out []string
				for _, bad := range []smtp.Address{{Local: "tim>\r\nRCPT TO:<evil", Domain: "example.net"}, {Local: "tim", Domain: "example.net>\r\nRCPT TO:<evil"}, {Local: "tim", Domain: "example.net> SIZE=1"}, {Local: "a\x00b", Domain: "example.net"}} {
					for _, env := range []*smtpclient.Envelope{envelope(bad, anna), envelope(tim, bad)} {
						_, err := c.Send(ctx, env, strings.NewReader("x"))
						out = append(out, fmt.Sprint(err))
					}
				}
				return strings.Join(out, "\n"), nil
			}), "C: EHLO client.test | smtpclient: sender \"tim???RCPT TO:?evil\"@example.net: smtp: bad local part in address | smtpclient: recipient \"tim???RCPT TO:?evil\"@example.net: smtp: bad local part in address | smtpclient: sender tim@example.net???RCPT?TO:?evil: smtp: bad domain in address | smtpclient: recipient tim@example.net???RCPT?TO:?evil: smtp: bad domain in address | smtpclient: sender tim@example.net??SIZE=1: smtp: bad domain in address | smtpclient: recipient tim@example.net??SIZE=1: smtp: bad domain in address | smtpclient: sender \"a?b\"@example.net: smtp: bad local part in address | smtpclient: recipient \"a?b\"@example.net: smtp: bad local part in address"},
		{"command injection", "characters that become CR and LF when cut to octets", "CVE-2025-7962 Jakarta Mail",
			withSMTP([]string{hello, "250-mail.test\r\n250 SMTPUTF8\r\n", ok, ok, "354 go\r\n", ok}, clear, smtpclient.Options{}, send(envelope(tim, smtp.Address{Local: "a\u760d\u760aRSET", Domain: "example.org"}), "x\r\n")), "C: EHLO client.test | C: MAIL FROM:<tim@example.net> SMTPUTF8 | C: RCPT TO:<a瘍瘊RSET@example.org> | C: DATA | C: x | C: . | 250"},
		{"command injection", "CRLF in parameters", "GHSA-c7w3-x93f-qmm8 nodemailer",
			withSMTP([]string{hello, "250-mail.test\r\n250-DSN\r\n250-SIZE\r\n250 AUTH PLAIN\r\n", ok}, clear, smtpclient.Options{}, func(ctx context.Context, c *smtpclient.Client) (string, error) {
				var out []string
				for _, m := range []smtp.MailOptions{{EnvelopeID: "x\r\nRCPT TO:<evil@example.org>"}, {Return: "FULL\r\nRSET"}, {Body: "8BITMIME\r\nRSET"}, {Auth: &smtp.Address{Local: "x\r\nRSET", Domain: "example.org"}}} {
					env := envelope(tim, anna)
					env.Mail = m
					_, err := c.Send(ctx, env, strings.NewReader("x"))
					out = append(out, fmt.Sprint(err))
				}
				env := envelope(tim, anna)
				env.Rcpt = []smtp.RcptOptions{{Original: smtp.OriginalRecipient{Type: "rfc822", Address: "x\r\nRSET"}, Notify: smtp.NotifyNever}}
				_, err := c.Send(ctx, env, strings.NewReader("x"))
				return strings.Join(append(out, fmt.Sprint(err)), "\n"), nil
			}), "C: EHLO client.test | smtpclient: smtp: ENVID parameter: must be printable ASCII | smtpclient: smtp: RET parameter: must be FULL or HDRS | smtpclient: smtp: BODY parameter: unknown body type | smtpclient: smtp: AUTH parameter: smtp: bad local part in address | smtpclient: smtp: ORCPT parameter: must be printable ASCII"},
		{"command injection", "CRLF in EHLO, VRFY and the like", "kin: CVE-2015-8476 PHPMailer",
			withSMTP([]string{hello, ok}, clear, smtpclient.Options{}, func(ctx context.Context, c *smtpclient.Client) (string, error) {
				_, e1 := c.Verify(ctx, "x\r\nRSET")
				_, e2 := c.Expand(ctx, "x\nRSET")
				_, e3 := c.Help(ctx, "x\rRSET")
				return fmt.Sprintf("%v\n%v\n%v", e1, e2, e3), nil
			}), "C: EHLO client.test | smtpclient: VRFY: name must be UTF-8 without control characters | smtpclient: EXPN: name must be UTF-8 without control characters | smtpclient: HELP: argument must be printable ASCII"},
		{"command injection", "a message that ends early: LF.LF, CR.CR, LF.CRLF", "kin: CVE-2023-51764 Postfix",
			withSMTP(append(taken, "", "", "", "", "", ok), clear, smtpclient.Options{}, send(envelope(tim, anna), "one\n.\nRSET\r.\rRSET\n.\r\nRSET\r\n.\r\nend\r\n")), "C: EHLO client.test | C: MAIL FROM:<tim@example.net> | C: RCPT TO:<anna@example.org> | C: DATA | C: one | C: .. | C: RSET | C: .. | C: RSET | C: .. | C: RSET | C: .. | C: end | C: . | 250"},
		{"command injection", "CRLF in a user name and a password, by POP3", "CVE-2025-15367 poplib",
			withPOP3([]string{"+OK hi\r\n", "+OK\r\nUSER\r\n.\r\n", "+OK\r\n", "+OK\r\n"}, clear, pop3client.Options{AllowInsecureAuth: true}, func(ctx context.Context, c *pop3client.Client) (string, error) {
				e1 := c.Login(ctx, sasl.Credentials{Username: "tim\r\nDELE 1", Password: "x"})
				e2 := c.Login(ctx, sasl.Credentials{Username: "tim", Password: "x\r\nDELE 1"})
				return fmt.Sprintf("%v\n%v", e1, e2), nil
			}), "C: CAPA | sasl: malformed authentication exchange: character U+000D is prohibited | sasl: malformed authentication exchange: character U+000D is prohibited"},
		{"command injection", "CRLF in a user name and a password, by IMAP", "CVE-2025-15366 imaplib",
			withIMAP([]string{"* OK [CAPABILITY IMAP4rev1] hi\r\n", "$T NO no\r\n", "$T NO no\r\n"}, clear, imapclient.Options{AllowInsecureAuth: true}, func(ctx context.Context, c *imapclient.Client) (string, error) {
				e1 := c.Login(ctx, sasl.Credentials{Username: "tim\r\na1 DELETE x", Password: "x"})
				e2 := c.Login(ctx, sasl.Credentials{Username: "tim", Password: "x\r\na1 DELETE x"})
				return fmt.Sprintf("%v\n%v", e1, e2), nil
			}), "C: P1 LOGIN {16} | C: P2 LOGIN tim {14} | imapclient: login: imapclient: LOGIN: imap: NO no | imapclient: login: imapclient: LOGIN: imap: NO no"},
		{"command injection", "CRLF in a mailbox name, a keyword, an ID and a literal that the server did not wait for", "CVE-2026-42257, CVE-2026-42258, CVE-2026-47242 net-imap",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1 ID ENABLE] hi\r\n", imapOK, "+ go\r\n", "", "P2 OK done\r\n"}, clear, imapclient.Options{AllowInsecureAuth: true}, func(ctx context.Context, c *imapclient.Client) (string, error) {
				e1 := c.Create(ctx, "x\r\na1 DELETE y")
				_, e2 := c.ID(ctx, imap.IDFields{{Name: "name", Value: "x\r\na1 DELETE y"}})
				_, e3 := c.Append(ctx, "INBOX", mailbox.Incoming{Flags: mailbox.NewFlagSet("x\r\na1 DELETE y")})
				e4 := c.Enable(ctx, "x\r\na1 DELETE y")
				return fmt.Sprintf("%v\n%v\n%v\n%v", e1, e2, e3, e4), nil
			}), "C: P1 CREATE \"x&AA0ACg-a1 DELETE y\" | C: P2 ID (\"name\" {14} | C: x | C: a1 DELETE y) | <nil> | <nil> | imapclient: APPEND (\"INBOX\"): imap: invalid flag \"x\\r\\na1 DELETE y\" | imapclient: ENABLE: imap: \"x\\r\\na1 DELETE y\" is not an atom"},
		{"command injection", "CRLF in what is searched for", "CVE-2026-47240 net-imap",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n", selected, "+ go\r\n", "", "* SEARCH\r\nP2 OK done\r\n"}, clear, imapclient.Options{AllowInsecureAuth: true},
				withMailbox(func(ctx context.Context, m *imapclient.Mailbox) (string, error) {
					_, err := m.Search(ctx, search.Subject("x\r\na1 STORE 1:* +FLAGS (\\Deleted)"), nil)
					return "found", err
				})), "C: P1 SELECT INBOX | C: P2 UID SEARCH SUBJECT {33} | C: x | C: a1 STORE 1:* +FLAGS (\\Deleted) | found"},

		{"NUL and length", "an SMTP reply that is none", "kin: CVE-2017-16944 Exim",
			withSMTP([]string{"2200 mail.test\r\n"}, clear, smtpclient.Options{}, nothing), "error: smtpclient: waiting for the greeting: smtp: malformed reply: \"2200 mail.test\""},
		{"NUL and length", "POP3 numbers and unique ids that are none", "CVE-2005-2335 fetchmail",
			withPOP3([]string{"+OK hi\r\n", "+OK\r\nUSER\r\nUIDL\r\n.\r\n", "+OK\r\n4294967297 1\r\n-1 1\r\n1 99999999999999999999\r\n.\r\n", "+OK\r\n1 " + strings.Repeat("u", 1000) + "\r\n.\r\n"}, clear, pop3client.Options{AllowInsecureAuth: true},
				func(ctx context.Context, c *pop3client.Client) (string, error) {
					list, err := c.List(ctx)
					return fmt.Sprint(list), err
				}), "C: CAPA | C: LIST | C: UIDL | error: pop3client: LIST: no message number: \"4294967297 1\" pop3client: LIST: no message number: \"-1 1\" pop3client: UIDL of message 1: malformed: \"1 uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu\""},
		{"NUL and length", "a literal of more than there may be", "CVE-2025-43857 net-imap",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n", selected, "* 1 FETCH (UID 1 BODY[] {99999999999999999999}\r\n"}, clear, imapclient.Options{}, withMailbox(fetchAll)), "C: P1 SELECT INBOX | C: P2 UID FETCH 1:* (UID BODY.PEEK[]<0.262144>) | error: imapclient: connection is closed: imapclient: unwanted data: limit is 67108864"},

		{"memory before login", "a reply of lines without end", "CVE-2025-61724 net/textproto",
			withSMTP([]string{hello, "FLOOD 250-x\r\n"}, clear, smtpclient.Options{}, nothing), "C: EHLO client.test | error: smtp: malformed reply: too long"},
		{"memory before login", "a line without end from a POP3 server", "CVE-2023-45290 net/textproto",
			withPOP3([]string{"FLOOD +OKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKKK"}, clear, pop3client.Options{}, nothing), "error: pop3client: textproto: line too long"},
		{"memory before login", "a response without end from an IMAP server", "kin: CVE-2025-43857 net-imap",
			withIMAP([]string{"FLOOD * OK [CAPABILITY " + strings.Repeat("IMAP4rev1 ", 1000)}, clear, imapclient.Options{}, nothing), "error: imapclient: connection is closed: textproto: line too long, without end"},
		{"memory before login", "a literal of 4 GB in a response before login", "CVE-2025-43857 net-imap",
			withIMAP([]string{"* OK hi\r\n", "* LIST () \"/\" {4294967295}\r\n"}, clear, imapclient.Options{AllowInsecureAuth: true}, imapLogin), "C: P1 CAPABILITY | error: imapclient: connection is closed: imapclient: unwanted data: limit is 67108864"},

		{"quadratic parsing", "parentheses without end", "kin: CVE-2026-42006 Dovecot, CVE-2020-12100 Dovecot",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n", selected, "* 1 FETCH (UID 1 BODYSTRUCTURE " + strings.Repeat("(", 1<<20) + "\r\n$T OK done\r\n"}, clear, imapclient.Options{}, withMailbox(fetchAll)), "C: P1 SELECT INBOX | C: P2 UID FETCH 1:* (UID BODY.PEEK[]<0.262144>) | 0 messages"},
		{"quadratic parsing", "a set of UIDs that stands for billions", "CVE-2025-25186 net-imap",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1 ESEARCH] hi\r\n", selected, "* ESEARCH (TAG \"$T\") UID ALL 1:4294967295\r\n$T OK done\r\n"}, clear, imapclient.Options{},
				withMailbox(func(ctx context.Context, m *imapclient.Mailbox) (string, error) {
					found, err := m.Search(ctx, search.All{}, nil)
					if err != nil {
						return "", err
					}
					return fmt.Sprint(found.UIDs.Len(), " UIDs in ", found.UIDs), nil
				})), "C: P1 SELECT INBOX | C: P2 UID SEARCH RETURN (ALL) ALL | 4294967295 UIDs in 1:4294967295"},
		{"quadratic parsing", "a body in a literal of 8 MB that arrives in pieces", "CVE-2026-42245 net-imap",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n", selected, "* 1 FETCH (UID 1 BODY[] {8388608}\r\n" + strings.Repeat("x\r\n", 8388608/3) + "xx)\r\n$T OK done\r\n"}, clear, imapclient.Options{},
				withMailbox(func(ctx context.Context, m *imapclient.Mailbox) (string, error) {
					n, err := m.Download(ctx, 1, imapclient.Whole(), io.Discard)
					return fmt.Sprint(n), err
				})), "C: P1 SELECT INBOX | C: P2 UID FETCH 1 (UID BODY.PEEK[]<0.262144>) | 8388608"},

		{"decompression bomb", "an IMAP line of 24 MB, deflated", "kin: CVE-2014-2745 Prosody",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\n", "$T OK go\r\n" + bomb(strings.Repeat("A", 64<<10))}, clear, imapclient.Options{}, compressed), "C: P1 COMPRESS DEFLATE | error: imapclient: connection is closed: deflate: input expands too much"},
		{"decompression bomb", "IMAP responses of 1 KB, deflated: 24 MB", "kin: CVE-2014-2745 Prosody",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\n", "$T OK go\r\n" + bomb(strings.Repeat("* OK "+strings.Repeat("x", 1017)+"\r\n", 64))}, clear, imapclient.Options{}, compressed), "C: P1 COMPRESS DEFLATE | error: imapclient: connection is closed: deflate: input expands too much"},
		{"decompression bomb", "lines of 1 KB for a server, deflated: 24 MB", "kin: CVE-2014-2745 Prosody",
			func(t *testing.T, l *lab) string {
				a, b := net.Pipe()
				defer a.Close()
				defer b.Close()
				data := bomb(strings.Repeat("a NOOP"+strings.Repeat("x", 1016)+"\r\n", 64))
				go func() {
					io.WriteString(b, data)
					b.Close()
				}()
				c := textproto.NewConn(a, nil)
				require.NoError(t, c.Compress(flate.BestSpeed))
				for n := 0; ; n += 1024 {
					if _, err := c.ReadLine(); err != nil {
						in, _ := c.Octets()
						return fmt.Sprintf("%v: at most %d times what came, and %d MiB: %v", err, textproto.MaxCompressRatio, textproto.CompressAllowance>>20, int64(n) <= textproto.CompressAllowance+textproto.MaxCompressRatio*max(in, int64(len(data))))
					}
				}
			}, "deflate: input expands too much: at most 200 times what came, and 16 MiB: true"},
		{"decompression bomb", "COMPRESS that the server did not announce", "kin: CVE-2014-2744 Prosody",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n", imapOK}, clear, imapclient.Options{}, compressed), "error: imapclient: server lacks COMPRESS=DEFLATE: COMPRESS"},

		{"auth bypass", "success without proof, by SCRAM", "RFC 5802 §5",
			withSMTP([]string{hello, "250-mail.test\r\n250 AUTH SCRAM-SHA-256\r\n", "235 welcome\r\n"}, clear, smtpclient.Options{AllowInsecureAuth: true}, smtpLogin), "C: EHLO client.test | C: AUTH SCRAM-SHA-256 biws… | error: smtpclient: AUTH: SCRAM-SHA-256: sasl: server did not prove its identity"},
		{"auth bypass", "a certificate for somebody else", "CVE-2011-4318 Dovecot",
			func(t *testing.T, l *lab) string {
				good := l.clientTLS
				defer func() { l.clientTLS = good }()
				l.clientTLS = good.Clone()
				l.clientTLS.ServerName = "other.test"
				return withSMTP([]string{hello, "250-mail.test\r\n250 STARTTLS\r\n", "220 go\r\n<TLS>", ok}, startTLS, smtpclient.Options{}, smtpLogin)(t, l)
			}, "C: EHLO client.test | C: STARTTLS | error: smtpclient: textproto: TLS handshake: tls: failed to verify certificate: x509: certificate is valid for mail.test, not other.test"},
		{"auth bypass", "a server's challenge to APOP that is no message identifier", "CVE-2007-1558 fetchmail, mutt, Thunderbird and others",
			withPOP3([]string{"+OK <\x80\xff\x01garbage@x>\r\n", "-ERR\r\n", "+OK\r\n", "+OK\r\n"}, clear, pop3client.Options{Mechanisms: []string{"APOP"}}, pop3Login), "C: CAPA | error: sasl: unsupported authentication mechanism"},

		{"downgrade", "STARTTLS that is not offered or refused, by SMTP", "CVE-2016-0772 smtplib",
			withSMTP([]string{hello, "250-mail.test\r\n250 AUTH PLAIN\r\n", "454 no TLS\r\n", "235 ok\r\n"}, startTLS, smtpclient.Options{Credentials: password}, nothing), "C: EHLO client.test | error: smtpclient: server does not offer STARTTLS"},
		{"downgrade", "STARTTLS that is refused, by SMTP", "CVE-2016-0772 smtplib",
			withSMTP([]string{hello, "250-mail.test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "454 no TLS\r\n", "235 ok\r\n"}, startTLS, smtpclient.Options{Credentials: password}, nothing), "C: EHLO client.test | C: STARTTLS | error: smtpclient: STARTTLS: 454 no TLS"},
		{"downgrade", "STLS that is refused", "CVE-2006-5867 fetchmail",
			withPOP3([]string{"+OK hi\r\n", "-ERR no\r\n", "+OK\r\n", "+OK\r\n"}, startTLS, pop3client.Options{Credentials: password}, nothing), "C: STLS | error: pop3: STLS refused: no"},
		{"downgrade", "STARTTLS that is refused, by IMAP", "CVE-2021-32066 net-imap",
			withIMAP([]string{"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "$T NO none\r\n", imapOK}, startTLS, imapclient.Options{Credentials: password}, nothing), "C: P1 STARTTLS | error: imapclient: STARTTLS: imap: NO none"},
		{"downgrade", "STARTTLS that is refused in no known way", "CVE-2021-32066 net-imap",
			withIMAP([]string{"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", "$T WHAT\r\n", imapOK}, startTLS, imapclient.Options{Credentials: password}, nothing), "C: P1 STARTTLS | error: imapclient: STARTTLS: imapclient: unreadable response: expected OK, NO or BAD before end of line"},
		{"downgrade", "PREAUTH in place of STARTTLS", "CVE-2020-14093 mutt, CVE-2020-12398 Thunderbird, CVE-2021-39272 fetchmail",
			withIMAP([]string{"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\r\n", imapOK, imapOK}, startTLS, imapclient.Options{Credentials: password}, nothing), "error: imapclient: server is logged in before STARTTLS"},
		{"downgrade", "a greeting that is none in place of STARTTLS", "CVE-2020-28896 mutt",
			withIMAP([]string{"WELCOME\r\n", imapOK, imapOK}, startTLS, imapclient.Options{Credentials: password}, nothing), "error: imapclient: server refuses the connection: imap: BYE WELCOME"},
		{"downgrade", "passwords without TLS, by SMTP", "CVE-2017-15042 net/smtp",
			withSMTP([]string{hello, "250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n", "334 \r\n", "235 ok\r\n"}, clear, smtpclient.Options{}, smtpLogin), "C: EHLO client.test | error: smtpclient: AUTH: sasl: encryption needed for this authentication mechanism"},
		{"downgrade", "passwords without TLS, by POP3", "CVE-2006-5867 fetchmail",
			withPOP3([]string{"+OK hi\r\n", "+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n", "+OK\r\n", "+OK\r\n"}, clear, pop3client.Options{}, pop3Login), "C: CAPA | error: sasl: encryption needed for this authentication mechanism"},
		{"downgrade", "passwords without TLS, by IMAP", "CVE-2006-5867 fetchmail",
			withIMAP([]string{"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN] hi\r\n", "+\r\n", imapOK}, clear, imapclient.Options{}, imapLogin), "error: imapclient: login: sasl: encryption needed for this authentication mechanism"},
		{"downgrade", "a stronger mechanism that is refused is not followed by a weaker one", "kin: CVE-2017-15042 net/smtp",
			withSMTP([]string{hello, "250-mail.test\r\n250 AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN\r\n", "535 5.7.8 no\r\n", "235 ok\r\n"}, clear, smtpclient.Options{AllowInsecureAuth: true}, smtpLogin), "C: EHLO client.test | C: AUTH SCRAM-SHA-256 biws… | error: smtpclient: AUTH: SCRAM-SHA-256: 535 5.7.8 no"},
		{"downgrade", "TLS 1.1", "RFC 8996 §5",
			func(t *testing.T, l *lab) string {
				good := l.serverTLS
				defer func() { l.serverTLS = good }()
				l.serverTLS = good.Clone()
				l.serverTLS.MinVersion, l.serverTLS.MaxVersion = 0x0301, 0x0302
				return withSMTP([]string{hello, "250-mail.test\r\n250 STARTTLS\r\n", "220 go\r\n<TLS>", ok}, startTLS, smtpclient.Options{}, smtpLogin)(t, l)
			}, "C: EHLO client.test | C: STARTTLS | error: smtpclient: textproto: TLS handshake: remote error: tls: protocol version not supported"},
	}
}

func compressed(ctx context.Context, c *imapclient.Client) (string, error) {
	if err := c.Compress(ctx); err != nil {
		return "", err
	}
	for {
		if err := c.Noop(ctx); err != nil {
			return "", err
		}
	}
}
