package smtp

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What real servers write.
func TestParseReceived(t *testing.T) {
	ip := netip.MustParseAddr
	zone := func(h int) *time.Location { return time.FixedZone("", h*3600) }
	bob := Address{Local: "bob", Domain: "example.org"}
	type want struct {
		Received
		version, suite uint16
	}
	for _, tc := range []struct {
		name, in string
		want     want
	}{
		{"Postfix", "Received: from mail.example.com (mail.example.com [192.0.2.1])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\t key-exchange X25519 server-signature RSA-PSS (2048 bits))\r\n\t(No client certificate requested)\r\n\tby mx.example.org (Postfix) with ESMTPS id 4TxYzK1abc\r\n\tfor <bob@example.org>; Tue,  2 Jan 2024 10:11:12 +0100 (CET)",
			want{Received{Hello: "mail.example.com", Name: "mail.example.com", Addr: ip("192.0.2.1"), By: "mx.example.org", With: "ESMTPS", ID: "4TxYzK1abc", For: bob, Time: time.Date(2024, 1, 2, 10, 11, 12, 0, zone(1))}, tls.VersionTLS13, tls.TLS_AES_256_GCM_SHA384}},
		{"Postfix, local", "by mx.example.org (Postfix, from userid 1000)\n\tid 12345; Tue, 2 Jan 2024 10:11:12 +0000",
			want{Received: Received{By: "mx.example.org", ID: "12345", Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}}},
		{"Postfix, unknown", "from localhost (unknown [IPv6:2001:db8::1]) by mx.example.org (Postfix) with SMTP id 1; Tue, 2 Jan 2024 10:11:12 -0800",
			want{Received: Received{Hello: "localhost", Addr: ip("2001:db8::1"), By: "mx.example.org", With: "SMTP", ID: "1", Time: time.Date(2024, 1, 2, 10, 11, 12, 0, zone(-8))}}},
		{"Exim", "from mail.example.com ([192.0.2.1]:43210 helo=relay.example.com)\n\tby mx.example.org with esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n\t(Exim 4.96)\n\t(envelope-from <a@example.com>)\n\tid 1rKabc-0001Ab-2C\n\tfor bob@example.org;\n\tTue, 02 Jan 2024 10:11:12 +0000",
			want{Received{Hello: "relay.example.com", Name: "mail.example.com", Addr: ip("192.0.2.1"), By: "mx.example.org", With: "esmtps", ID: "1rKabc-0001Ab-2C", For: bob, Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}, tls.VersionTLS13, tls.TLS_AES_256_GCM_SHA384}},
		{"Exim, no name", "from [192.0.2.1] (port=1234 helo=[10.0.0.1]) by mx.example.org with esmtp (Exim 4.96) id 1; Tue, 02 Jan 2024 10:11:12 +0000",
			want{Received: Received{Hello: "[10.0.0.1]", Addr: ip("192.0.2.1"), By: "mx.example.org", With: "esmtp", ID: "1", Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}}},
		{"Sendmail", "from relay.example.com (mail.example.com [192.0.2.1] (may be forged))\n\t(authenticated bits=0)\n\tby mx.example.org (8.15.2/8.15.2) with ESMTPSA id 402ABC012345\n\t(version=TLSv1.2 cipher=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 bits=128 verify=NO)\n\tfor <bob@example.org>; Tue, 2 Jan 2024 10:11:12 -0500 (EST)",
			want{Received{Hello: "relay.example.com", Name: "mail.example.com", Addr: ip("192.0.2.1"), By: "mx.example.org", With: "ESMTPSA", ID: "402ABC012345", For: bob, Time: time.Date(2024, 1, 2, 10, 11, 12, 0, zone(-5))}, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}},
		{"Exchange", "from AM0PR01.eurprd01.prod.outlook.com (2603:10a6:208:e6::17)\n by DB3PR01.eurprd01.prod.outlook.com (2603:10a6:8:35::10) with Microsoft SMTP\n Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\n 15.20.7159.9; Tue, 2 Jan 2024 10:11:12 +0000",
			want{Received{Hello: "AM0PR01.eurprd01.prod.outlook.com", Addr: ip("2603:10a6:208:e6::17"), By: "DB3PR01.eurprd01.prod.outlook.com", With: "Microsoft", ID: "15.20.7159.9", Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}, tls.VersionTLS12, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}},
		{"Gmail", "from mail-sor-f41.google.com (mail-sor-f41.google.com. [209.85.220.41])\r\n        by mx.google.com with SMTPS id a1sor2.3.2024.01.02.10.11.12\r\n        for <bob@example.org>\r\n        (Google Transport Security);\r\n        Tue, 02 Jan 2024 02:11:12 -0800 (PST)",
			want{Received: Received{Hello: "mail-sor-f41.google.com", Name: "mail-sor-f41.google.com", Addr: ip("209.85.220.41"), By: "mx.google.com", With: "SMTPS", ID: "a1sor2.3.2024.01.02.10.11.12", For: bob, Time: time.Date(2024, 1, 2, 2, 11, 12, 0, zone(-8))}}},
		{"Gmail, inside", "by 2002:a05:6a10:1234:b0:1:2:3 with SMTP id x1csp1234; Tue, 2 Jan 2024 02:11:12 -0800 (PST)",
			want{Received: Received{By: "2002:a05:6a10:1234:b0:1:2:3", With: "SMTP", ID: "x1csp1234", Time: time.Date(2024, 1, 2, 2, 11, 12, 0, zone(-8))}}},
		{"qmail", "from mail.example.com (HELO relay.example.com) (192.0.2.1)\n  by mx.example.org with SMTP; 2 Jan 2024 10:11:12 -0000",
			want{Received: Received{Hello: "relay.example.com", Name: "mail.example.com", Addr: ip("192.0.2.1"), By: "mx.example.org", With: "SMTP", Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}}},
		{"qmail, an address that the client claims", "from unknown (HELO 198.51.100.7) (192.0.2.1)\n  by mx.example.org with SMTP; 2 Jan 2024 10:11:12 -0000",
			want{Received: Received{Hello: "198.51.100.7", Addr: ip("192.0.2.1"), By: "mx.example.org", With: "SMTP", Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}}},
		{"a name behind unknown", "from unknown (mail.example.com [192.0.2.1]) (helo x) by mx.example.org; 2 Jan 2024 10:11:12 -0000",
			want{Received: Received{Hello: "x", Name: "mail.example.com", Addr: ip("192.0.2.1"), By: "mx.example.org", Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}}},
		{"qmail, inside", "(qmail 12345 invoked by uid 89); 2 Jan 2024 10:11:12 -0000",
			want{Received: Received{Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}}},
		{"quoted", `from x by y for <"john doe; (jr)"@example.org>; Tue, 2 Jan 2024 10:11:12 +0000`,
			want{Received: Received{Hello: "x", By: "y", For: Address{Local: "john doe; (jr)", Domain: "example.org"}, Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}}},
		{"not closed", "from x (y [192.0.2.1] by z; Tue, 2 Jan 2024 10:11:12 +0000",
			want{Received: Received{Hello: "x", Name: "y", Addr: ip("192.0.2.1"), Time: time.Date(2024, 1, 2, 10, 11, 12, 0, time.UTC)}}},
		{"no date", "from x by y; yesterday", want{Received: Received{Hello: "x", By: "y"}}},
		{"nothing", "\r\n", want{}},
	} {
		got, ok := ParseReceived(tc.in)
		require.Equal(t, tc.want.Received != Received{}, ok, tc.name)
		require.True(t, tc.want.Time.Equal(got.Time), "%s: %s", tc.name, got.Time)
		if tc.want.version == 0 {
			require.Nil(t, got.TLS, tc.name)
		} else {
			require.NotNil(t, got.TLS, tc.name)
			require.Equal(t, tc.want.version, got.TLS.Version, tc.name)
			require.Equal(t, tc.want.suite, got.TLS.CipherSuite, tc.name)
		}
		got.Time, got.TLS, tc.want.Time = time.Time{}, nil, time.Time{}
		require.Equal(t, tc.want.Received, got, tc.name)
	}
}

