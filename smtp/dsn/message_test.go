package dsn_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/dsn"
)

const original = "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: Hello\r\n\r\nHi Bob\r\n--x\r\n"

func report() dsn.Report {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	return dsn.Report{
		EnvelopeID: "QQ314159", ReportingMTA: dsn.MTA{Type: "dns", Name: "mx.example.org"},
		Gateway: dsn.MTA{Type: "x400", Name: "gw"}, ReceivedFrom: dsn.MTA{Type: "dns", Name: "client.example.org"}, Arrival: at,
		Extra: []dsn.Field{{Name: "X-Queue", Value: "17"}},
		Recipients: []dsn.Recipient{{
			Original: rfc822("bob@example.net"), Final: rfc822("b@other.example"), Action: dsn.Failed, Status: code(5, 1, 1), Comment: "bad address",
			Remote: dsn.MTA{Type: "dns", Name: "mx.example.net"}, Diagnostic: dsn.Diagnostic{Type: "smtp", Text: "550 5.1.1 no such user"},
			Localized: []dsn.Localized{{Language: "de", Text: "kein solcher Empfänger"}}, LastAttempt: at, LogID: "x1",
			Extra: []dsn.Field{{Name: "X-Note", Value: "a b"}},
		}, {
			Final: dsn.Address{Type: "utf-8", Address: "jörg@bücher.example"}, Action: dsn.Delayed, Status: code(4, 4, 1), RetryUntil: at.Add(time.Hour),
		}},
	}
}

func write(t *testing.T, m *dsn.Message) string {
	t.Helper()
	var b bytes.Buffer
	n, err := m.WriteTo(&b)
	require.NoError(t, err)
	require.EqualValues(t, b.Len(), n)
	for line := range strings.SplitSeq(b.String(), "\r\n") {
		require.LessOrEqual(t, len(line), 998)
		require.NotContains(t, line, "\r")
		require.NotContains(t, line, "\n")
	}
	return b.String()
}

func body(t *testing.T, text string, p *message.Part) string {
	t.Helper()
	b, err := io.ReadAll(p.Body().Reader(strings.NewReader(text)))
	require.NoError(t, err)
	return string(b)
}

func TestReportRoundTrip(t *testing.T) {
	r := report()
	roundTrip(t, &r)
}

func TestMessage(t *testing.T) {
	jörg := smtp.Address{Local: "jörg", Domain: "example.org"}
	cases := []struct {
		name     string
		original string
		ret      smtp.Return
		utf8     bool
		success  bool
		to       smtp.Address
		parts    string
		returned string
	}{
		{name: "nothing returned", parts: "text/plain message/delivery-status"},
		{name: "header", original: original, parts: "text/plain message/delivery-status text/rfc822-headers", returned: original[:strings.Index(original, "\r\n\r\n")+2]},
		{name: "full", original: original, ret: smtp.ReturnFull, parts: "text/plain message/delivery-status message/rfc822", returned: original},
		{name: "no failure", original: original, ret: smtp.ReturnFull, success: true, parts: "text/plain message/delivery-status text/rfc822-headers", returned: original[:strings.Index(original, "\r\n\r\n")+2]},
		{name: "UTF-8", original: strings.Replace(original, "Hello", "Grüße", 1), utf8: true, to: jörg, parts: "text/plain message/global-delivery-status message/global-headers",
			returned: strings.Replace(original[:strings.Index(original, "\r\n\r\n")+2], "Hello", "Grüße", 1)},
		{name: "UTF-8 in full", original: original, utf8: true, ret: smtp.ReturnFull, parts: "text/plain message/global-delivery-status message/global", returned: original},
		{name: "no body", original: "Subject: x", parts: "text/plain message/delivery-status text/rfc822-headers", returned: "Subject: x\r\n"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			m := &dsn.Message{To: smtp.Address{Local: "alice", Domain: "example.org"}, Report: report(), Return: tc.ret, UTF8: tc.utf8}
			if !tc.to.IsZero() {
				m.To = tc.to
			}
			if tc.success {
				for i := range m.Report.Recipients {
					m.Report.Recipients[i].Action = dsn.Delivered
				}
			}
			if tc.original != "" {
				m.Original = iotest.HalfReader(strings.NewReader(tc.original))
			}
			text := write(t, m)
			sum, defects, err := message.Parse(strings.NewReader(text), nil)
			require.NoError(t, err)
			if tc.name != "no body" {
				require.Empty(t, defects)
			}
			require.Equal(t, "multipart/report", sum.Root.Type+"/"+sum.Root.Subtype)
			require.Equal(t, "delivery-status", sum.Root.Param("report-type"))
			require.Equal(t, m.To.Local, sum.Envelope.To[0].Local)
			require.Equal(t, "mx.example.org", sum.Envelope.From[0].Domain)
			require.NotEmpty(t, sum.Envelope.MessageID)
			require.NotEmpty(t, sum.Envelope.Date)
			var parts []string
			for _, p := range sum.Root.Children {
				parts = append(parts, p.Type+"/"+p.Subtype)
			}
			require.Equal(t, tc.parts, strings.Join(parts, " "))
			if tc.returned != "" {
				p := dsn.Original(sum.Root)
				require.Same(t, sum.Root.Children[2], p)
				require.Equal(t, tc.returned, strings.TrimSuffix(body(t, text, p), "\r\n")+"\r\n")
			}
			got, err := dsn.Parse(strings.NewReader(text), sum)
			require.NoError(t, err)
			want := m.Report
			if !tc.utf8 {
				want.Recipients = append([]dsn.Recipient(nil), want.Recipients...)
				want.Recipients[0].Localized = nil
				require.NotContains(t, text, "ö")
			}
			requireReport(t, &want, got)
		})
	}
}

