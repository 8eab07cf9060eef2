package imapclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// scripted returns a client of a server that plays a script. The script goes on
// after the greeting.
func scripted(t testing.TB, caps, script string, o *imapclient.Options) *imapclient.Client {
	t.Helper()
	srv := transcript.Serve(t, "S: * PREAUTH [CAPABILITY IMAP4rev1 "+caps+"] ready\n"+script, nil)
	c, err := imapclient.NewClient(t.Context(), srv.Dial(), o)
	require.NoError(t, err)
	t.Cleanup(func() {
		srv.Wait()
		c.Close()
	})
	return c
}

func incoming(text string) mailbox.Incoming {
	return mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))}
}

// flaky is a body of n octets that then fails.
func flaky(n int, err error) io.Reader {
	return io.MultiReader(strings.NewReader(strings.Repeat("x", n)), iotest.ErrReader(err))
}

var errDisk = errors.New("the disk is broken")

func testAppend(t *testing.T, s *site) {
	ctx := t.Context()
	for _, disable := range [][]imap.Cap{nil, {imap.CapMultiAppend}, {imap.CapLiteralPlus, imap.CapLiteralMinus}} {
		o := s.options()
		o.Disable = disable
		c := s.dial(t, o)
		m := s.box(t, c)
		long := letter("long", strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\r\n", 5000))
		date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600))
		first := incoming(letter("one", "x"))
		first.Flags, first.InternalDate = mailbox.NewFlagSet(mailbox.FlagSeen, "key"), date
		out, err := c.Append(ctx, m.Name(), first, incoming(long),
			mailbox.Incoming{Body: io.MultiReader(strings.NewReader(long), strings.NewReader("more\r\n")), Size: mailbox.SizeUnknown},
			mailbox.Incoming{Body: imapclient.CRLF(strings.NewReader("Subject: four\n\nbare\n")), Size: mailbox.SizeUnknown})
		require.NoError(t, err)
		require.Equal(t, 4, out.Done)
		require.Len(t, out.UIDs, 4)
		want := []string{letter("one", "x"), long, long + "more\r\n", "Subject: four\r\n\r\nbare\r\n"}
		_, err = m.Poll(ctx)
		require.NoError(t, err)
		i := 0
		for msg, err := range m.Fetch(ctx, imapclient.UIDs(out.UIDs...), imapclient.Entry, imapclient.Whole()) {
			require.NoError(t, err)
			require.Equal(t, out.UIDs[i], msg.UID)
			b, err := msg.Body().Bytes(1 << 20)
			require.NoError(t, err)
			require.Equal(t, want[i], string(b))
			if i == 0 {
				require.True(t, msg.InternalDate.Equal(date))
				require.True(t, msg.Entry.Flags.Has("key"))
			}
			i++
		}
		require.Equal(t, 4, i)

		_, err = c.Append(ctx, "no such mailbox", incoming(letter("one", "x")))
		require.ErrorIs(t, err, mailbox.ErrNotExist)
		_, err = c.Append(ctx, "no such mailbox", incoming(long))
		require.ErrorIs(t, err, mailbox.ErrNotExist)
		require.NoError(t, c.Noop(ctx))
	}
}

// testAppendFails is about bodies that fail: nothing of a command is stored.
func testAppendFails(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c)
	messages := func() uint32 {
		st, err := s.dial(t, nil).Status(ctx, m.Name())
		require.NoError(t, err)
		return *st.Messages
	}
	short, long := incoming(letter("x", "y")), incoming(letter("x", "y"))
	short.Size++
	long.Size--
	for _, bad := range []mailbox.Incoming{short, long, {Body: flaky(100, errDisk), Size: 1000}, {Body: flaky(100, errDisk), Size: mailbox.SizeUnknown}} {
		_, err := c.Append(ctx, m.Name(), incoming(letter("ok", "x")), bad)
		var b *imapclient.BodyError
		require.ErrorAs(t, err, &b)
		require.NotErrorIs(t, err, imapclient.ErrClosed)
		if c.Capabilities().Has(imap.CapMultiAppend) {
			require.Zero(t, messages()) // nothing was sent
		}
	}
	require.NoError(t, c.Noop(ctx))
	m = s.box(t, c)

	if c.Capabilities().Has(imap.CapMultiAppend) {
		// The beginnings of so many are not read before.
		var many []mailbox.Incoming
		for range 20 {
			many = append(many, incoming(letter("ok", "x")))
		}
		many = append(many, mailbox.Incoming{Body: flaky(100, errDisk), Size: 1000})
		_, err := c.Append(ctx, m.Name(), many...)
		require.ErrorIs(t, err, errDisk)
		require.NotErrorIs(t, err, imapclient.ErrClosed)
		require.NoError(t, c.Noop(ctx))
		require.Zero(t, messages())
	}
	for _, bad := range []mailbox.Incoming{
		{Body: flaky(100000, errDisk), Size: 200000},
		{Body: strings.NewReader(strings.Repeat("x", 100000)), Size: 100001},
		{Body: strings.NewReader(strings.Repeat("x", 100000)), Size: 99999},
		{Body: strings.NewReader(strings.Repeat("x", 65537)), Size: 65536},
	} {
		c := s.dial(t, nil)
		out, err := c.Append(ctx, m.Name(), incoming(letter("ok", "x")), bad)
		var b *imapclient.BodyError
		require.ErrorAs(t, err, &b)
		if bad.Size == 65536 { // seen in time
			require.NoError(t, c.Noop(ctx))
		} else {
			require.ErrorIs(t, err, imapclient.ErrClosed)
			require.ErrorIs(t, c.Noop(ctx), imapclient.ErrClosed)
		}
		if c.Capabilities().Has(imap.CapMultiAppend) {
			require.Zero(t, messages())
		} else {
			require.Equal(t, 1, out.Done)
		}
	}
}

