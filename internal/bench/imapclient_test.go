package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	peer "github.com/emersion/go-imap/v2"
	peerclient "github.com/emersion/go-imap/v2/imapclient"
	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/sasl"
)

const (
	imapMessages = 10000
	imapBody     = 4096 // octets of a short body: 40 MB in all
	imapLong     = 10   // long bodies of 4 MB
	imapLongBody = 4 << 20
)

// A cannedIMAP serves a mailbox from prepared responses at almost no cost, so that
// the client is measured. In the mailbox "long" the messages are few and long.
type cannedIMAP struct {
	mu       sync.Mutex
	prepared map[string]*preparedFetch
	login    bool // it offers what a login makes use of
}

// A preparedFetch is the responses for all messages to one list of items.
type preparedFetch struct {
	text []byte
	ends []int
}

func imapText(i, size int) string {
	line := fmt.Sprintf("This is a line of message %d, which is not of much interest to anybody.\r\n", i)
	head := fmt.Sprintf("From: Ann Example <ann%d@example.org>\r\nTo: bob@example.net\r\nSubject: The subject of message %d\r\n\r\n", i, i)
	return head + strings.Repeat(line, (size-len(head))/len(line)) + strings.Repeat("x", (size-len(head))%len(line))
}

// item appends the data for an item of message i.
func imapItem(b []byte, i int, item string, size int) []byte {
	switch item {
	case "UID":
		return fmt.Appendf(b, "UID %d", i)
	case "FLAGS":
		flags := [...]string{`\Seen`, `\Seen \Answered`, ``, `\Seen $Forwarded`, `\Flagged \Seen NonJunk`}
		return fmt.Appendf(b, "FLAGS (%s)", flags[i%len(flags)])
	case "INTERNALDATE":
		return fmt.Appendf(b, `INTERNALDATE "%02d-Jul-1996 02:%02d:25 -0700"`, i%28+1, i%60)
	case "RFC822.SIZE":
		return fmt.Appendf(b, "RFC822.SIZE %d", size)
	case "ENVELOPE":
		return fmt.Appendf(b, `ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "The subject of message %d, which is of a usual length" `+
			`(("Ann Example" NIL "ann%d" "example.org")) (("Ann Example" NIL "ann%d" "example.org")) (("Ann Example" NIL "ann%d" "example.org")) `+
			`((NIL NIL "bob" "example.net")("The list" NIL "list" "lists.example.net")) ((NIL NIL "minutes" "example.com")("Carol" NIL "carol" "example.com")) NIL `+
			`"<B27397-0100000-%d@example.org>" "<B27397-0100001-%d@example.org>")`, i, i, i, i, i, i)
	case "BODYSTRUCTURE":
		return fmt.Appendf(b, `BODYSTRUCTURE ((("text" "plain" ("charset" "utf-8" "format" "flowed") NIL NIL "quoted-printable" %d 52 NIL NIL NIL NIL)`+
			`("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" %d 152 NIL NIL NIL NIL) "alternative" ("boundary" "----=_b%d") NIL NIL NIL)`+
			`("application" "pdf" ("name" "invoice-%d.pdf") NIL NIL "base64" %d NIL ("attachment" ("filename" "invoice-%d.pdf")) NIL NIL) `+
			`"mixed" ("boundary" "----=_a%d") NIL NIL NIL)`, i, 2*i, i, i, 3*i, i, i)
	}
	_, partial, _ := strings.Cut(item, "]<")
	text := imapText(i, size)
	if partial == "" {
		return fmt.Appendf(b, "BODY[] {%d}\r\n%s", len(text), text)
	}
	from, count, _ := strings.Cut(strings.TrimSuffix(partial, ">"), ".")
	first, _ := strconv.Atoi(from)
	n, _ := strconv.Atoi(count)
	text = text[min(first, len(text)):]
	text = text[:min(n, len(text))]
	return fmt.Appendf(b, "BODY[]<%d> {%d}\r\n%s", first, len(text), text)
}

func (s *cannedIMAP) prepare(items string, long bool) *preparedFetch {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprint(items, long)
	if p := s.prepared[key]; p != nil {
		return p
	}
	n, size := imapMessages, imapBody
	if long {
		n, size = imapLong, imapLongBody
	}
	p := &preparedFetch{}
	for i := 1; i <= n; i++ {
		p.text = fmt.Appendf(p.text, "* %d FETCH (", i)
		for k, item := range strings.Fields(items) {
			if k > 0 {
				p.text = append(p.text, ' ')
			}
			p.text = imapItem(p.text, i, item, size)
		}
		p.text = append(p.text, ")\r\n"...)
		p.ends = append(p.ends, len(p.text))
	}
	s.prepared[key] = p
	return p
}

