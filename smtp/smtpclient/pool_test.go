package smtpclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

const (
	greet  = "S: 220 x\nC* EHLO\nS: 250 x\n"
	begin  = "C* MAIL\nS: 250 ok\nC* RCPT\nS: 250 ok\nC: DATA\nS: 354 go\n"
	one    = begin + "BODY\nS: 250 ok\n"
	quit   = "C: QUIT\nS: 221 bye\n"
	noop   = "C: NOOP\nS: 250 ok\n"
	closed = "CLOSE\n"
)

// scriptPool is a Pool whose connections are in memory and play one script each.
func scriptPool(t *testing.T, scripts ...string) (*smtpclient.Pool, *atomic.Int32) {
	var dials atomic.Int32
	var servers sync.WaitGroup
	t.Cleanup(servers.Wait)
	return &smtpclient.Pool{Dial: func(ctx context.Context) (*smtpclient.Client, error) {
		n := int(dials.Add(1))
		if n > len(scripts) {
			return nil, errors.New("refused")
		}
		nc, server := net.Pipe()
		servers.Go(func() {
			if err := testutil.Play(server, scripts[n-1]); err != nil {
				t.Errorf("connection %d: %v", n, err)
			}
			server.Close()
		})
		return smtpclient.NewClient(ctx, nc, &smtpclient.Options{LocalName: "client.example"})
	}}, &dials
}

func TestPool(t *testing.T) {
	send := func(t *testing.T, p *smtpclient.Pool, want smtpclient.Status) error {
		t.Helper()
		// Not one that can be sought in.
		res, err := p.Send(t.Context(), envelope(t, "bob@example.org"), io.MultiReader(strings.NewReader(message)))
		require.Equal(t, want, res.Recipients[0].Status, err)
		if want != smtpclient.Accepted {
			require.Error(t, err)
			require.Equal(t, err, res.Recipients[0].Err)
		}
		return err
	}
	cases := []struct {
		name    string
		scripts []string
		set     func(p *smtpclient.Pool)
		pauses  []time.Duration     // before each message
		want    []smtpclient.Status // of each message
		err     string              // of the last
	}{
		{name: "one connection", scripts: []string{greet + one + one + one + quit}, pauses: []time.Duration{0, 0, time.Second}, want: []smtpclient.Status{1, 1, 1}},
		{name: "messages", scripts: []string{greet + one + one + quit, greet + one + quit}, set: func(p *smtpclient.Pool) { p.MaxMessages = 2 }, pauses: make([]time.Duration, 3), want: []smtpclient.Status{1, 1, 1}},
		{name: "the server's limit", scripts: []string{"S: 220 x\nC* EHLO\nS: 250-x\nS: 250 LIMITS MAILMAX=1\n" + one + quit, greet + one + quit}, pauses: make([]time.Duration, 2), want: []smtpclient.Status{1, 1}},
		{name: "probe", scripts: []string{greet + one + noop + one + quit}, pauses: []time.Duration{0, 10 * time.Second}, want: []smtpclient.Status{1, 1}},
		{name: "probe fails", scripts: []string{greet + one + "C: NOOP\nS: 421 too late\n", greet + one + quit}, pauses: []time.Duration{0, 10 * time.Second}, want: []smtpclient.Status{1, 1}},
		{name: "idle", scripts: []string{greet + one + quit, greet + one + quit}, pauses: []time.Duration{0, 31 * time.Second}, want: []smtpclient.Status{1, 1}},
		{name: "lifetime", scripts: []string{greet + one + one + quit, greet + one + quit}, set: func(p *smtpclient.Pool) {
			p.MaxLifetime, p.MaxIdleTime, p.ProbeAfter = time.Minute, time.Hour, time.Hour
		},
			pauses: []time.Duration{0, 59 * time.Second, 2 * time.Second}, want: []smtpclient.Status{1, 1, 1}},
		{name: "server went away", scripts: []string{greet + one + closed, greet + one + quit}, pauses: make([]time.Duration, 2), want: []smtpclient.Status{1, 1}},
		{name: "421 at MAIL", scripts: []string{greet + one + "C* MAIL\nS: 421 lifetime reached\n", greet + one + quit}, pauses: make([]time.Duration, 2), want: []smtpclient.Status{1, 1}},
		{name: "421 at RCPT", scripts: []string{greet + one + "C* MAIL\nS: 250 ok\nC* RCPT\nS: 421 lifetime reached\n", greet + one + quit}, pauses: make([]time.Duration, 2), want: []smtpclient.Status{1, 1}},
		{name: "lost within DATA", scripts: []string{greet + one + begin + closed, greet + one + quit}, pauses: make([]time.Duration, 2), want: []smtpclient.Status{1, 1}},
		{name: "answer lost", scripts: []string{greet + one + begin + "BODY\n" + closed}, pauses: make([]time.Duration, 2), want: []smtpclient.Status{1, smtpclient.Unknown}},
		{name: "message refused with 421", scripts: []string{greet + one + begin + "BODY\nS: 421 shutting down\n"}, pauses: make([]time.Duration, 2), want: []smtpclient.Status{1, smtpclient.Rejected}, err: "421"},
		{name: "lost twice", scripts: []string{greet + one + closed, greet + closed, greet + one + quit}, pauses: make([]time.Duration, 2), want: []smtpclient.Status{1, smtpclient.NotAttempted}},
		{name: "a new one lost", scripts: []string{greet + closed, greet + one + quit}, pauses: make([]time.Duration, 1), want: []smtpclient.Status{smtpclient.NotAttempted}},
		{name: "refused", scripts: nil, pauses: make([]time.Duration, 1), want: []smtpclient.Status{smtpclient.NotAttempted}, err: "refused"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, dials := scriptPool(t, tc.scripts...)
				if tc.set != nil {
					tc.set(p)
				}
				for i, want := range tc.want {
					time.Sleep(tc.pauses[i])
					err := send(t, p, want)
					if i == len(tc.want)-1 && tc.err != "" {
						require.ErrorContains(t, err, tc.err)
					}
				}
				switch tc.name {
				case "lost twice":
					require.EqualValues(t, 2, dials.Load())
				case "a new one lost":
					require.EqualValues(t, 1, dials.Load())
				}
				require.NoError(t, p.Shutdown(t.Context()))
				require.Zero(t, p.Stats())
				_, err := p.Send(t.Context(), envelope(t, "bob@example.org"), strings.NewReader(message))
				require.ErrorIs(t, err, smtpclient.ErrPoolClosed)
			})
		})
	}
}

