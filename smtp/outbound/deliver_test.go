package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

const message = "Subject: test\n\nhello\n.dot\n"

func envelope(t testing.TB, to ...string) *smtpclient.Envelope {
	t.Helper()
	env, err := smtpclient.ParseEnvelope("alice@client.example", to...)
	require.NoError(t, err)
	return env
}

func deliver(t testing.TB, d *outbound.Deliverer, to ...string) (*outbound.Delivery, error) {
	t.Helper()
	out, err := d.Deliver(t.Context(), envelope(t, to...), strings.NewReader(message))
	require.Len(t, out.Recipients, len(to))
	for _, a := range out.Attempts {
		require.False(t, a.End.Before(a.Begin))
	}
	return out, err
}

// hostsOf returns the hosts tried, in order.
func hostsOf(out *outbound.Delivery) string {
	var list []string
	for _, a := range out.Attempts {
		list = append(list, strings.TrimSuffix(a.Host, ".example.org"))
	}
	return strings.Join(list, " ")
}

func TestDeliverDomains(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.", "20 mx2.example.org.")
	n.domain("example.net", "5 mail.example.net.")
	one := n.host("mx1.example.org", "192.0.2.1", nil)
	two := n.host("mx2.example.org", "192.0.2.2", nil)
	other := n.host("mail.example.net", "2001:db8::1", &mailHost{rcpt: func(to smtp.Address) error {
		if to.Local == "nobody" {
			return &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user"}
		}
		return nil
	}})
	out, err := deliver(t, n.deliverer(), "bob@example.org", "carol@example.net", "dave@EXAMPLE.org", "nobody@example.net")
	require.ErrorIs(t, err, smtpclient.ErrPartial)
	require.Len(t, one.messages(), 1)
	require.Equal(t, []string{"bob@example.org", "dave@EXAMPLE.org"}, one.messages()[0].to)
	require.Equal(t, "Subject: test\r\n\r\nhello\r\n.dot\r\n", one.messages()[0].body)
	require.Empty(t, two.messages())
	require.Equal(t, []string{"carol@example.net"}, other.messages()[0].to)
	for i, want := range []smtpclient.Status{smtpclient.Accepted, smtpclient.Accepted, smtpclient.Accepted, smtpclient.Rejected} {
		require.Equal(t, want, out.Recipients[i].Status, i)
		require.NotNil(t, out.Recipients[i].Attempt)
	}
	require.False(t, smtpclient.Temporary(out.Recipients[3].Err))
	require.Len(t, out.Attempts, 2)
	a := out.Attempts[0]
	require.Equal(t, "mx1.example.org", a.Host)
	require.Equal(t, netip.MustParseAddrPort("192.0.2.1:25"), a.Addr)
	require.Equal(t, uint16(10), a.Preference)
	require.Equal(t, 250, a.Reply.Code)
	require.NoError(t, a.Err)
	require.Equal(t, outbound.Cleartext, a.Security)
	require.ErrorIs(t, a.TLSErr, smtpclient.ErrNoStartTLS)
	require.ErrorContains(t, out.Attempts[1].Err, "no such user")
}

