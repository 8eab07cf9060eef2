package outbound_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// flaky makes connections that break after a number of octets from the server.
type flaky struct {
	*lab
	mu sync.Mutex
	r  *rand.Rand
}

func (f *flaky) number(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.r.IntN(n)
}

func (f *flaky) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := f.lab.DialContext(ctx, network, addr)
	if err != nil || f.number(3) == 0 {
		return nc, err
	}
	return &flakyConn{Conn: nc, left: f.number(900)}, nil
}

type flakyConn struct {
	net.Conn
	left int
}

func (c *flakyConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// Wherever a connection breaks, the status of a recipient is what happened:
// accepted is delivered once, unknown at most once, others not at all.
func TestAtMostOnce(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.", "10 mx2.example.org.", "20 mx3.example.org.")
	f := &flaky{lab: n, r: rand.New(rand.NewPCG(1, 2))}
	refuse := func(odds int) error {
		switch f.number(odds) {
		case 0:
			return &smtp.Error{Code: 451, Text: "later"}
		case 1:
			return &smtp.Error{Code: 550, Text: "never"}
		case 2:
			return &smtp.Error{Code: 421, Text: "busy"}
		}
		return nil
	}
	var hosts []*mailHost
	for i := range 3 {
		h := &mailHost{tls: n.selfSigned("x"), recipients: 2 + i, rcpt: func(smtp.Address) error { return refuse(12) }}
		if i == 1 {
			h.disable = smtp.ExtensionSet(0).With(smtp.ExtPipelining).With(smtp.ExtLimits)
		}
		hosts = append(hosts, n.host(fmt.Sprintf("mx%d.example.org", i+1), fmt.Sprintf("192.0.2.%d", i+1), h))
	}
	d := n.deliverer()
	d.Options.Dialer = f
	pool := &smtpclient.Pool{MaxMessages: 5, Dial: func(ctx context.Context) (*smtpclient.Client, error) {
		return smtpclient.Dial(ctx, "192.0.2.1:25", &smtpclient.Options{Dialer: f, LocalName: "client.example"})
	}}
	defer pool.Close()
	statuses := map[smtpclient.Status]int{}
	var results []smtpclient.Recipient
	for i := range 300 {
		var to []string
		for j := range 1 + i%5 {
			to = append(to, fmt.Sprintf("u%d.%d@example.org", i, j))
		}
		if i%2 == 0 {
			res, _ := pool.Send(t.Context(), envelope(t, to...), io.MultiReader(strings.NewReader(message)))
			results = append(results, res.Recipients...)
			continue
		}
		out, _ := d.Deliver(t.Context(), envelope(t, to...), strings.NewReader(message))
		for _, r := range out.Recipients {
			results = append(results, r.Recipient)
		}
	}
	require.NoError(t, pool.Close())
	got := map[string]int{}
	for _, h := range hosts {
		for _, m := range h.messages() {
			require.Equal(t, "Subject: test\r\n\r\nhello\r\n.dot\r\n", m.body)
			for _, to := range m.to {
				got[to]++
			}
		}
	}
	for _, r := range results {
		statuses[r.Status]++
		count := got[r.Address.String()]
		switch r.Status {
		case smtpclient.Accepted:
			require.Equal(t, 1, count, r.Address)
			require.NoError(t, r.Err)
		case smtpclient.Unknown:
			require.LessOrEqual(t, count, 1, r.Address)
			require.True(t, smtpclient.Temporary(r.Err))
		default:
			require.Zero(t, count, "%s %s %v", r.Address, r.Status, r.Err)
			require.Error(t, r.Err)
		}
	}
	for s := range smtpclient.Unknown + 1 {
		require.Positive(t, statuses[s], "%s never came: %v", s, statuses)
	}
}

// A host that had the last chunk of a message may have taken it, though an earlier
// one was not answered: no other host gets it.
func TestLastChunkSent(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.", "20 mx2.example.org.")
	const line = "0123456789abcd\r\n"
	body := strings.Repeat(line, 10000)
	lines := func(octets int) string { return strings.Repeat("C* \n", octets/len(line)) }
	n.script("mx1.example.org", "192.0.2.1", "S: 220 x\nC* EHLO\nS: 250-x\nS: 250-PIPELINING\nS: 250 CHUNKING\n"+
		"C* MAIL\nC* RCPT\nS: 250 ok\nS: 250 ok\nC: BDAT 131072\n"+lines(131072)+
		fmt.Sprintf("C: BDAT %d LAST\n", len(body)-131072)+lines(len(body)-131072)+"CLOSE")
	second := n.host("mx2.example.org", "192.0.2.2", nil)
	d := n.deliverer()
	d.Options.Chunking = true
	out, err := d.Deliver(t.Context(), envelope(t, "bob@example.org"), strings.NewReader(body))
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "mx1", hostsOf(out))
	require.Equal(t, smtpclient.Unknown, out.Recipients[0].Status)
	require.Empty(t, second.messages())
}