// testAppendBinary stores octets that are zero (RFC 3516).
func testAppendBinary(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	if !c.Capabilities().Has(imap.CapBinary) {
		t.Skip("no BINARY")
	}
	m := s.box(t, c)
	text := "MIME-Version: 1.0\r\nSubject: zero\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\x00b\x00\x00c"
	out, err := c.Append(ctx, m.Name(), incoming(text))
	require.NoError(t, err)
	_, err = m.Poll(ctx)
	require.NoError(t, err)
	var w strings.Builder
	_, err = m.Download(ctx, out.UIDs[0], imapclient.Part(1).Decoded(), &w)
	require.NoError(t, err)
	require.Equal(t, "a\x00b\x00\x00c", w.String())
}

// testAppendLoop stores what a Fetch yields, on the same connection and on others.
func testAppendLoop(t *testing.T, s *site) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := s.dial(t, nil)
	dest := s.box(t, c)
	long := letter("long", strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\r\n", 40000))
	texts := []string{letter("a", "x"), long, letter("b", "y"), long, letter("c", "z")}
	m := s.box(t, c, texts...)
	check := func(name string, times int) {
		t.Helper()
		other := s.dial(t, nil)
		dm, err := other.Select(ctx, name, nil)
		require.NoError(t, err)
		i := 0
		for msg, err := range dm.Fetch(ctx, imapclient.All(), imapclient.Whole()) {
			require.NoError(t, err)
			b, err := msg.Body().Bytes(10 << 20)
			require.NoError(t, err)
			require.Equal(t, len(texts[i%len(texts)]), len(b))
			require.Equal(t, texts[i%len(texts)], string(b))
			i++
		}
		require.Equal(t, times*len(texts), i)
		require.NoError(t, other.Logout(ctx))
	}
	// One by one, with the size as told.
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Entry, imapclient.Whole()) {
		require.NoError(t, err)
		d := msg.Draft()
		d.Size = msg.Entry.Size
		_, err := c.Append(ctx, dest.Name(), d)
		require.NoError(t, err)
	}
	check(dest.Name(), 1)
	n := 0
	for uid, err := range c.AppendSeq(ctx, dest.Name(), imapclient.Drafts(m.Fetch(ctx, imapclient.All(), imapclient.Entry, imapclient.Whole()))) {
		require.NoError(t, err)
		require.NotZero(t, uid)
		require.NoError(t, m.AddFlags(ctx, imapclient.Last(1), mailbox.FlagSeen)) // a call in between
		n++
	}
	require.Equal(t, len(texts), n)
	check(dest.Name(), 2)

	// Two clients that copy from each other.
	d := s.dial(t, nil)
	back, forth := s.box(t, d), s.box(t, d, texts...)
	m, err := c.Select(ctx, m.Name(), nil)
	require.NoError(t, err)
	var wg sync.WaitGroup
	var errs [2]error
	copyTo := func(i int, to *imapclient.Client, name string, from *imapclient.Mailbox) {
		for msg, err := range from.Fetch(ctx, imapclient.All(), imapclient.Entry, imapclient.Whole()) {
			if err == nil {
				draft := msg.Draft()
				draft.Size = msg.Entry.Size
				_, err = to.Append(ctx, name, draft)
			}
			errs[i] = errors.Join(errs[i], err)
		}
	}
	require.NoError(t, d.Create(ctx, back.Name()+"b"))
	wg.Go(func() { copyTo(0, d, back.Name(), m) })
	wg.Go(func() { copyTo(1, c, back.Name()+"b", forth) })
	wg.Wait()
	require.NoError(t, errors.Join(errs[:]...))
	check(back.Name(), 1)
	check(back.Name()+"b", 1)
}