// What is tried next after each kind of failure.
func TestDeliverNextHost(t *testing.T) {
	later := &smtp.Error{Code: 451, Enhanced: smtp.EnhancedCode{4, 3, 0}, Text: "later"}
	never := &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "never"}
	refuse := func(err error) func(smtp.Address) error {
		return func(to smtp.Address) error {
			if to.Local == "bob" {
				return err
			}
			return nil
		}
	}
	const greeting = "S: 220 x\nC* EHLO\nS: 250 x\nC* MAIL\nS: 250 ok\nC* RCPT\nS: 250 ok\nC: DATA\nS: 354 go\n"
	cases := []struct {
		name      string
		first     *mailHost
		script    string // in place of first
		hosts     string
		status    smtpclient.Status
		temporary bool
		code      string // enhanced
		second    int    // messages that the second host got
	}{
		{name: "nobody there", hosts: "mx1 mx2", status: smtpclient.Accepted, second: 1},
		{name: "greeting 421", first: &mailHost{connect: &smtp.Error{Code: 421, Text: "busy"}}, hosts: "mx1 mx2", status: smtpclient.Accepted, second: 1},
		{name: "greeting 554", first: &mailHost{connect: never}, hosts: "mx1 mx2", status: smtpclient.Accepted, second: 1},
		{name: "no SMTP", script: "S: hello\nCLOSE", hosts: "mx1 mx2", status: smtpclient.Accepted, second: 1},
		{name: "MAIL 4yz", first: &mailHost{mail: later}, hosts: "mx1 mx2", status: smtpclient.Accepted, second: 1},
		{name: "MAIL 5yz", first: &mailHost{mail: never}, hosts: "mx1", status: smtpclient.Rejected, code: "5.7.1"},
		{name: "RCPT 4yz", first: &mailHost{rcpt: refuse(later)}, hosts: "mx1 mx2", status: smtpclient.Accepted, second: 1},
		{name: "RCPT 5yz", first: &mailHost{rcpt: refuse(never)}, hosts: "mx1", status: smtpclient.Rejected, code: "5.7.1"},
		{name: "message 4yz", first: &mailHost{data: later}, hosts: "mx1 mx2", status: smtpclient.Accepted, second: 1},
		{name: "message 5yz", first: &mailHost{data: never}, hosts: "mx1", status: smtpclient.Rejected, code: "5.7.1"},
		{name: "lost before the message", script: greeting[:strings.Index(greeting, "C: DATA")] + "CLOSE", hosts: "mx1 mx2", status: smtpclient.Accepted, second: 1},
		{name: "no answer to a message", script: greeting + "BODY\nS: 354 more", hosts: "mx1", status: smtpclient.Unknown, temporary: true, code: "4.5.0"},
		{name: "answer lost", script: greeting + "BODY\nCLOSE", hosts: "mx1", status: smtpclient.Unknown, temporary: true, code: "4.4.2"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			n := newLab(t)
			n.domain("example.org", "10 mx1.example.org.", "20 mx2.example.org.")
			switch {
			case tc.script != "":
				n.script("mx1.example.org", "192.0.2.1", tc.script)
			case tc.first != nil:
				n.host("mx1.example.org", "192.0.2.1", tc.first)
			default:
				n.names("mx1.example.org", "192.0.2.1")
			}
			second := n.host("mx2.example.org", "192.0.2.2", nil)
			out, err := deliver(t, n.deliverer(), "bob@example.org")
			require.Equal(t, tc.hosts, hostsOf(out))
			require.Equal(t, tc.status, out.Recipients[0].Status)
			require.Len(t, second.messages(), tc.second)
			if tc.status == smtpclient.Accepted {
				require.NoError(t, err)
				require.Error(t, out.Attempts[0].Err)
				return
			}
			require.Error(t, err)
			require.Equal(t, tc.temporary, smtpclient.Temporary(out.Recipients[0].Err))
			require.Equal(t, tc.code, smtpclient.Diagnose(out.Recipients[0].Err).Enhanced.String())
		})
	}
}

// A message is accepted with any 2yz (RFC 5321 §4.3.2): no other host gets it.
func TestDeliverAcceptedOnce(t *testing.T) {
	for _, code := range []string{"200", "250", "251", "252"} {
		n := newLab(t)
		n.domain("example.org", "10 mx1.example.org.", "20 mx2.example.org.")
		n.script("mx1.example.org", "192.0.2.1", "S: 220 x\nC* EHLO\nS: "+code+" x\nC* MAIL\nS: "+code+" ok\nC* RCPT\nS: "+code+" ok\nC: DATA\nS: 354 go\nBODY\nS: "+code+" ok\nC: QUIT\nS: "+code+" bye")
		second := n.host("mx2.example.org", "192.0.2.2", nil)
		out, err := deliver(t, n.deliverer(), "bob@example.org")
		require.NoError(t, err)
		require.Equal(t, "mx1", hostsOf(out))
		require.Empty(t, second.messages())
	}
}