// No connection outlives its idle time, used again or not.
func TestPoolIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := scriptPool(t, greet+one+quit)
		_, err := p.Send(t.Context(), envelope(t, "bob@example.org"), strings.NewReader(message))
		require.NoError(t, err)
		require.Equal(t, smtpclient.PoolStats{Open: 1, Idle: 1}, p.Stats())
		time.Sleep(29 * time.Second)
		require.Equal(t, smtpclient.PoolStats{Open: 1, Idle: 1}, p.Stats())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Zero(t, p.Stats())
		require.NoError(t, p.Close())
	})
}

// A Send that waits for a connection can be cancelled.
func TestPoolWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var servers sync.WaitGroup
		p := &smtpclient.Pool{MaxOpen: 1, Dial: func(ctx context.Context) (*smtpclient.Client, error) {
			nc, server := net.Pipe()
			servers.Go(func() {
				testutil.Play(server, greet+"C* MAIL\nC: never\n") // doesn't answer
				server.Close()
			})
			return smtpclient.NewClient(ctx, nc, &smtpclient.Options{LocalName: "client.example"})
		}}
		first := make(chan error)
		go func() {
			_, err := p.Send(context.Background(), envelope(t, "bob@example.org"), strings.NewReader(message))
			first <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		res, err := p.Send(ctx, envelope(t, "bob@example.org"), strings.NewReader(message))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, smtpclient.NotAttempted, res.Recipients[0].Status)

		// Shutdown waits for the message, and gives up too.
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
		require.Error(t, <-first)
		require.Zero(t, p.Stats())
		servers.Wait()
	})
}

// Many goroutines, few connections, no message lost or doubled.
func TestPoolConcurrent(t *testing.T) {
	back := &sink{keep: true}
	server := serve(t, &smtpserver.Server{Backend: back}, false)
	p := &smtpclient.Pool{MaxOpen: 3, MaxMessages: 7, Dial: func(ctx context.Context) (*smtpclient.Client, error) {
		return smtpclient.Dial(ctx, server, nil)
	}}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			name := fmt.Sprintf("u%d", i)
			if i == 13 {
				name = "nobody"
			}
			_, err := p.Send(t.Context(), envelope(t, name+"@example.org"), strings.NewReader(message))
			if (err != nil) != (name == "nobody") {
				t.Error(name, err)
			}
			if s := p.Stats(); s.Open > 3 {
				t.Error("too many connections", s)
			}
		})
	}
	wg.Wait()
	require.NoError(t, p.Close())
	seen := map[string]bool{}
	for _, to := range back.all {
		require.False(t, seen[to.Local])
		seen[to.Local] = true
	}
	require.Len(t, seen, 99)
	require.GreaterOrEqual(t, back.conns, 99/7)
}
