package dsn_test

import (
	"bytes"
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

func code(a, b, c uint16) smtp.EnhancedCode { return smtp.EnhancedCode{a, b, c} }

func rfc822(s string) dsn.Address { return dsn.Address{Type: "rfc822", Address: s} }

// The examples of RFC 3464 appendix E.
func TestParseRFC3464(t *testing.T) {
	edt := time.FixedZone("", -4*3600)
	cs := dsn.MTA{Type: "dns", Name: "cs.utk.edu"}
	cases := map[string]dsn.Report{
		"simple": {ReportingMTA: cs, Recipients: []dsn.Recipient{{
			Original: rfc822("louisl@larry.slip.umd.edu"), Final: rfc822("louisl@larry.slip.umd.edu"),
			Action: dsn.Failed, Status: code(4, 0, 0), Diagnostic: dsn.Diagnostic{Type: "smtp", Text: "426 connection timed out"},
			LastAttempt: time.Date(1994, 7, 7, 17, 15, 49, 0, edt),
		}}},
		"multi": {ReportingMTA: cs, Recipients: []dsn.Recipient{{
			Original: rfc822("arathib@vnet.ibm.com"), Final: rfc822("arathib@vnet.ibm.com"),
			Action: dsn.Failed, Status: code(5, 0, 0), Comment: "permanent failure",
			Diagnostic: dsn.Diagnostic{Type: "smtp", Text: "550 'arathib@vnet.IBM.COM' is not a registered gateway user"},
			Remote:     dsn.MTA{Type: "dns", Name: "vnet.ibm.com"},
		}, {
			Original: rfc822("johnh@hpnjld.njd.hp.com"), Final: rfc822("johnh@hpnjld.njd.hp.com"),
			Action: dsn.Delayed, Status: code(4, 0, 0), Comment: "hpnjld.njd.jp.com: host name lookup failure",
		}, {
			Original: rfc822("wsnell@sdcc13.ucsd.edu"), Final: rfc822("wsnell@sdcc13.ucsd.edu"),
			Action: dsn.Failed, Status: code(5, 0, 0), Diagnostic: dsn.Diagnostic{Type: "smtp", Text: "550 user unknown"},
			Remote: dsn.MTA{Type: "dns", Name: "sdcc13.ucsd.edu"},
		}}},
		"gateway": {ReportingMTA: dsn.MTA{Type: "mailbus", Name: "SYS30"}, Recipients: []dsn.Recipient{{
			Final: dsn.Address{Type: "unknown", Address: "nair_s"}, Action: dsn.Failed, Status: code(5, 0, 0), Comment: "unknown permanent failure",
		}}},
		"delayed": {ReportingMTA: dsn.MTA{Type: "dns", Name: "sun2.nsfnet-relay.ac.uk"}, Recipients: []dsn.Recipient{{
			Final: rfc822("thomas@de-montfort.ac.uk"), Action: dsn.Delayed, Status: code(4, 0, 0), Comment: "unknown temporary failure",
		}}},
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile("testdata/rfc3464-" + name + ".eml")
			require.NoError(t, err)
			for _, text := range [][]byte{b, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))} {
				got, err := dsn.Parse(bytes.NewReader(text), nil)
				require.NoError(t, err)
				requireReport(t, &want, got)
				sum, _, err := message.Parse(bytes.NewReader(text), nil)
				require.NoError(t, err)
				require.Equal(t, name == "simple" || name == "multi", dsn.Original(sum.Root) != nil)
			}
			roundTrip(t, &want)
		})
	}
}

// requireReport compares, times as instants.
func requireReport(t *testing.T, want, got *dsn.Report) {
	t.Helper()
	require.Equal(t, plain(want), plain(got))
}

func plain(r *dsn.Report) dsn.Report {
	c := *r
	c.Arrival = c.Arrival.UTC()
	c.Recipients = append([]dsn.Recipient(nil), c.Recipients...)
	for i := range c.Recipients {
		p := &c.Recipients[i]
		p.LastAttempt, p.RetryUntil = p.LastAttempt.UTC(), p.RetryUntil.UTC()
	}
	return c
}

func roundTrip(t *testing.T, r *dsn.Report) {
	t.Helper()
	for _, global := range []bool{false, true} {
		b, err := r.Append(nil, global)
		require.NoError(t, err)
		got, err := dsn.ParseReport(bytes.NewReader(b))
		require.NoError(t, err, "%s", b)
		want := *r
		if !global {
			want = plain(r)
			for i := range want.Recipients {
				want.Recipients[i].Localized = nil
			}
		}
		requireReport(t, &want, got)
	}
}

