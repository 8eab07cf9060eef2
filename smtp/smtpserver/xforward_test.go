package smtpserver_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// XFORWARD is for the next transaction: later attributes replace earlier ones,
// and all are gone after it.
func TestXForward(t *testing.T) {
	var conn *smtpserver.Conn
	var got []string
	r := &recorder{
		newSession: func(c *smtpserver.Conn) error { conn = c; return nil },
		mail: func(smtp.Address, *smtp.MailOptions) error {
			var words []string
			for _, a := range conn.Forwarded() {
				words = append(words, fmt.Sprint(a.Name, "=", a.Value, a.Absent))
			}
			got = append(got, strings.Join(words, " "))
			return nil
		},
	}
	k := talk(t, start(t, &smtpserver.Server{Backend: r, XClientFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}))
	k.do("EHLO x", "250")
	k.do("XFORWARD NAME=one ADDR=192.0.2.1", "250")
	k.do("XFORWARD name=two HELO=[UNAVAILABLE]", "250")
	k.send("a@b.example", []string{"c@example.org"}, "x\r\n", "250")
	k.send("a@b.example", []string{"c@example.org"}, "x\r\n", "250")
	for range 50 {
		k.do("XFORWARD NAME=three", "250")
	}
	k.do("MAIL FROM:<>", "250")
	k.do("RSET", "250")
	k.do("XFORWARD NAME=four", "250")
	k.do("RSET", "250")
	k.do("MAIL FROM:<>", "250")
	require.Equal(t, []string{"NAME=twofalse ADDR=192.0.2.1false HELO=true", "", "NAME=threefalse", ""}, got)
	k.do("XFORWARD NAME=x", "503")
	k.do("RSET", "250")
	k.do("XFORWARD NAME=ok COLOUR=red", "501 5.5.4")
	k.do("XFORWARD NAME="+strings.Repeat("x", 256), "501 5.5.4")
	k.do("MAIL FROM:<>", "250")
	require.Empty(t, got[4])
}