func testAppendSeq(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c)
	seq := func(yield func(mailbox.Incoming, error) bool) {
		for i := range 100 {
			switch i {
			case 20:
				if !yield(mailbox.Incoming{}, errDisk) {
					return
				}
			case 80:
				if !yield(mailbox.Incoming{Body: flaky(10, errDisk), Size: 100}, nil) {
					return
				}
			default:
				if !yield(incoming(letter(fmt.Sprint("message ", i), "y")), nil) {
					return
				}
			}
		}
	}
	i := 0
	var max mailbox.UID
	for uid, err := range c.AppendSeq(ctx, m.Name(), seq) {
		if i == 20 || i == 80 {
			require.ErrorIs(t, err, errDisk)
		} else {
			require.NoError(t, err)
			require.Greater(t, uid, max)
			max = uid
		}
		i++
	}
	require.Equal(t, 100, i)
	for range c.AppendSeq(ctx, m.Name(), seq) {
		break
	}
	require.NoError(t, c.Noop(ctx))
	for _, err := range c.AppendSeq(ctx, "no such mailbox", seq) {
		require.Error(t, err)
	}
	require.NoError(t, c.Noop(ctx))
	gone, cancel := context.WithCancel(ctx)
	defer cancel()
	var last error
	i = 0
	for _, last = range c.AppendSeq(gone, m.Name(), seq) {
		if i++; i == 5 {
			cancel()
		}
	}
	require.ErrorIs(t, last, context.Canceled)
	require.LessOrEqual(t, i, 100)
}

// The server's NO takes the place of its continuation request: nothing more of the
// command is sent (RFC 9051 §4.3).
func TestAppendRefused(t *testing.T) {
	c := scripted(t, "MULTIAPPEND", `
C: {{tag:}} APPEND Sent {14}
S: ${tag} NO [TRYCREATE] no such mailbox
C: {{tag:}} APPEND Sent {14}
S: + go on
C- "Subject: a\r\n\r\n"
C:  {14}
S: ${tag} NO [TOOBIG] enough
C: {{tag:}} APPEND Sent {14}
S: ${tag} OK done
C: {{tag:}} NOOP
S: ${tag} OK
`, nil)
	ctx := t.Context()
	msg := "Subject: a\r\n\r\n"
	_, err := c.Append(ctx, "Sent", incoming(msg))
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = c.Append(ctx, "Sent", incoming(msg), incoming(msg))
	require.ErrorIs(t, err, mailbox.ErrTooLarge)
	_, err = c.Append(ctx, "Sent", incoming(msg))
	var p *imapclient.ProtocolError
	require.ErrorAs(t, err, &p)
	require.NoError(t, c.Noop(ctx))
}

func TestAppendLiteralMinus(t *testing.T) {
	c := scripted(t, "LITERAL-", `
C: {{tag:}} APPEND Sent {4096+}
C- "${rep 4096 "a"}\r\n"
S: ${tag} OK [APPENDUID 1 7] done
C: {{tag:}} APPEND Sent {4097}
SILENT 20ms
S: + go on
C- "${rep 4097 "a"}\r\n"
S: ${tag} OK [APPENDUID 1 8] done
`, nil)
	for i, n := range []int{4096, 4097} {
		out, err := c.Append(t.Context(), "Sent", incoming(strings.Repeat("a", n)))
		require.NoError(t, err)
		require.Equal(t, []mailbox.UID{mailbox.UID(7 + i)}, out.UIDs)
	}
}

