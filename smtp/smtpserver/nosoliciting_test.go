package smtpserver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A Delivery announces the keywords that it takes no messages of, and refuses those
// that say in MAIL or in their header that they are of one (RFC 3865 §2.3, §2.5).
func TestNoSoliciting(t *testing.T) {
	st, d := store(t, nil, "alice", "bob")
	d.NoSoliciting = []string{"net.example:ADV", "org.example:ADV:SEX"}
	for name, b := range map[string]smtpserver.Backend{
		"Delivery": d,
		"wrapped":  smtpserver.Wrap(d, func(*smtpserver.Conn) smtpserver.Hooks { return smtpserver.Hooks{} }),
	} {
		t.Run(name, func(t *testing.T) {
			k := talk(t, start(t, &smtpserver.Server{Backend: b}))
			k.c.WriteString("EHLO c\r\n")
			require.NoError(t, k.c.Flush())
			var text []string
			for last := false; !last; {
				line, err := k.c.ReadLine()
				require.NoError(t, err)
				text = append(text, string(line[4:]))
				last = line[3] == ' '
			}
			f := smtp.ParseFeatures(strings.Join(text, "\n"))
			require.Equal(t, d.NoSoliciting, f.NoSoliciting())

			k.do("MAIL FROM:<s@example.net> SOLICIT=x.example:ADV,NET.example:adv", "550 5.7.1 SOLICIT=NET.example:adv")
			k.do("MAIL FROM:<s@example.net> SOLICIT=x.example:ADV", "250")
			k.do("RSET", "250")
			to := []string{"alice@example.org", "bob@example.org"}
			before := len(stored(t, st, "alice"))
			for _, tt := range []struct{ field, want string }{
				{"Solicitation: net.example:ADV", "550 5.7.1 SOLICIT=net.example:ADV"},
				{"SOLICITATION : ORG.Example:adv:sex", "550 5.7.1 SOLICIT=ORG.Example:adv:sex"},
				{"Solicitation: x.example:ADV,net.example:ADV", "550 5.7.1 SOLICIT=net.example:ADV"},
				{"Solicitation:\r\n\tx.example:ADV,\r\n\torg.example:ADV:SEX", "550 5.7.1 SOLICIT=org.example:ADV:SEX"},
				{"Solicitation: x.example:ADV\r\nSolicitation: net.example:ADV", "550 5.7.1"},
				{"Solicitation: x.example:ADV, org.example:ADV", "250"},
				{"Solicitation:", "250"},
				{"X-Solicitation: net.example:ADV", "250"},
				{"Subject: x\r\n\r\nSolicitation: net.example:ADV", "250"},
			} {
				k.send("s@example.net", to, "From: s@example.net\r\n"+tt.field+"\r\n\r\nx\r\n", tt.want)
			}
			require.Len(t, stored(t, st, "alice"), before+4)
		})
	}
}

// Where nothing is announced, nothing is refused. What is announced by a Backend of
// one's own around a Delivery is.
func TestNoSolicitingAnnounced(t *testing.T) {
	_, d := store(t, nil, "alice")
	const message = "Solicitation: net.example:ADV\r\n\r\nx\r\n"
	to := []string{"alice@example.org"}
	k := talk(t, start(t, &smtpserver.Server{Backend: d}))
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<> SOLICIT=net.example:ADV", "555 5.5.4")
	k.send("", to, message, "250")
	k = talk(t, start(t, &smtpserver.Server{Backend: announcer{d}}))
	k.do("HELO c", "250")
	k.send("", to, message, "550 5.7.1 SOLICIT=net.example:ADV")
}

// announcer is a Backend of its own that announces keywords.
type announcer struct{ smtpserver.Backend }

func (announcer) Extensions() smtp.ExtensionSet         { return smtp.ExtensionsOf(smtp.ExtNoSoliciting) }
func (announcer) ExtensionParams(smtp.Extension) string { return "net.example:ADV" }

// Keywords that can't be announced are not passed over: nothing is served.
func TestNoSolicitingInvalid(t *testing.T) {
	for _, words := range [][]string{{"net.example:ADV", "two words"}, {""}, {"a,b"}, {strings.Repeat("a", 1001)}} {
		_, d := store(t, nil, "alice")
		d.NoSoliciting = words
		k := &talker{t, dial(t, start(t, &smtpserver.Server{Backend: d}))}
		k.expect("451 4.3.0")
	}
}
