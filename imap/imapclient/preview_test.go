package imapclient_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

func TestPreviewSuite(t *testing.T) {
	head := "From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
	texts := []string{
		head + "\r\nHello there,\r\n> quoted\r\nhow are you?\r\n",
		head + "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n",
		head + "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+R3LDvMOfZTwvcD4=\r\n",
		head + "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>no</b>\r\n--b\r\n\r\nplain text\r\n--b--\r\n",
		head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\n \r\n--c\r\nContent-Type: text/html\r\n\r\n<p>hyper</p>\r\n--c--\r\n--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nattached\r\n--b--\r\n",
		head + "Content-Type: image/png\r\n\r\nPNG\r\n",
		head + "\r\n" + strings.Repeat("many words ", 2000) + "\r\n",
	}
	want := []string{"Hello there, how are you?", "Grüße", "Grüße", "plain text", "hyper", "", strings.Repeat("many words ", 2000)[:200]}
	sites(t, func(t *testing.T, s *site) {
		o := s.options()
		o.Disable = []imap.Cap{imap.CapPreview}
		c := s.dial(t, o)
		require.True(t, c.Emulates(imapclient.EmulatePreview))
		m := s.box(t, c, texts...)
		for _, items := range [][]imapclient.Item{{imapclient.Envelope, imapclient.Preview}, {imapclient.Preview}, {imapclient.Preview, imapclient.Whole()}} {
			i := 0
			for msg, err := range m.Fetch(t.Context(), imapclient.All(), items...) {
				require.NoError(t, err)
				require.Equal(t, want[i], msg.Preview)
				require.NotZero(t, msg.Has&imapclient.Preview)
				if len(items) == 2 && items[0] == imapclient.Preview {
					b, err := io.ReadAll(msg.Body())
					require.NoError(t, err)
					require.Equal(t, texts[i], string(b))
				}
				i++
			}
			require.Equal(t, len(texts), i)
		}
		uids, err := m.UIDs(t.Context())
		require.NoError(t, err)
		msg, err := m.Message(t.Context(), uids.At(3), imapclient.Preview, imapclient.Whole())
		require.NoError(t, err)
		require.Equal(t, want[3], msg.Preview)
		b, err := io.ReadAll(msg.Body())
		require.NoError(t, err)
		require.Equal(t, texts[3], string(b))
		require.NoError(t, msg.Close())
		for range m.Fetch(t.Context(), imapclient.All(), imapclient.Preview) {
			break
		}
		for msg, err := range m.Fetch(t.Context(), imapclient.All(), imapclient.Summary) {
			require.NoError(t, err)
			require.Zero(t, msg.Has&imapclient.Preview)
		}
		require.NoError(t, c.Noop(t.Context()))

		o.NoEmulation = imapclient.EmulatePreview
		m, err = s.dial(t, o).Select(t.Context(), m.Name(), nil)
		require.NoError(t, err)
		for msg, err := range m.Fetch(t.Context(), imapclient.All(), imapclient.Preview) {
			require.NoError(t, err)
			require.Zero(t, msg.Has&imapclient.Preview)
		}
	})
}
