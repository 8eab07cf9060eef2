package imapclient_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

func TestCRLF(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"\n":                 "\r\n",
		"\r":                 "\r\n",
		"\r\n":               "\r\n",
		"\n\r":               "\r\n\r\n",
		"\r\r\n":             "\r\n\r\n",
		"\n\n":               "\r\n\r\n",
		"a\nb\r\nc\rd":       "a\r\nb\r\nc\r\nd",
		"Subject: x\n\ny\n":  "Subject: x\r\n\r\ny\r\n",
		"no line end at all": "no line end at all",
	} {
		got, err := io.ReadAll(imapclient.CRLF(strings.NewReader(in)))
		require.NoError(t, err)
		require.Equal(t, want, string(got), "%q", in)
		got, err = io.ReadAll(iotest.OneByteReader(imapclient.CRLF(strings.NewReader(in))))
		require.NoError(t, err)
		require.Equal(t, want, string(got), "%q", in)
		require.NoError(t, iotest.TestReader(imapclient.CRLF(strings.NewReader(in)), []byte(want)), "%q", in)
	}

	// What stands before the place where r was is left out.
	r := strings.NewReader("x\n" + strings.Repeat("line\n", 20000))
	_, err := r.Seek(2, io.SeekStart)
	require.NoError(t, err)
	c := imapclient.CRLF(r)
	want := strings.Repeat("line\r\n", 20000)
	size, err := c.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	require.Equal(t, int64(len(want)), size)
	for _, at := range []int64{0, 70000, 5, 6, 5, int64(len(want)) - 1, int64(len(want)), int64(len(want)) + 10} {
		_, err := c.Seek(at, io.SeekStart)
		require.NoError(t, err)
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, want[min(at, int64(len(want))):], string(got), at)
	}
	_, err = c.Seek(-1, io.SeekStart)
	require.Error(t, err)
	_, err = io.ReadAll(imapclient.CRLF(struct {
		io.Reader
		io.Seeker
	}{iotest.ErrReader(io.ErrClosedPipe), bytes.NewReader(nil)}))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}
