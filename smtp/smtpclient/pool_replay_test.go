package smtpclient_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// pipe hides that a reader can be sought in; lame claims to and can't.
type pipe struct{ io.Reader }

type lame struct{ io.Reader }

func (lame) Seek(int64, int) (int64, error) { return 0, io.ErrClosedPipe }

// A message is sent again as far as it can be read again, and from where it was.
func TestPoolReplay(t *testing.T) {
	large := "Subject: test\n\n" + strings.Repeat("0123456789abcde\n", 4096)
	cases := []struct {
		name  string
		body  io.Reader
		again bool
	}{
		{"short, seekable", skip(strings.NewReader("XX" + message)), true},
		{"long, seekable", skip(strings.NewReader("XX" + large)), true},
		{"short", pipe{strings.NewReader(message)}, true},
		{"short, seeking fails", lame{strings.NewReader(message)}, true},
		{"long", pipe{strings.NewReader(large)}, false},
	}
	for _, tc := range cases {
		for _, second := range []string{closed, begin + closed} { // lost before and within the message
			t.Run(tc.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					again := tc.again || second == closed // of the long one 16 KiB are read before it is lost
					p, dials := scriptPool(t, greet+one+second, greet+begin+"C: Subject: test\nBODY\nS: 250 ok\n"+quit)
					_, err := p.Send(t.Context(), envelope(t, "bob@example.org"), strings.NewReader(message))
					require.NoError(t, err)
					body := tc.body
					if s, ok := body.(io.Seeker); ok {
						s.Seek(2, io.SeekStart)
					}
					if r, ok := body.(pipe); ok {
						r.Reader.(io.Seeker).Seek(0, io.SeekStart)
					}
					if r, ok := body.(lame); ok {
						r.Reader.(io.Seeker).Seek(0, io.SeekStart)
					}
					res, err := p.Send(t.Context(), envelope(t, "bob@example.org"), body)
					if again {
						require.NoError(t, err)
						require.Equal(t, smtpclient.Accepted, res.Recipients[0].Status)
					} else {
						require.Error(t, err)
						require.EqualValues(t, 1, dials.Load())
					}
					require.NoError(t, p.Close())
				})
			})
		}
	}
}

func skip(r *strings.Reader) *strings.Reader {
	r.Seek(2, io.SeekStart)
	return r
}
