package imapclient_test

import (
	"bufio"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/textproto"
)

// An enemy is a server of which nothing good is expected.
type enemy struct {
	net.Conn
	r *bufio.Reader
}

// command reads a line and returns its tag.
func (e *enemy) command() string {
	line, _ := e.r.ReadString('\n')
	tag, _, _ := strings.Cut(line, " ")
	return tag
}

func (e *enemy) say(format string, args ...any) { fmt.Fprintf(e, format+"\r\n", args...) }

// ok answers a command with these lines.
func (e *enemy) ok(lines ...string) {
	tag := e.command()
	for _, line := range lines {
		e.say("%s", line)
	}
	e.say("%s OK done", tag)
}

// flood sends text again and again, until it has sent so many octets or the client has
// gone.
func (e *enemy) flood(text string, octets int64) {
	text = strings.Repeat(text, 1+(64<<10)/len(text))
	for ; octets > 0; octets -= int64(len(text)) {
		if _, err := io.WriteString(e, text); err != nil {
			return
		}
	}
}

const forEver = 1 << 62

// small are limits that a test can exceed in no time.
var small = imapclient.Limits{Response: 1 << 20, Result: 4 << 20, Drain: 8 << 20, Window: 256 << 10}

// A battle is what a client does with an enemy that is logged in.
type battle struct {
	name   string
	caps   string
	server func(e *enemy)
	client func(t *testing.T, ctx context.Context, c *imapclient.Client)
}

// peak returns the largest heap while f runs, beyond what there was before.
func peak(f func()) int64 {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	high := before.HeapAlloc
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			runtime.ReadMemStats(&now)
			high = max(high, now.HeapAlloc)
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	f()
	close(done)
	watch.Wait()
	return int64(high) - int64(before.HeapAlloc)
}

// maxPeak is generous: a response of small takes a fraction of it.
const maxPeak = 256 << 20

func fight(t *testing.T, b battle) {
	client, server := net.Pipe()
	e := &enemy{server, bufio.NewReader(server)}
	var over sync.WaitGroup
	over.Go(func() {
		defer server.Close()
		e.say("* PREAUTH [CAPABILITY IMAP4rev1%s] ready", b.caps)
		b.server(e)
		io.Copy(io.Discard, e.r)
	})
	defer over.Wait()
	used := peak(func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c, err := imapclient.NewClient(ctx, client, &imapclient.Options{Limits: small})
		require.NoError(t, err)
		defer c.Close()
		b.client(t, ctx, c)
		require.NoError(t, ctx.Err())
	})
	require.Less(t, used, int64(maxPeak))
}

// closed requires that the connection is closed because of a limit.
func closed(t *testing.T, ctx context.Context, c *imapclient.Client, err error) {
	t.Helper()
	require.ErrorIs(t, err, imapclient.ErrClosed)
	require.NoError(t, ctx.Err())
	require.ErrorIs(t, c.Err(), imapclient.ErrClosed)
	require.ErrorIs(t, c.Noop(ctx), imapclient.ErrClosed)
}

// overLimit requires a LimitError.
func overLimit(t *testing.T, err error) {
	t.Helper()
	var e *imapclient.LimitError
	require.ErrorAs(t, err, &e)
}

func noop(t *testing.T, ctx context.Context, c *imapclient.Client) {
	closed(t, ctx, c, c.Noop(ctx))
}

// survives requires that a NOOP that brings all that is of no harm.
func survives(t *testing.T, ctx context.Context, c *imapclient.Client) {
	require.NoError(t, c.Noop(ctx))
	require.NoError(t, c.Noop(ctx))
}

// while floods with text during the first NOOP of survives.
func while(text string, octets int) func(e *enemy) {
	return func(e *enemy) {
		if underRace || testing.Short() {
			octets /= 8
		}
		tag := e.command()
		e.flood(text, int64(octets))
		e.say("%s OK done", tag)
		e.ok()
	}
}

func open(t *testing.T, ctx context.Context, c *imapclient.Client) *imapclient.Mailbox {
	t.Helper()
	m, err := c.Select(ctx, "INBOX", nil)
	require.NoError(t, err)
	return m
}

const gigantic = "{10000000000}\r\n"