// RFC 6855 §4, and RFC 3516 §4.4.
func TestAppendKinds(t *testing.T) {
	c := scripted(t, "LITERAL+ ENABLE UTF8=ACCEPT BINARY", `
C: {{tag:}} ENABLE UTF8=ACCEPT
S: * ENABLED UTF8=ACCEPT
S: ${tag} OK
C: {{tag:}} APPEND "Entwürfe" (\Seen) UTF8 (~{21+}
C- "Subject: \u00fc\u00df\r\n\r\nxyz\x00)\r\n"
S: ${tag} OK done
C: {{tag:}} APPEND Sent ~{18+}
C- "Subject: a\r\n\r\nx\x00yz\r\n"
S: ${tag} OK done
C: {{tag:}} APPEND Sent {17+}
C- "Subject: a\r\n\r\n\u00fcx\r\n"
S: ${tag} OK done
C: {{tag:}} APPEND Sent {15+}
C- "Subject: \xfc\xfc\r\n\r\n\r\n"
S: ${tag} OK done
C: {{tag:}} APPEND Sent ~{39+}
C- "Content-transfer-Encoding:  Binary\r\n\r\nx\r\n"
S: ${tag} OK done
`, nil)
	ctx := t.Context()
	require.NoError(t, c.Err())
	require.Eventually(t, func() bool { return c.Enabled().Has(imap.CapUTF8Accept) }, 5*time.Second, time.Millisecond)
	first := incoming("Subject: üß\r\n\r\nxyz\x00")
	first.Flags = mailbox.NewFlagSet(mailbox.FlagSeen)
	_, err := c.Append(ctx, "Entwürfe", first)
	require.NoError(t, err)
	for _, text := range []string{"Subject: a\r\n\r\nx\x00yz", "Subject: a\r\n\r\nüx", "Subject: \xfc\xfc\r\n\r\n", "Content-transfer-Encoding:  Binary\r\n\r\nx"} {
		_, err := c.Append(ctx, "Sent", incoming(text))
		require.NoError(t, err)
	}
}

// RFC 7889: the limit of all mailboxes, or that of one, which is asked for once.
func TestAppendLimit(t *testing.T) {
	c := scripted(t, "LITERAL+ APPENDLIMIT=100", ``, nil)
	ctx := t.Context()
	_, err := c.Append(ctx, "Sent", mailbox.Incoming{Body: strings.NewReader(strings.Repeat("x", 101)), Size: 101})
	require.ErrorIs(t, err, mailbox.ErrTooLarge)
	_, err = c.Append(ctx, "Sent", mailbox.Incoming{Body: io.MultiReader(strings.NewReader(strings.Repeat("x", 101))), Size: mailbox.SizeUnknown})
	require.ErrorIs(t, err, mailbox.ErrTooLarge)

	c = scripted(t, "LITERAL+ APPENDLIMIT", `
C: {{tag:}} STATUS Sent (APPENDLIMIT)
S: * STATUS Sent (APPENDLIMIT 300000)
S: ${tag} OK
C: {{tag:}} STATUS Trash (APPENDLIMIT)
S: * STATUS Trash (APPENDLIMIT NIL)
S: ${tag} OK
C: {{tag:}} APPEND Trash {300001+}
C- "${rep 300001 "x"}\r\n"
S: ${tag} OK
`, nil)
	text := strings.Repeat("x", 300001)
	for range 2 {
		_, err = c.Append(ctx, "Sent", incoming(text))
		require.ErrorIs(t, err, mailbox.ErrTooLarge)
	}
	_, err = c.Append(ctx, "Sent", mailbox.Incoming{Body: io.MultiReader(strings.NewReader(text)), Size: mailbox.SizeUnknown})
	require.ErrorIs(t, err, mailbox.ErrTooLarge)
	_, err = c.Append(ctx, "Trash", incoming(text))
	require.NoError(t, err)
}

// Cancelled, a call returns; the connection is closed if the server waits for
// octets.
func TestAppendCancelled(t *testing.T) {
	msg := "Subject: a\r\n\r\n"
	t.Run("before", func(t *testing.T) {
		c := scripted(t, "", "C: {{tag:}} NOOP\nS: ${tag} OK\n", nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Append(ctx, "Sent", incoming(msg))
		var e *imapclient.InterruptedError
		require.ErrorAs(t, err, &e)
		require.False(t, e.Sent)
		require.NoError(t, c.Noop(t.Context()))
	})
	t.Run("waiting for leave", func(t *testing.T) {
		c := scripted(t, "", "C: {{tag:}} APPEND Sent {14}\n", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := c.Append(ctx, "Sent", incoming(msg))
		var e *imapclient.InterruptedError
		require.ErrorAs(t, err, &e)
		require.True(t, e.Sent)
		require.ErrorIs(t, c.Err(), imapclient.ErrClosed)
	})
	t.Run("in the literal", func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			far.Write([]byte("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n"))
			io.Copy(io.Discard, far)
			far.Close()
		}()
		c, err := imapclient.NewClient(t.Context(), near, nil)
		require.NoError(t, err)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		r, w := io.Pipe()
		go func() {
			w.Write([]byte(strings.Repeat("x", 70000)))
			cancel()
			w.Write([]byte(strings.Repeat("x", 30000)))
		}()
		_, err = c.Append(ctx, "Sent", mailbox.Incoming{Body: r, Size: 100000})
		r.Close()
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, c.Err(), imapclient.ErrClosed)
	})
	t.Run("waiting for the answer", func(t *testing.T) {
		c := scripted(t, "LITERAL+", `
C: {{tag:}} APPEND Sent {14+}
C- "Subject: a\r\n\r\n\r\n"
C: {{noop:}} NOOP
S: ${tag} OK done
S: ${noop} OK
`, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := c.Append(ctx, "Sent", incoming(msg))
		var e *imapclient.InterruptedError
		require.ErrorAs(t, err, &e)
		require.True(t, e.Sent)
		require.NoError(t, c.Noop(t.Context()))
	})
}

