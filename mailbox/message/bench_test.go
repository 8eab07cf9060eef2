package message

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// typical is a message of about 10 KB: alternatives and a small attachment.
func typical() []byte {
	var b bytes.Buffer
	b.WriteString(crlf(`Return-Path: <bounces@lists.example.org>
Received: from mail.example.org (mail.example.org [192.0.2.25])
	by mx.example.com (Posthorn) with ESMTPS id 9f3k2l
	for <alice@example.com>; Sat, 21 Nov 2026 09:59:58 +0000
Received: from localhost (localhost [127.0.0.1])
	by mail.example.org with ESMTP id 4711; Sat, 21 Nov 2026 09:59:57 +0000
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=mail;
	h=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
	b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB4nujc7YopdG5dWLSdNg6x
From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.org>
To: Alice <alice@example.com>, "Smith, Bob" <bob@example.com>
Cc: team@example.com
Subject: =?utf-8?Q?Unterlagen_f=C3=BCr_die_Sitzung?= am Montag
Date: Sat, 21 Nov 2026 10:59:57 +0100
Message-ID: <20261121095957.GA4711@example.org>
References: <1@example.com> <2@example.org>
In-Reply-To: <2@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="----=_Part_1_2026"

------=_Part_1_2026
Content-Type: multipart/alternative; boundary="----=_Part_2_2026"

------=_Part_2_2026
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

`))
	for i := range 20 {
		fmt.Fprintf(&b, "Zeile %d mit etwas Text, der f=C3=BCr sich spricht und =\r\nlang genug ist.\r\n", i)
	}
	b.WriteString(crlf("\n------=_Part_2_2026\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"))
	for i := range 30 {
		fmt.Fprintf(&b, "<p class=3D\"x\">Absatz %d mit etwas Text, der f=C3=BCr sich spricht.</p>\r\n", i)
	}
	b.WriteString(crlf("\n------=_Part_2_2026--\n\n------=_Part_1_2026\nContent-Type: application/pdf; name=\"a.pdf\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"a.pdf\"\n\n"))
	b.WriteString(base64Lines(3500))
	b.WriteString("\r\n------=_Part_1_2026--\r\n")
	return b.Bytes()
}

// base64Lines encodes n octets in lines of 76.
func base64Lines(n int) string {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(i * 7)
	}
	s := base64.StdEncoding.EncodeToString(raw)
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76])
		b.WriteString("\r\n")
		s = s[76:]
	}
	return b.String() + s + "\r\n"
}

func BenchmarkParseTypical(b *testing.B) {
	msg := typical()
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		p := NewParser(nil)
		_, _ = p.Write(msg)
		p.Finish()
	}
}

func BenchmarkParseBody(b *testing.B) {
	big := base64Lines(8 << 20)
	for _, c := range []struct{ name, msg string }{
		{"single", "Subject: x\r\n\r\n" + big},
		{"attachment", "Content-Type: multipart/mixed; boundary=abc\r\n\r\n--abc\r\n\r\ntext\r\n--abc\r\nContent-Transfer-Encoding: base64\r\n\r\n" + big + "\r\n--abc--\r\n"},
		{"shortlines", "Content-Type: multipart/mixed; boundary=abc\r\n\r\n--abc\r\n\r\n" + strings.Repeat("ab\r\n", 1<<20) + "\r\n--abc--\r\n"},
		{"dashlines", "Content-Type: multipart/mixed; boundary=abc\r\n\r\n--abc\r\n\r\n" + strings.Repeat("--\r\n", 1<<20) + "\r\n--abc--\r\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.msg)))
			b.ReportAllocs()
			r := strings.NewReader(c.msg)
			for b.Loop() {
				r.Reset(c.msg)
				p := NewParser(nil)
				_, _ = p.ReadFrom(r)
				p.Finish()
			}
		})
	}
}

func BenchmarkAppendBinary(b *testing.B) {
	sum, _, _ := Parse(bytes.NewReader(typical()), nil)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = sum.AppendBinary(buf[:0])
	}
	b.ReportMetric(float64(len(buf)), "octets")
}

func BenchmarkUnmarshalBinary(b *testing.B) {
	sum, _, _ := Parse(bytes.NewReader(typical()), nil)
	enc, err := sum.AppendBinary(nil)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		var s Summary
		_ = s.UnmarshalBinary(enc)
	}
}

func BenchmarkTransfer(b *testing.B) {
	qp := strings.Repeat("Eine Zeile mit =C3=BC und noch etwas Text, der sich liest und =\r\nnicht endet.\r\n", 20000)
	for _, c := range []struct{ name, in string }{{"base64", base64Lines(1 << 20)}, {"quoted-printable", qp}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.in)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = io.Copy(io.Discard, NewTransferDecoder(strings.NewReader(c.in), c.name))
			}
		})
	}
}

func BenchmarkDecodeText(b *testing.B) {
	for _, s := range []string{"Plain subject of a message", "=?utf-8?Q?Unterlagen_f=C3=BCr_die_Sitzung?= am Montag"} {
		b.Run(s[:5], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				DecodeText(s)
			}
		})
	}
}