var battles = []battle{
	{name: "endless line", server: func(e *enemy) { e.command(); e.flood("* OK and so on ", 1); e.flood("and so on ", forEver) }, client: noop},
	{name: "endless line without a blank", server: func(e *enemy) { e.flood("x", forEver) }, client: noop},
	{name: "literal of 10 GB as text", server: func(e *enemy) {
		e.command()
		io.WriteString(e, "* STATUS "+gigantic)
		e.flood("x", forEver)
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		_, err := c.Status(ctx, "INBOX")
		closed(t, ctx, c, err)
		overLimit(t, err)
	}},
	{name: "literal of 10 GB as a body", server: func(e *enemy) {
		e.ok("* 1 EXISTS")
		e.command()
		io.WriteString(e, "* 1 FETCH (UID 1 BODY[] "+gigantic)
		e.flood("x", forEver)
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		_, err := open(t, ctx, c).Download(ctx, 1, imapclient.Whole(), io.Discard)
		closed(t, ctx, c, err)
		overLimit(t, err)
	}},
	{name: "body longer than what is held", server: func(e *enemy) {
		e.ok("* 1 EXISTS")
		tag := e.command()
		io.WriteString(e, "* 1 FETCH (UID 1 BODY[]<0> {4194304}\r\n")
		io.WriteString(e, strings.Repeat("x", 4<<20)+")\r\n")
		e.say("%s OK done", tag)
		e.ok()
		e.ok()
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		_, err := open(t, ctx, c).Download(ctx, 1, imapclient.Whole(), io.Discard)
		require.ErrorIs(t, err, imapclient.ErrItemMissing) // it was asked for once more, in ranges
		require.NoError(t, c.Noop(ctx))
	}},
	{name: "literal of 10 GB in an unknown response", server: func(e *enemy) {
		e.command()
		io.WriteString(e, "* XFOO (a "+gigantic)
		e.flood("x", forEver)
	}, client: noop},
	{name: "literal of more octets than there are numbers", server: func(e *enemy) {
		e.command()
		io.WriteString(e, "* XFOO {99999999999999999999999999}\r\n")
		e.flood("x", forEver)
	}, client: noop},
	{name: "endless response of empty literals", server: func(e *enemy) { e.command(); e.flood("* XFOO {0}\r\n", 1); e.flood(" {0}\r\n", forEver) }, client: noop},
	{name: "endless response of empty bodies", server: func(e *enemy) {
		e.ok("* 1 EXISTS")
		e.command()
		io.WriteString(e, "* 1 FETCH (UID 1 BODY[] {0}\r\n")
		e.flood(" BODY[] {0}\r\n", forEver)
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		_, err := open(t, ctx, c).Download(ctx, 1, imapclient.Whole(), io.Discard)
		closed(t, ctx, c, err)
	}},
	{name: "deflate bomb", caps: " COMPRESS=DEFLATE", server: func(e *enemy) {
		e.ok()
		zw, _ := flate.NewWriter(e, flate.BestCompression)
		line := strings.Repeat(" ", 1000)
		for {
			if _, err := io.WriteString(zw, "* OK"+line+"\r\n"); err != nil {
				return
			}
		}
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		require.NoError(t, c.Compress(ctx))
		err := c.Noop(ctx)
		closed(t, ctx, c, err)
		require.ErrorIs(t, err, textproto.ErrExpansion)
	}},
	{name: "what is compressed is garbage", caps: " COMPRESS=DEFLATE", server: func(e *enemy) { e.ok(); e.flood("\xff\xfe\xfd garbage", forEver) }, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		if err := c.Compress(ctx); err != nil {
			return
		}
		closed(t, ctx, c, c.Noop(ctx))
	}},
	{name: "deep nesting", server: while("* XFOO "+strings.Repeat("(", 400<<10)+"\r\n", 4<<20), client: survives},
	{name: "deep structure", server: while("* 1 FETCH (UID 1 BODYSTRUCTURE "+strings.Repeat("(", 400<<10)+"\r\n", 4<<20), client: survives},
	{name: "unreadable items", server: while("* 1 FETCH ("+strings.Repeat("UID ( ENVELOPE \" ", 50<<10)+"\r\n", 2<<20), client: survives},
	{name: "unreadable strings", server: while("* 1 FETCH (ENVELOPE ("+strings.Repeat("\"\\\" \"\\\\", 100<<10)+"\r\n", 2<<20), client: survives},
	{name: "many values", server: while("* XFOO"+strings.Repeat(" a", 500<<10)+"\r\n", 4<<20), client: survives},
	{name: "many addresses", server: while("* 1 FETCH (ENVELOPE (NIL NIL ("+strings.Repeat("(NIL NIL a b)", 70<<10)+")))\r\n", 3<<20), client: survives},
	{name: "unknown tags", server: while("Z99 OK what?\r\nZ98 BAD\r\n", 3<<20), client: survives},
	{name: "garbage", server: while("\x01\xff { } * ( \\ \r\n* \r\n*\r\n\r\n* 1\r\n* 99999999999 EXISTS\r\n", 3<<20), client: survives},
	{name: "NUL", server: while("* OK a\x00b\r\n* 1 FETCH (FLAGS (a\x00))\r\n", 4<<20), client: survives},
	{name: "bare CR and LF", server: while("* OK a\rb\n\n\r\r\n* OK\n", 4<<20), client: survives},
	{name: "alerts", server: while("* OK [ALERT] "+strings.Repeat("buy! ", 10<<10)+"\r\n", 10<<20), client: survives},
	{name: "unknown responses", server: while("* XFOO ("+strings.Repeat("a ", 10<<10)+")\r\n* 7 XBAR {3}\r\nabc\r\n", 10<<20), client: survives},
	{name: "unreadable responses", server: while("* STATUS "+strings.Repeat("(", 60<<10)+"\r\n", 10<<20), client: survives},
	{name: "mailboxes that nobody asked for", server: while("* LIST () \"/\" "+strings.Repeat("a", 10<<10)+"\r\n* STATUS "+strings.Repeat("b", 10<<10)+" (MESSAGES 1)\r\n", 10<<20), client: survives},
	{name: "wrongly encoded names", server: func(e *enemy) {
		tag := e.command()
		for i := range 300 {
			e.say("* LIST () \"/\" \"&%s%d&\"", strings.Repeat("a", 10<<10), i)
		}
		e.say("%s OK done", tag)
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		names, err := c.List(ctx, nil)
		require.NoError(t, err)
		require.Len(t, names, 300)
		require.NoError(t, c.Noop(ctx))
	}},
	{name: "mailboxes without end", server: func(e *enemy) {
		tag := e.command()
		e.flood("* LIST () \"/\" a\r\n", 4<<20)
		e.say("%s OK done", tag)
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		_, err := c.List(ctx, nil)
		overLimit(t, err)
		require.NotErrorIs(t, err, imapclient.ErrClosed)
		require.NoError(t, c.Noop(ctx))
	}},
	{name: "messages without end", server: func(e *enemy) {
		e.ok("* 100 EXISTS")
		tag := e.command()
		for uid := range 60000 {
			e.say("* 1 FETCH (UID %d ENVELOPE (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL))", uid+1)
		}
		e.say("%s OK done", tag)
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		m := open(t, ctx, c)
		n := 0
		for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Envelope) {
			if n++; n == 1 {
				require.NoError(t, err)
				time.Sleep(500 * time.Millisecond) // the server is quicker than the loop
			}
			if msg == nil {
				overLimit(t, err)
				require.NotErrorIs(t, err, imapclient.ErrClosed)
			}
		}
		require.NoError(t, c.Noop(ctx))
	}},
	{name: "an unwanted answer without end", server: func(e *enemy) {
		e.ok("* 100 EXISTS")
		e.command()
		for uid := 1; ; uid++ {
			if _, err := fmt.Fprintf(e, "* 1 FETCH (UID %d BODY[]<0> {1000}\r\n%s)\r\n", uid, strings.Repeat("x", 1000)); err != nil {
				return
			}
		}
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		for _, err := range open(t, ctx, c).Fetch(ctx, imapclient.UIDSet(mailbox.UIDRangeSet(1, 10)), imapclient.Whole()) {
			require.NoError(t, err)
			break
		}
		<-c.Closed()
		overLimit(t, c.Err())
	}},
	{name: "bodies that nobody asked for", server: func(e *enemy) {
		e.ok("* 100 EXISTS")
		while("* 1 FETCH (UID 7 BODY[] {3000}\r\n"+strings.Repeat("x", 3000)+" FLAGS (a))\r\n", 64<<20)(e)
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		open(t, ctx, c)
		err := c.Noop(ctx)
		closed(t, ctx, c, err)
		overLimit(t, err)
	}},
	{name: "flags without end", server: func(e *enemy) {
		e.ok("* 100000 EXISTS")
		tag := e.command()
		long := strings.Repeat("k", 500)
		for i := range 40000 {
			e.say("* %d FETCH (UID %d FLAGS (%s%d x%d y%d))", i+1, i+1, long, i, i, i)
		}
		e.say("%s OK done", tag)
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		m := open(t, ctx, c)
		survives(t, ctx, c)
		require.True(t, imapclient.Pending(m).Lost)
	}},
	{name: "many flags", server: while("* FLAGS ("+strings.Repeat("a ", 400<<10)+")\r\n* 1 FETCH (FLAGS ("+strings.Repeat("b ", 400<<10)+"))\r\n", 3<<20), client: survives},
	{name: "huge search result", server: func(e *enemy) {
		e.ok("* 100 EXISTS")
		tag := e.command()
		io.WriteString(e, "* SEARCH"+strings.Repeat(" 7 9", 250<<10)+"\r\n")
		e.say("%s OK done", tag)
		e.command()
		io.WriteString(e, "* SEARCH"+strings.Repeat(" 123456789", 250<<10)+"\r\n")
		e.flood("x", forEver)
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		m := open(t, ctx, c)
		found, err := m.Search(ctx, search.All{}, nil)
		require.NoError(t, err)
		require.Equal(t, "7,9", found.UIDs.String())
		_, err = m.Search(ctx, search.All{}, nil) // longer than a line may be
		closed(t, ctx, c, err)
	}},
	{name: "all UIDs that there can be", caps: " ESEARCH", server: func(e *enemy) {
		e.ok("* 100 EXISTS")
		tag := e.command()
		e.say("* ESEARCH (TAG %q) UID ALL 1:4294967295", tag)
		e.say("%s OK done", tag)
		for range 4 {
			e.ok()
		}
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		m := open(t, ctx, c)
		found, err := m.Search(ctx, search.All{}, nil)
		require.NoError(t, err)
		require.Equal(t, 1<<32-1, found.Count())
		require.NoError(t, c.Noop(ctx))
	}},
	{name: "star and zero", caps: " ESEARCH UIDPLUS", server: func(e *enemy) {
		e.ok("* 3 EXISTS", "* OK [UIDNEXT 0] x", "* OK [UIDVALIDITY 99999999999] x", "* OK [HIGHESTMODSEQ 99999999999999999999] x", "* OK [PERMANENTFLAGS x] x")
		for _, all := range []string{"0", "*", "1:*", "4:0", "5:4", "3,,4", ":", "-1"} {
			tag := e.command()
			e.say("* ESEARCH (TAG %q) UID ALL %s", tag, all)
			e.say("%s OK done", tag)
		}
		for _, code := range []string{"COPYUID 0 1 1", "COPYUID 7 1:3 4:5", "COPYUID 7 1:4294967295 *", "COPYUID", "APPENDUID 1 2", "COPYUID 7 3:1 11:13"} {
			e.say("%s OK [%s] done", e.command(), code)
		}
		tag := e.command()
		e.say("* 1 FETCH (UID 0 FLAGS (a))\r\n* 0 FETCH (UID 1 FLAGS (b))\r\n* 2 FETCH (UID 4294967296 FLAGS (c))\r\n* 3 FETCH (FLAGS (d))\r\n* 4294967295 FETCH (FLAGS ())")
		e.say("%s OK done", tag)
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		m := open(t, ctx, c)
		require.Zero(t, m.Info().UIDNext)
		require.Zero(t, m.Info().UIDValidity)
		for i := range 8 {
			found, err := m.Search(ctx, search.All{}, nil)
			if i == 4 {
				require.NoError(t, err)
				require.Equal(t, "4:5", found.UIDs.String())
				continue
			}
			require.Error(t, err)
			require.NotErrorIs(t, err, imapclient.ErrClosed)
		}
		for i := range 6 {
			copied, err := m.Copy(ctx, imapclient.UIDs(1, 2, 3), "x")
			require.NoError(t, err)
			require.Equal(t, "1:3", copied.Done.String())
			require.Equal(t, i == 5, len(copied.Moved) > 0)
		}
		got := fetch(ctx, m, imapclient.UIDs(1, 2, 3), imapclient.Flags)
		require.NoError(t, got.err)
		require.NoError(t, c.Noop(ctx))
	}},
	{name: "EXPUNGE of what does not exist", server: func(e *enemy) {
		e.ok("* 3 EXISTS")
		tag := e.command()
		e.say("* 0 EXPUNGE\r\n* 4 EXPUNGE\r\n* 4294967295 EXPUNGE\r\n* 3 EXPUNGE\r\n* 1 EXISTS\r\n* 5 EXISTS\r\n* 0 EXISTS\r\n* 1 EXPUNGE\r\n* VANISHED 1:4294967295\r\n* 2 EXISTS")
		e.say("%s OK done", tag)
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		m := open(t, ctx, c)
		survives(t, ctx, c)
		require.Equal(t, 2, m.Exists())
	}},
	{name: "numbers that do not add up", caps: " ESEARCH", server: func(e *enemy) {
		e.ok("* 4294967295 EXISTS")
		for range 9 {
			tag := e.command()
			e.say("* ESEARCH (TAG %q) UID ALL 1:3", tag)
			e.say("* 1 FETCH (UID 1)")
			e.say("%s OK done", tag)
		}
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		m := open(t, ctx, c)
		_, err := m.UIDs(ctx)
		var e *imapclient.ProtocolError
		require.ErrorAs(t, err, &e)
		require.NoError(t, c.Noop(ctx))
	}},
	{name: "an answer before its command", server: func(e *enemy) {
		e.say("P1 OK early\r\nP2 OK early\r\n* SEARCH 1 2 3\r\n* ESEARCH (TAG \"P3\") UID ALL 5\r\n* CAPABILITY IMAP4rev1 XEARLY")
		e.ok("* 3 EXISTS")
		e.ok("* SEARCH 9")
		e.ok()
	}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
		for !c.Capabilities().Has("XEARLY") { // or the tags may be those of commands
			require.NoError(t, ctx.Err())
			time.Sleep(time.Millisecond)
		}
		m := open(t, ctx, c)
		found, err := m.Search(ctx, search.All{}, nil)
		require.NoError(t, err)
		require.Equal(t, "9", found.UIDs.String())
		require.NoError(t, c.Noop(ctx))
	}},
	{name: "many capabilities", server: while("* CAPABILITY IMAP4rev1"+strings.Repeat(" X", 400<<10)+"\r\n* ENABLED"+strings.Repeat(" X", 400<<10)+"\r\n", 4<<20), client: survives},
}