// cancelConn cancels when so many octets have been written.
type cancelConn struct {
	net.Conn
	left   int
	cancel func()
}

func (c *cancelConn) Write(p []byte) (int, error) {
	if c.cancel == nil {
		return c.Conn.Write(p)
	}
	written := 0
	for len(p) > 0 {
		if c.left == 0 {
			c.cancel()
		}
		n := len(p)
		if c.left > 0 {
			n = min(n, c.left)
		}
		m, err := c.Conn.Write(p[:n])
		written, c.left = written+m, c.left-m
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// Cancelled at any octet, a call leaves a connection that can be used, or one that
// says why not; and messages are stored as a whole or not at all.
func TestAppendCancelledAnywhere(t *testing.T) {
	s := posthorn(t)
	text := letter("cancelled", strings.Repeat("x", 70000))
	setup := s.dial(t, nil)
	m := s.box(t, setup)
	for _, disable := range [][]imap.Cap{nil, {imap.CapLiteralPlus, imap.CapLiteralMinus}} {
		for _, at := range []int{0, 1, 5, 10, 15, 20, 22, 23, 24, 25, 26, 30, 100, 4000, 65536, 65560, 70000, 70200, 70210, 70215, 70220} {
			nc, err := net.Dial("tcp", s.plain)
			require.NoError(t, err)
			o := s.options()
			o.Disable, o.Mechanisms = disable, []string{"PLAIN"}
			conn := &cancelConn{Conn: nc}
			c, err := imapclient.NewClient(t.Context(), conn, o)
			require.NoError(t, err)
			require.NoError(t, c.Noop(t.Context()))
			ctx, cancel := context.WithCancel(t.Context())
			conn.left, conn.cancel = at, cancel
			out, err := c.Append(ctx, m.Name(), incoming(text))
			cancel()
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
			} else {
				require.Equal(t, 1, out.Done)
			}
			if noop := c.Noop(t.Context()); c.Err() == nil {
				require.NoError(t, noop)
			} else {
				require.ErrorIs(t, noop, imapclient.ErrClosed)
			}
			require.NoError(t, c.Close())
		}
	}
	_, err := m.Poll(t.Context())
	require.NoError(t, err)
	for msg, err := range m.Fetch(t.Context(), imapclient.All(), imapclient.Size) {
		require.NoError(t, err)
		require.Equal(t, int64(len(text)), msg.Entry.Size)
	}
}

// A server that does not want the rest says so and goes away. It is asked before so
// much is sent, though it would take it unasked.
func TestAppendServerLeaves(t *testing.T) {
	c := scripted(t, "LITERAL+", `
C: {{tag:}} APPEND Sent {30000000}
S: + go on
S: ${tag} NO [OVERQUOTA] too much
S: * BYE go away
CLOSE
`, nil)
	_, err := c.Append(t.Context(), "Sent", mailbox.Incoming{Body: io.LimitReader(&endless{}, 30000000), Size: 30000000})
	require.ErrorIs(t, err, mailbox.ErrOverQuota)
	require.ErrorIs(t, c.Err(), imapclient.ErrClosed)
}

type endless struct{}

func (*endless) Read(p []byte) (int, error) { return len(p), nil }

// A body that waits for its own connection, without being one that Append knows, is
// found out.
func TestAppendStalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			far.Write([]byte("* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] ready\r\n"))
			io.Copy(io.Discard, far)
		}()
		c, err := imapclient.NewClient(t.Context(), near, nil)
		require.NoError(t, err)
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", 100000)), readerFunc(func([]byte) (int, error) {
			return 0, c.Noop(t.Context())
		}))
		_, err = c.Append(t.Context(), "Sent", mailbox.Incoming{Body: body, Size: 200000})
		require.ErrorIs(t, err, imapclient.ErrStalled)
		require.ErrorIs(t, err, imapclient.ErrClosed)
		c.Close()
		far.Close()
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