// What Append writes is read as it was.
func TestReceivedRoundTrip(t *testing.T) {
	now := time.Date(2024, 1, 2, 10, 11, 12, 0, time.FixedZone("", 5400))
	for _, r := range []Received{
		{By: "mx.example.org", Time: now},
		{Hello: "client.example", Addr: netip.MustParseAddr("192.0.2.1"), Name: "host.example", By: "mx.example.org", With: "ESMTPSA", ID: "x-1", For: Address{Local: "john doe", Domain: "example.org"}, Time: now},
		{Hello: "[IPv6:2001:db8::1]", Addr: netip.MustParseAddr("2001:db8::1"), By: "mx.example.org", With: "UTF8SMTP", For: Address{Local: "j\u00f6rg", Domain: "m\u00fcller.example"}, Time: now, TLS: &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}},
		{Hello: "by", By: "with", With: "id", ID: "for", Time: now},
	} {
		got, ok := ParseReceived(string(r.Append(nil)))
		require.True(t, ok)
		require.True(t, r.Time.Equal(got.Time))
		got.Time = r.Time
		require.Equal(t, r, got)
	}
}

func TestParseReturnPath(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Address
		ok   bool
	}{
		{"Return-Path: <a@example.org>\r\n", Address{Local: "a", Domain: "example.org"}, true},
		{"return-path : <>", Address{}, true},
		{"<>", Address{}, true},
		{"", Address{}, true},
		{"a@example.org", Address{Local: "a", Domain: "example.org"}, true},
		{"<@x.example,@y.example:a@example.org>", Address{Local: "a", Domain: "example.org"}, true},
		{"\r\n\t<a@example.org> (x)", Address{Local: "a", Domain: "example.org"}, true},
		{`<"a b"@[192.0.2.1]>`, Address{Local: "a b", Domain: "[192.0.2.1]"}, true},
		{"<a@example.org", Address{}, false},
		{"<a@example.org> <b@example.org>", Address{}, false},
		{"nonsense", Address{}, false},
	} {
		got, err := ParseReturnPath(tc.in)
		require.Equal(t, tc.ok, err == nil, "%q: %v", tc.in, err)
		require.Equal(t, tc.want, got, tc.in)
		if tc.ok {
			back, err := ParseReturnPath(string(AppendReturnPath(nil, got)))
			require.NoError(t, err)
			require.Equal(t, got, back)
		}
	}
}