// serve answers until the client logs out.
func (s *cannedIMAP) serve(nc net.Conn) {
	defer nc.Close()
	r := bufio.NewReaderSize(nc, 1<<16)
	caps := "IMAP4rev1 LITERAL+ ESEARCH UIDPLUS"
	if s.login {
		caps += " AUTH=PLAIN SASL-IR ID ENABLE CONDSTORE"
	}
	out := fmt.Appendf(nil, "* OK [CAPABILITY %s] ready\r\n", caps)
	long := false
	n := imapMessages
	for {
		if r.Buffered() == 0 {
			nc.Write(out)
			out = out[:0]
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		tag, command, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		switch verb, rest, _ := strings.Cut(command, " "); {
		case verb == "SELECT":
			long = strings.Contains(rest, "long")
			n = imapMessages
			if long {
				n = imapLong
			}
			out = fmt.Appendf(out, "* FLAGS (\\Seen)\r\n* %d EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT %d] x\r\n", n, n+1)
		case verb == "CAPABILITY":
			out = fmt.Appendf(out, "* CAPABILITY %s\r\n", caps)
		case verb == "AUTHENTICATE", verb == "LOGIN":
			out = fmt.Appendf(out, "%s OK [CAPABILITY %s] done\r\n", tag, caps)
			continue
		case verb == "UID" && strings.HasPrefix(rest, "SEARCH"):
			out = fmt.Appendf(out, "* ESEARCH (TAG %q) UID ALL 1:%d\r\n", tag, n)
		case verb == "UID" && strings.HasPrefix(rest, "FETCH"):
			set, items, _ := strings.Cut(strings.TrimPrefix(rest, "FETCH "), " ")
			p := s.prepare(strings.Trim(items, "()"), long)
			for _, part := range strings.Split(set, ",") {
				a, b, ranged := strings.Cut(part, ":")
				first, _ := strconv.Atoi(a)
				last := first
				if ranged {
					if last, err = strconv.Atoi(b); err != nil {
						last = n
					}
				}
				from := 0
				if first > 1 {
					from = p.ends[first-2]
				}
				nc.Write(out)
				out = out[:0]
				nc.Write(p.text[from:p.ends[last-1]])
			}
		}
		out = fmt.Appendf(out, "%s OK done\r\n", tag)
	}
}

func (s *cannedIMAP) start(b testing.TB) string {
	s.prepared = map[string]*preparedFetch{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(nc)
		}
	}()
	return l.Addr().String()
}

// BenchmarkIMAPClient reads a mailbox from prepared responses: with Posthorn's
// imapclient and with go-imap's.
func BenchmarkIMAPClient(b *testing.B) {
	s := &cannedIMAP{}
	addr := s.start(b)
	for _, v := range []struct {
		name, mailbox string
		messages      int
		items         []imapclient.Item
		options       peer.FetchOptions
	}{
		{"envelopes", "short", imapMessages, []imapclient.Item{imapclient.Envelope}, peer.FetchOptions{UID: true, Envelope: true}},
		{"flags", "short", imapMessages, []imapclient.Item{imapclient.Flags}, peer.FetchOptions{UID: true, Flags: true}},
		{"structures", "short", imapMessages, []imapclient.Item{imapclient.Structure}, peer.FetchOptions{UID: true, BodyStructure: &peer.FetchItemBodyStructure{Extended: true}}},
		{"bodies", "short", imapMessages, []imapclient.Item{imapclient.Whole()}, peer.FetchOptions{UID: true, BodySection: []*peer.FetchItemBodySection{{Peek: true}}}},
		{"long-bodies", "long", imapLong, []imapclient.Item{imapclient.Whole()}, peer.FetchOptions{UID: true, BodySection: []*peer.FetchItemBodySection{{Peek: true}}}},
	} {
		b.Run(v.name+"/posthorn", func(b *testing.B) {
			ctx := context.Background()
			c, err := imapclient.Dial(ctx, addr, nil)
			require.NoError(b, err)
			defer c.Close()
			m, err := c.Select(ctx, v.mailbox, nil)
			require.NoError(b, err)
			measureIMAP(b, v.messages, func() (octets int64) {
				n := 0
				for msg, err := range m.Fetch(ctx, imapclient.All(), v.items...) {
					if err != nil {
						b.Fatal(err)
					}
					n++
					if strings.HasSuffix(v.name, "bodies") {
						k, err := msg.Body().WriteTo(io.Discard)
						if err != nil {
							b.Fatal(err)
						}
						octets += k
					}
				}
				require.Equal(b, v.messages, n)
				return octets
			}, func() int64 { in, _ := c.Octets(); return in })
		})
		b.Run(v.name+"/go-imap", func(b *testing.B) {
			nc, err := net.Dial("tcp", addr)
			require.NoError(b, err)
			counted := &countingConn{Conn: nc}
			c := peerclient.New(counted, nil)
			defer c.Close()
			_, err = c.Select(v.mailbox, nil).Wait()
			require.NoError(b, err)
			var all peer.UIDSet
			all.AddRange(1, 0)
			measureIMAP(b, v.messages, func() (octets int64) {
				n := 0
				cmd := c.Fetch(all, &v.options)
				for {
					msg := cmd.Next()
					if msg == nil {
						break
					}
					n++
					for {
						item := msg.Next()
						if item == nil {
							break
						}
						if body, ok := item.(peerclient.FetchItemDataBodySection); ok {
							k, err := io.Copy(io.Discard, body.Literal)
							if err != nil {
								b.Fatal(err)
							}
							octets += k
						}
					}
				}
				require.NoError(b, cmd.Close())
				require.Equal(b, v.messages, n)
				return octets
			}, func() int64 { return counted.n })
		})
	}
	b.Run("loopback", func(b *testing.B) {
		p := s.prepare("UID BODY.PEEK[]", false)
		w, r := pipe(b)
		b.SetBytes(int64(len(p.text)))
		b.ResetTimer()
		go func() {
			for range b.N {
				if _, err := io.Copy(w, bytes.NewReader(p.text)); err != nil {
					return
				}
			}
		}()
		buf := make([]byte, 1<<16)
		for range b.N {
			_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(plainConn{r}, int64(len(p.text))), buf)
			require.NoError(b, err)
		}
	})
}

