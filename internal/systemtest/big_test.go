package systemtest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A message of 100 MB goes in by SMTP and APPEND, and out by FETCH and RETR,
// while the server stays small.
func TestBigMessage(t *testing.T) {
	s := start(t)
	const size = 100 << 20
	rate := func(what string, began time.Time) {
		d := time.Since(began)
		t.Logf("%-24s %8v  %4.0f MB/s", what, d.Round(time.Millisecond), size/1e6/d.Seconds())
	}

	// In by SMTP.
	m, length := newBigMessage(size)
	c, err := smtp.Dial(s.addr("smtp"))
	require.NoError(t, err)
	require.NoError(t, c.Mail("someone@elsewhere.test"))
	require.NoError(t, c.Rcpt(bob))
	began := time.Now()
	w, err := c.Data()
	require.NoError(t, err)
	_, err = io.CopyBuffer(w, struct{ io.Reader }{m}, make([]byte, 1<<16))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	rate("in by SMTP (net/smtp)", began)
	require.NoError(t, c.Quit())
	want := fmt.Sprintf("%x", m.sum.Sum(nil))

	// In by APPEND.
	m, _ = newBigMessage(size)
	i := s.imap(t)
	began = time.Now()
	i.send("a APPEND INBOX {%d}\r\n", length)
	i.expect("+")
	_, err = io.CopyBuffer(i.Conn, struct{ io.Reader }{m}, make([]byte, 1<<16))
	require.NoError(t, err)
	i.send("\r\n")
	for line := i.line(); !strings.HasPrefix(line, "a "); line = i.line() {
		require.True(t, strings.HasPrefix(line, "* "), line)
	}
	rate("in by APPEND", began)

	for n, name := range []string{"out by FETCH, from SMTP", "out by FETCH, from APPEND"} {
		began = time.Now()
		i.send("f FETCH %d BODY.PEEK[]\r\n", n+1)
		var got, stored int64
		_, err = fmt.Sscanf(i.line()[len("* 1 FETCH "):], "(BODY[] {%d}", &stored)
		require.NoError(t, err)
		trace := stored - length // what SMTP put before it
		require.True(t, trace == 0 == (n == 1), trace)
		_, err = io.CopyN(io.Discard, i.r, trace)
		require.NoError(t, err)
		h := sha256.New()
		got, err = io.CopyN(h, i.r, length)
		require.NoError(t, err)
		require.Equal(t, length, got)
		require.Equal(t, want, fmt.Sprintf("%x", h.Sum(nil)))
		i.expect(")")
		i.expect("f OK")
		rate(name, began)
	}

	p := s.dial(t, "pop3")
	p.send("USER %s\r\nPASS %s\r\n", bob, bobPassword)
	p.expect("+OK")
	p.expect("+OK")
	began = time.Now()
	p.send("RETR 2\r\n")
	p.expect("+OK")
	h := sha256.New()
	// net/textproto's DotReader gives LF for CRLF: count the lines and compare the text.
	lf, err := io.Copy(h, textproto.NewReader(p.r).DotReader())
	require.NoError(t, err)
	require.Equal(t, length-int64(strings.Count(m.header, "\r\n")+m.lines), lf)
	rate("out by RETR (net/textproto)", began)

	peak := s.peakMemory()
	t.Logf("peak memory of the server: %.1f MiB", float64(peak)/(1<<20))
	if os.Getenv("MAILSERVER_RACE") == "" {
		require.Less(t, peak, int64(64<<20), "peak memory of the server")
	}
	s.stop()
}
