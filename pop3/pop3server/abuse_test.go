package pop3server

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// A line without end is answered once; then the connection ends.
func TestEndlessLine(t *testing.T) {
	store, _ := openStore(t)
	addr := testutil.Serve(t, &Server{Store: store, Authenticator: users(t), AllowInsecureAuth: true})
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(time.Minute))
	go func() {
		chunk := bytes.Repeat([]byte{'x'}, 64<<10)
		for range 64 {
			if _, err := nc.Write(chunk); err != nil {
				return
			}
		}
	}()
	var got bytes.Buffer
	io.Copy(&got, nc)
	require.Equal(t, 2, bytes.Count(got.Bytes(), []byte("\r\n")), got.String())
	require.Contains(t, got.String(), "\r\n-ERR ")
}