func TestHostile(t *testing.T) {
	for _, b := range battles {
		t.Run(b.name, func(t *testing.T) { fight(t, b) })
	}
}

// A million messages vanish, in several orders, in bounded time and memory.
func TestMillionExpunges(t *testing.T) {
	n := 1 << 20
	if underRace || testing.Short() {
		n = 1 << 16
	}
	for name, f := range map[string]func(e *enemy){
		"from the first": func(e *enemy) {
			for range n {
				io.WriteString(e, "* 1 EXPUNGE\r\n")
			}
		},
		"from the last": func(e *enemy) {
			for i := n; i > 0; i-- {
				fmt.Fprintf(e, "* %d EXPUNGE\r\n", i)
			}
		},
		"every second": func(e *enemy) {
			for i := range n / 2 {
				fmt.Fprintf(e, "* %d EXPUNGE\r\n", i+1)
			}
		},
		"every second from the last": func(e *enemy) {
			for i := n; i > 0; i -= 2 {
				fmt.Fprintf(e, "* %d EXPUNGE\r\n", i)
			}
		},
		"one by one by UID": func(e *enemy) {
			for i := n; i > 0; i -= 2 {
				fmt.Fprintf(e, "* VANISHED %d\r\n", i)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			fight(t, battle{caps: " ESEARCH", server: func(e *enemy) {
				e.ok(fmt.Sprintf("* %d EXISTS", n))
				tag := e.command()
				e.say("* ESEARCH (TAG %q) UID ALL 1:%d", tag, n)
				e.say("%s OK done", tag)
				tag = e.command()
				w := bufio.NewWriterSize(e.Conn, 64<<10)
				f(&enemy{Conn: buffered{e.Conn, w}})
				w.Flush()
				e.say("%s OK done", tag)
			}, client: func(t *testing.T, ctx context.Context, c *imapclient.Client) {
				m := open(t, ctx, c)
				_, err := m.UIDs(ctx)
				require.NoError(t, err)
				u, err := m.Poll(ctx)
				require.NoError(t, err)
				require.Equal(t, n, u.Exists+u.Removed)
				require.Equal(t, u.Removed, u.Vanished.Len())
			}})
		})
	}
}

type buffered struct {
	net.Conn
	w io.Writer
}

func (b buffered) Write(p []byte) (int, error) { return b.w.Write(p) }

// A server that sends an octet a second is alive. A call lasts no longer than its
// context all the same.
func TestOctetASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		var over sync.WaitGroup
		defer over.Wait()
		defer server.Close()
		over.Go(func() {
			e := &enemy{server, bufio.NewReader(server)}
			e.say("* PREAUTH [CAPABILITY IMAP4rev1] ready")
			e.command()
			for {
				time.Sleep(time.Second)
				if _, err := io.WriteString(e, "x"); err != nil {
					return
				}
			}
		})
		c, err := imapclient.NewClient(t.Context(), client, nil)
		require.NoError(t, err)
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()
		start := time.Now()
		_, err = c.Status(ctx, "INBOX", imap.StatusMessages)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 5*time.Hour, time.Since(start))
		require.NoError(t, c.Err())
		// Who waits behind it is not held up for ever.
		err = c.Noop(t.Context())
		require.ErrorIs(t, err, imapclient.ErrClosed)
	})
}
