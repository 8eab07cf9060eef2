package smtpserver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A client that goes away between two chunks, or within one, has not sent a message:
// however the Session reads it, it sees an error and no end.
func TestTruncatedChunks(t *testing.T) {
	readers := map[string]func(r io.Reader) error{
		"Read":    func(r io.Reader) error { _, err := io.ReadAll(r); return err },
		"WriteTo": func(r io.Reader) error { _, err := io.Copy(&bytes.Buffer{}, r); return err },
		"again": func(r io.Reader) error {
			io.ReadAll(r)
			_, err := io.ReadAll(r)
			return err
		},
	}
	for name, read := range readers {
		for _, chunks := range []string{"BDAT 5\r\nhello", "BDAT 5\r\nhelloBDAT 3\r\nxyz", "BDAT 5\r\nhel"} {
			results := make(chan error, 1)
			srv := &smtpserver.Server{Backend: &recorder{data: func(_ context.Context, r io.Reader) error {
				err := read(r)
				results <- err
				return err
			}}}
			nc, err := net.Dial("tcp", start(t, srv))
			require.NoError(t, err)
			io.WriteString(nc, "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"+chunks)
			nc.(*net.TCPConn).CloseWrite()
			err = <-results
			require.Error(t, err, "%s, %q", name, chunks)
			require.False(t, errors.Is(err, io.EOF))
			nc.Close()
		}
	}
}
