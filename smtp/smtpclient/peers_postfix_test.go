package smtpclient_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

func TestPeerPostfix(t *testing.T) {
	cert := peers.NewCertificate(t)
	d := peers.Postfix(t, cert, "", "")
	came := 0
	arrived := func(t *testing.T, user string, n int) []string {
		t.Helper()
		return d.Maildir(t, filepath.Join(d.Dir, "mail", user), n)
	}
	for i, w := range []way{
		{name: "clear", service: "smtp", dial: smtpclient.Dial, has: "354 "},
		{name: "starttls", service: "smtp", dial: smtpclient.DialStartTLS, has: "STARTTLS"},
		{name: "tls", service: "smtps", dial: smtpclient.DialTLS, has: "354 "},
		{name: "chunking", service: "smtp", dial: smtpclient.Dial, options: smtpclient.Options{Chunking: true}, has: "BDAT "},
		{name: "chunking, one by one", service: "smtp", dial: smtpclient.DialStartTLS,
			options: smtpclient.Options{Chunking: true, Disable: smtp.ExtensionsOf(smtp.ExtPipelining)}, has: "BDAT "},
		{name: "one by one", service: "smtp", dial: smtpclient.Dial, options: smtpclient.Options{Disable: smtp.ExtensionsOf(smtp.ExtPipelining, smtp.ExtSize)}, has: "354 "},
	} {
		t.Run(w.name, func(t *testing.T) {
			letters := peers.Letters(i%3 == 2 || w.name == "chunking")
			for i := range letters {
				letters[i].Text = strings.Replace(letters[i].Text, "Subject: ", "Subject: "+w.name+" ", 1)
				letters[i].Name = w.name + " " + letters[i].Name
			}
			sendLetters(t, d, w, cert, letters, "bob@example.net")
			came += len(letters)
			got := arrived(t, "bob", came)
			for _, letter := range letters {
				peers.Same(t, letter, peers.Find(t, letter, got))
			}
		})
	}
	t.Run("refusals", func(t *testing.T) {
		for _, chunking := range []bool{false, true} {
			o := &smtpclient.Options{Chunking: chunking}
			converse(t, o)
			c, err := smtpclient.Dial(t.Context(), d.Addr("smtp"), o)
			require.NoError(t, err)
			defer c.Close()
			came += refusals(t, c, 50_000_000)
			require.NoError(t, c.Quit(t.Context()))
			arrived(t, "bob", came)
		}
	})
	t.Run("smtputf8", func(t *testing.T) {
		o := &smtpclient.Options{}
		v := converse(t, o)
		c, err := smtpclient.Dial(t.Context(), d.Addr("smtp"), o)
		require.NoError(t, err)
		defer c.Close()
		letter := peers.Letter{Name: "Grüße", Text: "From: jürgen@example.org\r\nSubject: Grüße\r\n\r\nbody\r\n"}
		_, err = c.Send(t.Context(), &smtpclient.Envelope{From: addr(t, "jürgen@example.org"), To: addrs(t, "bücher@example.net")}, strings.NewReader(letter.Text))
		require.NoError(t, err)
		require.Contains(t, v.String(), "MAIL FROM:<jürgen@example.org> BODY=8BITMIME SMTPUTF8")
		got := arrived(t, "buecher", 1)
		peers.Same(t, letter, got[0])
		require.Contains(t, got[0], "with UTF8SMTP")
	})
}
