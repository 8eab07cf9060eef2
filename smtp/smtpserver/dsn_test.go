package smtpserver_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/dsn"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A sender that asks for a report of success gets one in its mailbox.
func TestDSN(t *testing.T) {
	for _, lmtp := range []bool{false, true} {
		st, d, _ := partial(t)
		d.MaySend = func(context.Context, string, smtp.Address) error { return nil }
		k := talk(t, start(t, &smtpserver.Server{Backend: d, LMTP: lmtp}))
		hello := map[bool]string{false: "EHLO client.example", true: "LHLO client.example"}[lmtp]
		k.do(hello, "250")
		ask := func(mail, rcpt, want string) {
			t.Helper()
			k.do("MAIL FROM:"+mail, "250")
			k.do("RCPT TO:"+rcpt, want)
			if want != "250" {
				k.do("RSET", "250")
				return
			}
			k.do("DATA", "354")
			k.do("From: sender@example.org\r\nSubject: asked\r\n\r\nthe text\r\n.", "250")
		}
		ask("<"+local+"> RET=FULL ENVID=QQ+2B314", "<alice@example.org> NOTIFY=SUCCESS ORCPT=rfc822;Alice+2Bx@old.example", "250")
		got := stored(t, st, "sender")
		require.Len(t, got, 1)
		report, err := dsn.Parse(strings.NewReader(got[0]), nil)
		require.NoError(t, err)
		require.Equal(t, "QQ+314", report.EnvelopeID)
		require.Equal(t, dsn.MTA{Type: "dns", Name: "mx.example.org"}, report.ReportingMTA)
		require.Equal(t, dsn.MTA{Type: "dns", Name: "client.example"}, report.ReceivedFrom)
		require.False(t, report.Arrival.IsZero())
		require.Equal(t, []dsn.Recipient{{
			Original: dsn.Address{Type: "rfc822", Address: "Alice+x@old.example"},
			Final:    dsn.Address{Type: "rfc822", Address: "alice@example.org"},
			Action:   dsn.Delivered, Status: smtp.EnhancedCode{2, 0, 0},
		}}, report.Recipients)
		require.Contains(t, got[0], "Subject: asked")
		require.NotContains(t, got[0], "the text", "RET=FULL is for failures") // RFC 3461 §6.2

		// Nobody asks, or nobody is there to be told.
		ask("<"+local+">", "<alice@example.org> NOTIFY=NEVER", "250")
		ask("<"+local+">", "<alice@example.org> NOTIFY=FAILURE,DELAY", "250")
		ask("<"+local+">", "<alice@example.org>", "250")
		ask("<>", "<alice@example.org> NOTIFY=SUCCESS", "250")
		require.Len(t, stored(t, st, "sender"), 1)
		require.Len(t, stored(t, st, "alice"), 5)

		// What can't be kept is not promised.
		ask("<"+foreign+">", "<alice@example.org> NOTIFY=SUCCESS,FAILURE", "550 5.3.3")
		ask("<"+foreign+">", "<alice@example.org> NOTIFY=FAILURE", "250")
	}
}

// DSN is offered where reports can be sent, also behind hooks.
func TestDSNOffered(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*smtpserver.Delivery)
		want string // the answer to RET
	}{
		{"no way to report", func(*smtpserver.Delivery) {}, "555 5.5.4"},
		{"submission", func(d *smtpserver.Delivery) {
			d.MaySend = func(context.Context, string, smtp.Address) error { return nil }
		}, "250"},
		{"report", func(d *smtpserver.Delivery) {
			d.Report = func(context.Context, smtp.Address, *io.SectionReader) error { return nil }
		}, "250"},
	} {
		_, d, _ := partial(t)
		tt.set(d)
		b := smtpserver.Wrap(d, func(*smtpserver.Conn) smtpserver.Hooks { return passOn })
		k := talk(t, start(t, &smtpserver.Server{Backend: smtpserver.Wrap(b, func(*smtpserver.Conn) smtpserver.Hooks { return passOn })}))
		k.do("EHLO c", "250")
		k.do("MAIL FROM:<a@example.org> RET=HDRS", tt.want)
	}
}

// One message for a sender elsewhere goes to Report, with all its recipients.
func TestDSNReport(t *testing.T) {
	_, d, _ := partial(t)
	reports := make(chan *dsn.Report, 1)
	d.Report = func(_ context.Context, to smtp.Address, r *io.SectionReader) error {
		require.Equal(t, foreign, to.String())
		report, err := dsn.Parse(r, nil)
		reports <- report
		return err
	}
	k := talk(t, start(t, &smtpserver.Server{Backend: d}))
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<"+foreign+">", "250")
	k.do("RCPT TO:<alice@example.org> NOTIFY=SUCCESS", "250")
	k.do("RCPT TO:<bob@example.org>", "250")
	k.do("RCPT TO:<carol@example.org> NOTIFY=FAILURE,SUCCESS", "250")
	k.do("DATA", "354")
	k.do("x\r\n.", "250")
	report := <-reports
	require.Len(t, report.Recipients, 2)
	require.Equal(t, "carol@example.org", report.Recipients[1].Final.Address)
}