// What servers send though they should not.
func TestParseTolerant(t *testing.T) {
	cases := []struct {
		name, text string
		want       dsn.Report
	}{
		{"Postfix", "Reporting-MTA: dns; mail.example.org\nX-Postfix-Queue-ID: 4F2A1\nX-Postfix-Sender: rfc822; a@example.org\nArrival-Date: Mon,  2 Jan 2006 15:04:05 +0000 (UTC)\n\n" +
			"Final-Recipient: rfc822; b@example.net\nOriginal-Recipient: rfc822;b@example.net\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 550 5.1.1 <b@example.net>: Recipient address rejected:\n    User unknown\n",
			dsn.Report{ReportingMTA: dsn.MTA{Type: "dns", Name: "mail.example.org"}, Arrival: time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC),
				Extra: []dsn.Field{{Name: "X-Postfix-Queue-ID", Value: "4F2A1"}, {Name: "X-Postfix-Sender", Value: "rfc822; a@example.org"}},
				Recipients: []dsn.Recipient{{Final: rfc822("b@example.net"), Original: rfc822("b@example.net"), Action: dsn.Failed, Status: code(5, 1, 1),
					Remote: dsn.MTA{Type: "dns", Name: "mx.example.net"}, Diagnostic: dsn.Diagnostic{Type: "smtp", Text: "550 5.1.1 <b@example.net>: Recipient address rejected: User unknown"}}}}},
		{"no fields of the message", "Final-Recipient: RFC822; <b@example.net>\nAction: Failed (really)\nStatus: 5.2.2(full)\n",
			dsn.Report{Recipients: []dsn.Recipient{{Final: rfc822("b@example.net"), Action: dsn.Failed, Status: code(5, 2, 2), Comment: "full"}}}},
		{"no types, empty lines with spaces", "\r\n \r\nReporting-MTA: mx\r\n \t\r\n\r\nFinal-Recipient: b@example.net\r\naction:delayed\r\nstatus: nonsense\r\ndiagnostic-code: 451 try later\r\n\r\n\r\n",
			dsn.Report{ReportingMTA: dsn.MTA{Type: "dns", Name: "mx"}, Recipients: []dsn.Recipient{{Final: rfc822("b@example.net"), Action: dsn.Delayed, Diagnostic: dsn.Diagnostic{Type: "smtp", Text: "451 try later"}}}}},
		{"Gmail", "Reporting-MTA: dns; googlemail.com\r\nArrival-Date: Tue, 01 Aug 2023 06:13:10 -0700 (PDT)\r\nX-Original-Message-ID: <a@mail.gmail.com>\r\n\r\n" +
			"Final-Recipient: rfc822; nobody@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.com. (192.0.2.1, the server for the domain example.com.)\r\n" +
			"Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please\r\n 550 5.1.1 try double-checking\r\nLast-Attempt-Date: Tue, 01 Aug 2023 06:13:11 -0700 (PDT)\r\n",
			dsn.Report{ReportingMTA: dsn.MTA{Type: "dns", Name: "googlemail.com"}, Arrival: time.Date(2023, 8, 1, 13, 13, 10, 0, time.UTC),
				Extra: []dsn.Field{{Name: "X-Original-Message-ID", Value: "<a@mail.gmail.com>"}},
				Recipients: []dsn.Recipient{{Final: rfc822("nobody@example.com"), Action: dsn.Failed, Status: code(5, 1, 1),
					Remote:      dsn.MTA{Type: "dns", Name: "mx.example.com. (192.0.2.1, the server for the domain example.com.)"},
					Diagnostic:  dsn.Diagnostic{Type: "smtp", Text: "550-5.1.1 The email account that you tried to reach does not exist. Please 550 5.1.1 try double-checking"},
					LastAttempt: time.Date(2023, 8, 1, 13, 13, 11, 0, time.UTC)}}}},
		{"Exchange", "Reporting-MTA: dns;mail.example.com\r\nReceived-From-MTA: dns;client.example.org\r\n\r\nFinal-Recipient: rfc822;nobody@example.com\r\nAction: failed\r\nStatus: 5.1.10\r\n" +
			"Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup\r\nX-Display-Name: Nobody\r\n",
			dsn.Report{ReportingMTA: dsn.MTA{Type: "dns", Name: "mail.example.com"}, ReceivedFrom: dsn.MTA{Type: "dns", Name: "client.example.org"},
				Recipients: []dsn.Recipient{{Final: rfc822("nobody@example.com"), Action: dsn.Failed, Status: code(5, 1, 10),
					Diagnostic: dsn.Diagnostic{Type: "smtp", Text: "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"},
					Extra:      []dsn.Field{{Name: "X-Display-Name", Value: "Nobody"}}}}}},
		{"UTF-8 addresses", "Reporting-MTA: dns; mx\n\nOriginal-Recipient: utf-8;\\x{6CE2}\\x{4e00}@example.net\nFinal-Recipient: utf-8;jörg+tag@bücher.example\nAction: failed\nStatus: 5.0.0\nLocalized-Diagnostic: de; unbekannter Empfänger\n",
			dsn.Report{ReportingMTA: dsn.MTA{Type: "dns", Name: "mx"}, Recipients: []dsn.Recipient{{Original: dsn.Address{Type: "utf-8", Address: "波一@example.net"}, Final: dsn.Address{Type: "utf-8", Address: "jörg+tag@bücher.example"},
				Action: dsn.Failed, Status: code(5, 0, 0), Localized: []dsn.Localized{{Language: "de", Text: "unbekannter Empfänger"}}}}}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := dsn.ParseReport(strings.NewReader(tc.text))
			require.NoError(t, err)
			requireReport(t, &tc.want, got)
		})
	}
	for _, none := range []string{"", "\r\n\r\n", "Reporting-MTA: dns; x\n", "nonsense", "\x00\xff: \n"} {
		_, err := dsn.ParseReport(strings.NewReader(none))
		require.ErrorIs(t, err, dsn.ErrNoReport, none)
	}
	_, err := dsn.ParseReport(strings.NewReader(strings.Repeat("x", 5<<20)))
	require.ErrorIs(t, err, dsn.ErrTooLarge)
	_, err = dsn.ParseReport(iotest.ErrReader(os.ErrPermission))
	require.ErrorIs(t, err, os.ErrPermission)
	_, err = dsn.Parse(strings.NewReader("Subject: hello\n\nhello\n"), nil)
	require.ErrorIs(t, err, dsn.ErrNoReport)
}