// What is final for some recipients does not keep the others from being tried
// elsewhere, and none gets the message twice.
func TestDeliverSplit(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.", "20 mx2.example.org.")
	one := n.host("mx1.example.org", "192.0.2.1", &mailHost{rcpt: func(to smtp.Address) error {
		switch to.Local {
		case "later":
			return &smtp.Error{Code: 450, Text: "later"}
		case "never":
			return &smtp.Error{Code: 550, Text: "never"}
		}
		return nil
	}})
	two := n.host("mx2.example.org", "192.0.2.2", nil)
	out, err := deliver(t, n.deliverer(), "now@example.org", "later@example.org", "never@example.org")
	require.ErrorIs(t, err, smtpclient.ErrPartial)
	require.Equal(t, []string{"now@example.org"}, one.messages()[0].to)
	require.Equal(t, []string{"later@example.org"}, two.messages()[0].to)
	require.Equal(t, "mx1.example.org", out.Recipients[0].Attempt.Host)
	require.Equal(t, "mx2.example.org", out.Recipients[1].Attempt.Host)
	require.Equal(t, smtpclient.Rejected, out.Recipients[2].Status)
}

// A host that takes few messages over a connection gets it over several.
func TestDeliverManyConnections(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.")
	h := n.host("mx1.example.org", "192.0.2.1", &mailHost{recipients: 2, transactions: 1})
	out, err := deliver(t, n.deliverer(), "a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org")
	require.NoError(t, err)
	require.Len(t, out.Attempts, 1)
	require.Equal(t, 3, h.seen)
	var got []string
	for _, m := range h.messages() {
		got = append(got, m.to...)
	}
	require.Equal(t, []string{"a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org"}, got)
}

// A host that takes few recipients at once gets the message in several
// transactions on one connection.
func TestDeliverManyRecipients(t *testing.T) {
	for _, limits := range []bool{true, false} {
		n := newLab(t)
		n.domain("example.org", "10 mx1.example.org.")
		h := &mailHost{recipients: 3}
		if !limits {
			h.disable = smtp.ExtensionSet(0).With(smtp.ExtLimits)
		}
		n.host("mx1.example.org", "192.0.2.1", h)
		var to []string
		for i := range 8 {
			to = append(to, fmt.Sprintf("u%d@example.org", i))
		}
		_, err := deliver(t, n.deliverer(), to...)
		require.NoError(t, err)
		require.Len(t, h.messages(), 3)
		require.Equal(t, 1, h.seen)
		var got []string
		for _, m := range h.messages() {
			got = append(got, m.to...)
		}
		slices.Sort(got)
		require.Equal(t, to, got)
	}
}