// FuzzTrace reads anything, and what it has read is written and read the same.
func FuzzTrace(f *testing.F) {
	f.Add("from a (b [192.0.2.1]) by c (TLS1.3 TLS_AES_128_GCM_SHA256) with ESMTPS id d for <e@f.example>; Tue, 2 Jan 2024 10:11:12 +0000")
	f.Add("from [::1] (HELO x) (ident@::1) by \"(\" for <\";\"@b>,<c@d>;;x; Jan")
	f.Add("from [::1] (H(idex) ELO nt@::")
	f.Add("Return-Path: <a@b>")
	f.Add("Solicitation: org.example:ADV,\r\n\tx y")
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := ParseReceived(s); ok {
			once := string(r.Append(nil))
			again, ok := ParseReceived(once)
			require.True(t, ok)
			require.Equal(t, once, string(again.Append(nil)))
		}
		if a, err := ParseReturnPath(s); err == nil {
			_, err := ParseReturnPath(string(AppendReturnPath(nil, a)))
			require.NoError(t, err)
		}
		if words := ParseSolicitation(s); len(words) > 0 {
			if b, err := AppendSolicitation(nil, words); err == nil {
				require.Equal(t, words, ParseSolicitation(string(b)))
			}
		}
	})
}

func TestSolicitation(t *testing.T) {
	words := []string{"net.example:ADV", "org.example:ADV:ADLT"}
	b, err := AppendSolicitation(nil, words)
	require.NoError(t, err)
	require.Equal(t, "Solicitation: net.example:ADV,\r\n\torg.example:ADV:ADLT\r\n", string(b))
	require.Equal(t, words, ParseSolicitation(string(b)))
	require.Equal(t, []string{"a", "b"}, ParseSolicitation("a , b,,(c)"))
	long := strings.Repeat("a", 498)
	require.Equal(t, []string{long, long, "b"}, ParseSolicitation(long+",\r\n\t"+long+",\r\n\tb,c"))
	for _, bad := range [][]string{nil, {""}, {"a\r\nb"}, {"a,b"}, {string(make([]byte, 10))}} {
		_, err := AppendSolicitation(nil, bad)
		require.Error(t, err)
	}
	f := ParseFeatures("x\nNO-SOLICITING net.example:ADV,org.example:ADV:SEX")
	require.Equal(t, []string{"net.example:ADV", "org.example:ADV:SEX"}, f.NoSoliciting())
	require.ErrorIs(t, Soliciting(f.NoSoliciting(), []string{"x", "NET.example:adv"}), &Error{Code: 550, Enhanced: EnhancedCode{5, 7, 1}})
	require.NoError(t, Soliciting(f.NoSoliciting(), words[1:]))
	require.NoError(t, Soliciting(nil, words))
}

// The certifier is the digest of the secret (RFC 3885 §4).
func TestNewTrack(t *testing.T) {
	line, err := AppendMail(nil, Address{}, &MailOptions{Track: NewTrack([]byte("abc"))}, ExtensionsOf(ExtMTRK))
	require.NoError(t, err)
	require.Equal(t, "MAIL FROM:<> MTRK=qZk+NkcGgWq6PiVxeFDCbJzQ2J0\r\n", string(line))
}

// What is repeated as often as a header may be long costs no more for it: a field is
// read no further than any real one goes.
func TestTraceBounded(t *testing.T) {
	for _, pattern := range []string{";", "(", "()", "(;", `"\" `, `"`, "from ", "for <a@b> ", "with TLS", "\\", "[", ";1 Jan 2026 "} {
		long := strings.Repeat(pattern, 4<<20/len(pattern))
		ParseReceived(long)
		ParseReturnPath(long)
	}
	r, ok := ParseReceived("from a.example by b.example; Wed, 25 Nov 2026 01:00:00 +0000 " + strings.Repeat("(x)", 4<<20))
	require.True(t, ok)
	require.Equal(t, "a.example", r.Hello)
}
