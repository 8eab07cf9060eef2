package smtpclient_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// Send splits a message's recipients over transactions and connections as the
// server's limits demand (RFC 9422), and each gets it once.
func TestLimits(t *testing.T) {
	to := []string{"a@one.example", "b@two.example", "c@ONE.example", "d@three.example", "e@two.example", "f@four.example"}
	cases := []struct {
		name   string
		limits smtpserver.Limits
		first  string // statuses over one connection
		conns  int    // that a pool needs
		counts int    // messages it sends
	}{
		{"none", smtpserver.Limits{}, "aaaaaa", 1, 1},
		{"RCPTMAX", smtpserver.Limits{Recipients: 4}, "aaaaaa", 1, 2},
		{"MAILMAX", smtpserver.Limits{Transactions: 1}, "aaaaaa", 1, 1},
		{"RCPTMAX and MAILMAX", smtpserver.Limits{Recipients: 2, Transactions: 2}, "aaaann", 2, 3},
		{"RCPTDOMAINMAX", smtpserver.Limits{RecipientDomains: 2}, "aaanan", 2, 2},
		{"one domain", smtpserver.Limits{RecipientDomains: 1}, "anannn", 4, 4},
		{"all", smtpserver.Limits{RecipientDomains: 2, Recipients: 2, Transactions: 3}, "aaanan", 2, 3},
		{"enough domains", smtpserver.Limits{RecipientDomains: 4}, "aaaaaa", 1, 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			back := &sink{keep: true}
			a := serve(t, &smtpserver.Server{Backend: back, Limits: tc.limits}, false)
			dial := func(ctx context.Context) (*smtpclient.Client, error) { return smtpclient.Dial(ctx, a, nil) }
			c, err := dial(t.Context())
			require.NoError(t, err)
			defer c.Close()
			res, err := c.Send(t.Context(), envelope(t, to...), strings.NewReader(message))
			got := ""
			for i, r := range res.Recipients {
				require.Equal(t, to[i], r.Address.String())
				got += r.Status.String()[:1]
				if r.Status != smtpclient.Accepted {
					require.ErrorIs(t, r.Err, smtpclient.ErrLimit)
					require.ErrorIs(t, err, smtpclient.ErrPartial)
				}
			}
			require.Equal(t, tc.first, got)

			// A pool takes more connections.
			p := &smtpclient.Pool{Dial: dial, MaxOpen: 2}
			defer p.Close()
			for n, body := range []io.Reader{strings.NewReader(message), io.MultiReader(strings.NewReader(message))} {
				if n == 1 && tc.limits.Recipients > 0 {
					break // a transaction after the other needs one that can be sought in
				}
				back.mu.Lock()
				back.all, back.count, back.conns = nil, 0, 0
				back.mu.Unlock()
				res, err = p.Send(t.Context(), envelope(t, to...), body)
				require.NoError(t, err)
				require.NoError(t, res.Err())
				back.mu.Lock()
				if n == 0 {
					require.Equal(t, tc.conns, back.conns)
				}
				require.Equal(t, tc.counts, back.count)
				var all []string
				for _, to := range back.all {
					all = append(all, to.String())
				}
				back.mu.Unlock()
				slices.Sort(all)
				want := slices.Clone(to)
				slices.Sort(want)
				require.Equal(t, want, all)
			}
		})
	}
}

// A message that must go to all at once is not split, and a pool tries with a
// connection of which nothing is used up.
func TestLimitsAllOrNothing(t *testing.T) {
	back := &sink{keep: true}
	a := serve(t, &smtpserver.Server{Backend: back, Limits: smtpserver.Limits{RecipientDomains: 2, Recipients: 3}}, false)
	p := &smtpclient.Pool{Dial: func(ctx context.Context) (*smtpclient.Client, error) { return smtpclient.Dial(ctx, a, nil) }}
	defer p.Close()
	for i, tc := range []struct {
		to  []string
		err string
	}{
		{[]string{"a@one.example", "b@two.example"}, ""},
		{[]string{"a@three.example", "b@four.example"}, ""},
		{[]string{"a@one.example", "b@two.example", "c@three.example"}, "of 2 domains at most"},
		{[]string{"a@four.example", "b@four.example", "c@four.example", "d@four.example"}, "3 recipients at most"},
	} {
		env := envelope(t, tc.to...)
		env.AllOrNothing = true
		res, err := p.Send(t.Context(), env, strings.NewReader(message))
		if tc.err == "" {
			require.NoError(t, err)
			require.Equal(t, i+1, back.count)
			continue
		}
		require.ErrorContains(t, err, tc.err)
		for _, r := range res.Recipients {
			require.Equal(t, smtpclient.NotAttempted, r.Status)
			require.Error(t, r.Err)
		}
	}
	require.Equal(t, 2, back.count)
}

// What one transaction came to says nothing of the others, and parameters stay with
// their recipients.
func TestLimitsParameters(t *testing.T) {
	const ehlo = "S: 220 x\nC* EHLO\nS: 250-x\nS: 250-DSN\nS: 250 LIMITS RCPTDOMAINMAX=1\n"
	env := envelope(t, "a@one.example", "b@two.example", "c@one.example")
	env.Rcpt = []smtp.RcptOptions{{}, {Notify: smtp.NotifyNever}, {Notify: smtp.NotifyFailure}}
	c, err := smtpclient.NewClient(t.Context(), testutil.Script(t, ehlo+"C* MAIL\nS: 250 ok\nC: RCPT TO:<a@one.example>\nS: 550 no\n"+
		"C: RCPT TO:<c@one.example> NOTIFY=FAILURE\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 ok\n"), nil)
	require.NoError(t, err)
	defer c.Close()
	res, err := c.Send(t.Context(), env, strings.NewReader(message))
	require.ErrorIs(t, err, smtpclient.ErrPartial)
	require.Equal(t, "[rejected not attempted accepted]", fmt.Sprint([]smtpclient.Status{res.Recipients[0].Status, res.Recipients[1].Status, res.Recipients[2].Status}))
	require.ErrorIs(t, res.Recipients[1].Err, smtpclient.ErrLimit)
}