// Nothing breaks out of its place.
func TestMessageInjection(t *testing.T) {
	evil := "x\r\nInjected: yes\r\n\r\nAction: failed"
	r := dsn.Report{EnvelopeID: evil, ReportingMTA: dsn.MTA{Type: evil, Name: evil}, Extra: []dsn.Field{{Name: evil, Value: "x"}, {Name: "X", Value: evil}}}
	r.Recipients = []dsn.Recipient{{
		Original: dsn.Address{Type: evil, Address: evil}, Final: rfc822(evil), Action: dsn.Failed, Status: code(5, 0, 0), Comment: evil + "))",
		Remote: dsn.MTA{Name: evil}, Diagnostic: dsn.Diagnostic{Text: evil}, LogID: evil, Localized: []dsn.Localized{{Language: evil, Text: evil}},
	}}
	m := &dsn.Message{To: smtp.Address{Local: "a", Domain: "b.example"}, Subject: evil, MessageID: evil, Report: r,
		From: message.Address{Name: "evil", Local: "e", Domain: "e.example"}, Header: []dsn.Field{{Name: "References", Value: evil}}}
	for _, m.UTF8 = range []bool{false, true} {
		text := write(t, m)
		head, parts, _ := strings.Cut(text, "\r\n\r\n")
		require.NotContains(t, head, "\nInjected")
		sum, _, err := message.Parse(strings.NewReader(text), nil)
		require.NoError(t, err)
		require.Len(t, sum.Root.Children, 2)
		require.NotContains(t, body(t, text, sum.Root.Children[1]), "\nInjected")
		got, err := dsn.Parse(strings.NewReader(text), sum)
		require.NoError(t, err)
		require.Len(t, got.Recipients, 1)
		require.NotEmpty(t, parts)
	}
}

func TestMessageErrors(t *testing.T) {
	good := func() *dsn.Message {
		return &dsn.Message{To: smtp.Address{Local: "a", Domain: "b.example"}, Report: report()}
	}
	_, err := good().WriteTo(io.Discard)
	require.NoError(t, err)
	m := good()
	m.To = smtp.Address{}
	_, err = m.WriteTo(io.Discard)
	require.ErrorContains(t, err, "null reverse-path")
	m = good()
	m.Report.Recipients = nil
	_, err = m.WriteTo(io.Discard)
	require.ErrorIs(t, err, dsn.ErrIncomplete)
	m = good()
	m.Report.Recipients[1].Action = "exploded"
	_, err = m.WriteTo(io.Discard)
	require.ErrorIs(t, err, dsn.ErrRecipient)
	for _, ret := range []smtp.Return{smtp.ReturnFull, smtp.ReturnHeaders} {
		m = good()
		m.Return, m.Original = ret, iotest.ErrReader(os.ErrClosed)
		_, err = m.WriteTo(io.Discard)
		require.ErrorIs(t, err, os.ErrClosed)
	}
	m = good()
	m.Return, m.Original = smtp.ReturnFull, strings.NewReader(strings.Repeat("x\r\n", 10000))
	_, err = m.WriteTo(failing{})
	require.ErrorIs(t, err, errFull)
	m = good()
	m.To.Local = "jörg"
	_, err = m.WriteTo(io.Discard)
	require.ErrorIs(t, err, smtp.ErrNeedsUTF8)
}

var errFull = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestNewRecipientAndWanted(t *testing.T) {
	to := smtp.Address{Local: "bob", Domain: "example.net"}
	r := dsn.NewRecipient(to, &smtp.RcptOptions{Original: smtp.OriginalRecipient{Type: "rfc822", Address: "robert@example.net"}}, dsn.Failed,
		&smtp.Error{Code: 550, Enhanced: code(5, 1, 1), Text: "no such user"})
	require.Equal(t, dsn.Recipient{Original: rfc822("robert@example.net"), Final: rfc822("bob@example.net"), Action: dsn.Failed, Status: code(5, 1, 1),
		Diagnostic: dsn.Diagnostic{Type: "smtp", Text: "550 5.1.1 no such user"}}, r)
	require.Equal(t, code(4, 0, 0), dsn.NewRecipient(to, nil, dsn.Failed, &smtp.Error{Code: 451}).Status)
	require.Equal(t, code(4, 0, 0), dsn.NewRecipient(to, nil, dsn.Delayed, nil).Status)
	require.Equal(t, code(2, 0, 0), dsn.NewRecipient(to, nil, dsn.Relayed, nil).Status)
	back, err := r.Final.Mailbox()
	require.NoError(t, err)
	require.Equal(t, to, back)
	_, err = dsn.Address{Type: "x400", Address: "C=de"}.Mailbox()
	require.Error(t, err)

	from := smtp.Address{Local: "alice", Domain: "example.org"}
	for _, tc := range []struct {
		notify smtp.Notify
		want   string // actions, first messages in pairs
	}{
		{0, "failed delayed"}, {smtp.NotifyNever, ""}, {smtp.NotifyFailure, "failed"}, {smtp.NotifyDelay, "delayed"},
		{smtp.NotifySuccess, "delivered relayed expanded"},
	} {
		var got []string
		for _, a := range []dsn.Action{dsn.Failed, dsn.Delayed, dsn.Delivered, dsn.Relayed, dsn.Expanded, "other"} {
			if dsn.Wanted(a, from, &smtp.RcptOptions{Notify: tc.notify}) {
				got = append(got, string(a))
			}
			require.False(t, dsn.Wanted(a, smtp.Address{}, &smtp.RcptOptions{Notify: tc.notify}))
		}
		require.Equal(t, tc.want, strings.Join(got, " "))
	}
	require.True(t, dsn.Wanted(dsn.Failed, from, nil))
}