type countingConn struct {
	net.Conn
	n int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n += int64(n)
	return n, err
}

func measureIMAP(b *testing.B, messages int, read func() int64, received func() int64) {
	read() // warms caches
	in := received()
	read()
	b.SetBytes(received() - in)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	for range b.N {
		read()
	}
	b.StopTimer()
	runtime.ReadMemStats(&after)
	n := float64(b.N * messages)
	b.ReportMetric(n/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/message")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/message")
}

// A roundTripConn counts the round trips of a client: how often it writes after it
// has read. What it reads arrives late, as over a long line, so that what the
// client sends without waiting has been sent before.
type roundTripConn struct {
	net.Conn
	mu      sync.Mutex
	reading bool
	trips   int
}

func (c *roundTripConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	time.Sleep(50 * time.Millisecond)
	c.mu.Lock()
	c.reading = true
	c.mu.Unlock()
	return n, err
}

func (c *roundTripConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if c.reading {
		c.trips++
		c.reading = false
	}
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *roundTripConn) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trips
}

// The first message needs two round trips after the greeting: the login, and one
// for all the rest (RFC 9051 §5.5).
func TestIMAPRoundTrips(t *testing.T) {
	ctx := t.Context()
	s := &cannedIMAP{login: true}
	addr := s.start(t)
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	ours := &roundTripConn{Conn: nc}
	c, err := imapclient.NewClient(ctx, ours, &imapclient.Options{
		Credentials: &sasl.Credentials{Username: "a", Password: "b"}, AllowInsecureAuth: true,
	})
	require.NoError(t, err)
	defer c.Close()
	m, err := c.Select(ctx, "INBOX", &imapclient.SelectOptions{NoWait: true})
	require.NoError(t, err)
	msg, err := m.Message(ctx, 7, imapclient.Envelope)
	require.NoError(t, err)
	require.Contains(t, msg.Subject(), "message 7")
	require.Equal(t, 2, ours.count())

	nc, err = net.Dial("tcp", addr)
	require.NoError(t, err)
	theirs := &roundTripConn{Conn: nc}
	p := peerclient.New(theirs, nil)
	defer p.Close()
	require.NoError(t, p.WaitGreeting())
	require.NoError(t, p.Login("a", "b").Wait())
	_, err = p.Select("INBOX", nil).Wait()
	require.NoError(t, err)
	messages, err := p.Fetch(peer.UIDSetNum(7), &peer.FetchOptions{UID: true, Envelope: true}).Collect()
	require.NoError(t, err)
	require.Len(t, messages, 1)
	t.Logf("round trips from the greeting to the first message: imapclient %d, go-imap %d", ours.count(), theirs.count())
}
