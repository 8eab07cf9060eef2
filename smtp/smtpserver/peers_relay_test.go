package smtpserver_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A relay is a peer that relays messages to servers, for each way of sending them
// those for the domain that is the way's name with a suffix. Notifications go to
// main.
type relay struct {
	*peers.Daemon
	suffix            string
	main, small, lmtp *target         // small takes small messages only
	came              map[*target]int // messages
}

func newRelay(t *testing.T, cert *peers.Certificate, suffix string) *relay {
	return &relay{
		suffix: suffix, came: map[*target]int{},
		main:  newTarget(t, cert, nil),
		small: newTarget(t, cert, func(s *smtpserver.Server) { s.Limits.Message = 5000 }),
		lmtp:  newTarget(t, cert, func(s *smtpserver.Server) { s.LMTP = true }),
	}
}

// target returns where messages of a way go.
func (r *relay) target(way string) *target {
	switch way {
	case "small":
		return r.small
	case "lmtp":
		return r.lmtp
	}
	return r.main
}

// submit gives a message to the relay, for users at the domain of a way.
func (r *relay) submit(t testing.TB, way string, env smtpclient.Envelope, text string, users ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c, err := smtpclient.Dial(ctx, r.Addr("smtp"), nil)
	require.NoError(t, err)
	defer c.Close()
	for i := range users {
		users[i] += "@" + way + r.suffix
	}
	parsed, err := smtpclient.ParseEnvelope("alice@example.org", users...)
	require.NoError(t, err)
	env.From, env.To = parsed.From, parsed.To
	_, err = c.Send(ctx, &env, strings.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, c.Quit(ctx))
}

// send submits a message to bob and returns it as it came to the target.
func (r *relay) send(t testing.TB, way string, env smtpclient.Envelope, msg peers.Message, user string) received {
	t.Helper()
	r.submit(t, way, env, msg.Text, user)
	to := r.target(way)
	r.came[to]++
	return to.await(t, r.came[to])[r.came[to]-1]
}

// bounce waits for the notification of a message to main and returns it.
func (r *relay) bounce(t testing.TB) string {
	t.Helper()
	r.came[r.main]++
	got := r.main.await(t, r.came[r.main])
	for i := len(got) - 1; i >= 0; i-- {
		if got[i].from.IsZero() {
			return got[i].body
		}
	}
	t.Fatal("no notification came")
	return ""
}

func plain() peers.Message { return peers.Messages(false)[0] }

// sendsAll sends all kinds of messages in a way.
func (r *relay) sendsAll(t *testing.T, way string, large bool) {
	messages := peers.Named(way, large)
	for _, msg := range messages {
		r.submit(t, way, smtpclient.Envelope{}, msg.Text, "bob")
	}
	to := r.target(way)
	r.came[to] += len(messages)
	peers.SameAll(t, messages, bodies(to.await(t, r.came[to])))
}

// logsIn sends a message in a way for which it must log in.
func (r *relay) logsIn(t *testing.T, way string) {
	r.send(t, way, smtpclient.Envelope{}, plain(), "bob")
	require.Equal(t, "alice", r.main.lastConn().Identity())
}

// reportsUnknown sends to users of whom one is unknown; each of the words must be
// in the notification.
func (r *relay) reportsUnknown(t *testing.T, words ...string) {
	for _, way := range []string{"clear", "lmtp"} {
		r.submit(t, way, smtpclient.Envelope{}, plain().Text, "bob", "nobody", "carol")
		to := r.target(way)
		r.came[to]++ // the notification may come before it
		if way == "lmtp" {
			require.Len(t, to.await(t, r.came[to])[r.came[to]-1].to, 2)
		}
		report := r.bounce(t)
		require.Contains(t, report, "nobody@"+way+r.suffix)
		for _, word := range words {
			require.Contains(t, report, word)
		}
	}
}

// reportsSize sends a message that is too large, for which the notification must
// have the words, and one that is not.
func (r *relay) reportsSize(t *testing.T, words string) {
	r.submit(t, "small", smtpclient.Envelope{}, plain().Text+strings.Repeat("more\r\n", 1000), "bob")
	require.Contains(t, r.bounce(t), words)
	r.send(t, "small", smtpclient.Envelope{}, plain(), "bob")
}

// passesParameters sends with the parameters of DSN and SMTPUTF8.
func (r *relay) passesParameters(t *testing.T) {
	env := smtpclient.Envelope{Rcpt: []smtp.RcptOptions{{Notify: smtp.NotifyFailure | smtp.NotifyDelay,
		Original: smtp.OriginalRecipient{Type: "rfc822", Address: "robert+x@example.com"}}}}
	env.Mail.EnvelopeID, env.Mail.Return, env.Mail.UTF8 = "QQ+314159 =x", smtp.ReturnHeaders, true
	msg := peers.UTF8()
	m := r.send(t, "clear", env, msg, "bücher")
	peers.Same(t, msg, m.body)
	require.True(t, m.mail.UTF8)
	require.Equal(t, "bücher", m.to[0].Local)
	require.Equal(t, env.Mail.EnvelopeID, m.mail.EnvelopeID)
	require.Equal(t, smtp.ReturnHeaders, m.mail.Return)
	require.Equal(t, env.Rcpt[0].Notify, m.rcpt[0].Notify)
	require.Equal(t, env.Rcpt[0].Original, m.rcpt[0].Original)
}