func TestDeliverRoutes(t *testing.T) {
	cases := []struct {
		name   string
		to     string
		set    func(n *lab, d *outbound.Deliverer)
		hosts  string
		status smtpclient.Status
		code   string // enhanced
	}{
		{name: "implicit MX", to: "bob@example.org", hosts: "example.org", status: smtpclient.Accepted, set: func(n *lab, d *outbound.Deliverer) {
			n.host("example.org", "192.0.2.1", nil)
		}},
		{name: "null MX", to: "bob@example.org", status: smtpclient.Rejected, code: "5.1.10", set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "0 .")
			n.host("example.org", "192.0.2.1", nil)
		}},
		{name: "no such domain", to: "bob@example.org", hosts: "example.org", status: smtpclient.Rejected, code: "5.1.2"},
		{name: "DNS fails", to: "bob@example.org", status: smtpclient.NotAttempted, code: "4.4.3", set: func(n *lab, d *outbound.Deliverer) {
			n.fail["MX example.org"] = true
		}},
		{name: "DNS fails for a host", to: "bob@example.org", hosts: "mx1 mx2", status: smtpclient.NotAttempted, code: "4.4.3", set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "1 mx1.example.org.", "2 mx2.example.org.")
			n.fail["IP mx1.example.org"] = true
		}},
		{name: "host without address, the other refuses connections", to: "bob@example.org", hosts: "mx1 mx2", status: smtpclient.NotAttempted, code: "4.4.1", set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "1 mx1.example.org.", "2 mx2.example.org.")
			n.names("mx2.example.org", "192.0.2.9")
		}},
		{name: "this host is best", to: "bob@example.org", status: smtpclient.Rejected, code: "5.4.6", set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "1 CLIENT.example.", "1 mx1.example.org.", "2 mx2.example.org.")
		}},
		{name: "this host is second", to: "bob@example.org", hosts: "mx1", status: smtpclient.NotAttempted, code: "4.4.1", set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "1 mx1.example.org.", "2 client.example.", "2 mx3.example.org.", "3 mx2.example.org.")
			n.names("mx1.example.org", "192.0.2.9")
			n.host("mx2.example.org", "192.0.2.2", nil)
		}},
		{name: "this host is the domain", to: "bob@client.example", status: smtpclient.Rejected, code: "5.4.6"},
		{name: "loopback", to: "bob@example.org", hosts: "mx1 mx1", status: smtpclient.Rejected, code: "5.4.4", set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "1 mx1.example.org.")
			n.names("mx1.example.org", "127.0.0.1", "::1")
		}},
		{name: "address literal", to: "bob@[192.0.2.1]", hosts: "[192.0.2.1]", status: smtpclient.Accepted, set: func(n *lab, d *outbound.Deliverer) {
			n.host("x.example", "192.0.2.1", nil)
		}},
		{name: "address literal of IPv6", to: "bob@[IPv6:2001:db8::5]", hosts: "[ipv6:2001:db8::5]", status: smtpclient.Accepted, set: func(n *lab, d *outbound.Deliverer) {
			n.host("x.example", "2001:db8::5", nil)
		}},
		{name: "unknown literal", to: "bob@[X400:whatever]", status: smtpclient.Rejected, code: "5.1.3"},
		{name: "IDNA", to: "bob@bücher.example", hosts: "mx1", status: smtpclient.Accepted, set: func(n *lab, d *outbound.Deliverer) {
			n.domain("xn--bcher-kva.example", "1 mx1.example.org.")
			n.host("mx1.example.org", "192.0.2.1", nil)
		}},
		{name: "addresses in turn, families alternating", to: "bob@example.org", hosts: "mx1 mx1 mx1", status: smtpclient.Accepted, set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "1 mx1.example.org.")
			n.names("mx1.example.org", "2001:db8::7", "2001:db8::8", "192.0.2.7")
			n.host("mx1.example.org", "192.0.2.8", nil)
			n.hosts[netip.MustParseAddr("2001:db8::8")] = n.hosts[netip.MustParseAddr("192.0.2.8")]
		}},
		{name: "few attempts", to: "bob@example.org", hosts: "mx1 mx1", status: smtpclient.NotAttempted, code: "4.4.1", set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "1 mx1.example.org.", "2 mx2.example.org.")
			n.names("mx1.example.org", "2001:db8::7", "2001:db8::8", "192.0.2.7")
			n.host("mx2.example.org", "192.0.2.8", nil)
			d.MaxAttempts = 2
		}},
		{name: "too large", to: "bob@example.org", hosts: "mx1", status: smtpclient.NotAttempted, code: "5.3.4", set: func(n *lab, d *outbound.Deliverer) {
			n.domain("example.org", "1 mx1.example.org.")
			n.script("mx1.example.org", "192.0.2.8", "S: 220 x\nC* EHLO\nS: 250-x\nS: 250 SIZE 5\nC: QUIT\nS: 221 bye")
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			n := newLab(t)
			d := n.deliverer()
			if tc.set != nil {
				tc.set(n, d)
			}
			out, err := deliver(t, d, tc.to)
			require.Equal(t, tc.hosts, hostsOf(out))
			require.Equal(t, tc.status, out.Recipients[0].Status, err)
			if tc.code != "" {
				require.Equal(t, tc.code, smtpclient.Diagnose(err).Enhanced.String(), err)
			}
		})
	}
}