func TestDiagnosticReply(t *testing.T) {
	r, ok := dsn.Diagnostic{Type: "SMTP", Text: " 550 5.1.1 no such user"}.Reply()
	require.True(t, ok)
	require.Equal(t, smtp.Reply{Code: 550, Enhanced: code(5, 1, 1), Text: "no such user"}, r)
	r, ok = dsn.Diagnostic{Type: "smtp", Text: "451"}.Reply()
	require.True(t, ok)
	require.Equal(t, smtp.Reply{Code: 451}, r)
	for _, d := range []dsn.Diagnostic{{"x-unix", "550 x"}, {"smtp", ""}, {"smtp", "5500"}, {"smtp", "abc d"}, {"smtp", "199 x"}, {"smtp", "+50 x"}} {
		_, ok := d.Reply()
		require.False(t, ok, d)
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add([]byte("Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822;b@c\nAction: failed\nStatus: 5.0.0 (x)\n"))
	f.Add([]byte("Final-Recipient: utf-8;\\x{6CE2}\\x{0}\\x{110000}@x\nAction: delayed\nStatus: 4.999.1 ((\n\nAction: x\nX: y\n z\nDiagnostic-Code: ;;\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := dsn.ParseReport(bytes.NewReader(b))
		if err != nil {
			return
		}
		text, err := r.Append(nil, true)
		if err != nil {
			return // something is missing
		}
		// What can be written comes back as it was.
		again, err := dsn.ParseReport(bytes.NewReader(text))
		require.NoError(t, err, "%q", text)
		text2, err := again.Append(nil, true)
		require.NoError(t, err)
		require.Equal(t, string(text), string(text2))
		require.Len(t, again.Recipients, len(r.Recipients))
		ascii, err := r.Append(nil, false)
		require.NoError(t, err)
		for _, c := range ascii {
			require.Less(t, c, byte(0x7f))
		}
		for line := range strings.SplitSeq(string(ascii), "\r\n") {
			require.LessOrEqual(t, len(line), 998)
			require.NotContains(t, line, "\n")
		}
	})
}