// Hosts of the same preference share the load.
func TestDeliverRandom(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 a.example.org.", "10 b.example.org.", "5 c.example.org.")
	seen := map[string]int{}
	for range 60 {
		out, err := deliver(t, n.deliverer(), "bob@example.org")
		require.Error(t, err)
		seen[hostsOf(out)]++
	}
	require.Len(t, seen, 2)
	require.Positive(t, seen["c a b"])
	require.Positive(t, seen["c b a"])
}

func TestDeliverCancelled(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.", "20 mx2.example.org.")
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	n.host("mx1.example.org", "192.0.2.1", &mailHost{rcpt: func(smtp.Address) error {
		cancel(stop)
		return nil
	}})
	two := n.host("mx2.example.org", "192.0.2.2", nil)
	out, err := n.deliverer().Deliver(ctx, envelope(t, "bob@example.org"), strings.NewReader(message))
	require.ErrorIs(t, err, stop)
	require.True(t, smtpclient.Temporary(err))
	require.Empty(t, two.messages())
	require.NotEqual(t, smtpclient.Accepted, out.Recipients[0].Status)
}

// Parameters that the host doesn't know are left out where a relay may.
func TestDeliverParameters(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.")
	h := n.host("mx1.example.org", "192.0.2.1", nil)
	n.domain("example.net", "10 mx1.example.net.")
	dsn := n.host("mx1.example.net", "192.0.2.2", &mailHost{exts: smtp.ExtensionSet(0).With(smtp.ExtDSN)})
	env := envelope(t, "bob@example.org", "carol@example.net", "dave@example.net")
	priority := 3
	env.Mail = smtp.MailOptions{Return: smtp.ReturnHeaders, EnvelopeID: "q1", Priority: &priority}
	env.Rcpt = []smtp.RcptOptions{{Notify: smtp.NotifySuccess}, {}, {Notify: smtp.NotifyNever}}
	out, err := n.deliverer().Deliver(t.Context(), env, strings.NewReader(message))
	require.NoError(t, err)
	require.Empty(t, h.messages()[0].mail.EnvelopeID)
	require.Equal(t, "q1", dsn.messages()[0].mail.EnvelopeID)
	require.Equal(t, []smtp.RcptOptions{{}, {Notify: smtp.NotifyNever}}, dsn.messages()[0].rcpt)
	require.False(t, out.Recipients[0].Attempt.Notify)
	require.True(t, out.Recipients[1].Attempt.Notify)

	env.Mail.DeliverBy = &smtp.DeliverBy{Within: 1000000000000, Return: true}
	_, err = n.deliverer().Deliver(t.Context(), env, strings.NewReader(message))
	var unsupported *smtp.UnsupportedError
	require.ErrorAs(t, err, &unsupported)
	require.False(t, smtpclient.Temporary(err))
}

// Servers on loopback addresses and a port of their own, without a dialer.
func TestDeliverPort(t *testing.T) {
	n := newLab(t)
	n.domain("example.org", "10 mx1.example.org.")
	h := n.host("x.example", "192.0.2.1", nil)
	real := netip.MustParseAddrPort(n.hosts[netip.MustParseAddr("192.0.2.1")])
	n.names("mx1.example.org", real.Addr().String())
	d := n.deliverer()
	d.Options.Dialer = nil
	d.Port, d.Network, d.Allow = real.Port(), "tcp4", func(a netip.Addr) bool { return a.IsLoopback() }
	d.Self = func(string) bool { return false }
	attempts := 0
	d.OnAttempt = func(_ context.Context, a *outbound.Attempt) { attempts++ }
	_, err := deliver(t, d, "bob@example.org")
	require.NoError(t, err)
	require.Len(t, h.messages(), 1)
	require.Equal(t, 1, attempts)

	_, err = d.Deliver(t.Context(), &smtpclient.Envelope{}, strings.NewReader(message))
	require.Error(t, err)
}
