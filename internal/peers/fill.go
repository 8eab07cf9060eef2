package peers

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// sampleTime is the INTERNALDATE of the first sample. Each is a minute after the
// one before.
var sampleTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// samplePeople take part in the samples.
var samplePeople = []string{
	"Alice Miller <alice@example.org>", "Bob <bob@example.net>", `"Carol, of Sales" <carol@example.com>`,
	"=?UTF-8?Q?J=C3=BCrgen_Gro=C3=9F?= <juergen@example.org>", "=?ISO-8859-1?Q?Ren=E9?= <rene@example.net>", "dave@example.com",
}

// sampleText and samplePage fill the samples to about 4 KB.
var (
	sampleText = strings.Repeat("The quick brown fox jumps over the lazy dog, and then it does so again.\r\n", 22)
	samplePage = strings.Repeat("<p>The quick brown fox jumps over the <b>lazy</b> dog, and does so again.</p>\r\n", 20)
)

// Sample returns the message of a number from 0 up, which has about 4 KB: two
// alternatives, after a header such as other software writes. Every five are a
// thread.
func Sample(i int) string {
	person := func(n int) string { return samplePeople[n%len(samplePeople)] }
	id := func(n int) string { return fmt.Sprintf("<%d.sample@example.org>", n) }
	var b strings.Builder
	b.Grow(5 << 10)
	fmt.Fprintf(&b, "Return-Path: <bounces+%d@example.org>\r\n", i)
	date := sampleTime.Add(time.Duration(i) * time.Minute)
	fmt.Fprintf(&b, "Received: from mx.example.org (mx.example.org [192.0.2.1])\r\n\tby mail.example.net with ESMTPS id %08x\r\n\tfor <bob@example.net>; %s\r\n", i, date.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCc: %s,\r\n %s\r\n", person(i), person(i+1), person(i+2), person(i+3))
	first := i / 5 * 5
	subject := fmt.Sprintf("Sample %d of many", first)
	if i > first {
		subject = "Re: " + subject
		fmt.Fprintf(&b, "In-Reply-To: %s\r\nReferences:", id(i-1))
		for n := first; n < i; n++ {
			b.WriteString(" " + id(n))
		}
		b.WriteString("\r\n")
	}
	fmt.Fprintf(&b, "Subject: %s\r\nDate: %s\r\nMessage-ID: %s\r\nMIME-Version: 1.0\r\n", subject, date.Format(time.RFC1123Z), id(i))
	fmt.Fprintf(&b, "Content-Type: multipart/alternative; boundary=\"=_%d\"\r\n\r\n", i)
	fmt.Fprintf(&b, "--=_%d\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße, number %[1]d\r\n%s\r\n", i, sampleText)
	fmt.Fprintf(&b, "--=_%d\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<h1>Grüße, number %[1]d</h1>\r\n%s\r\n--=_%[1]d--\r\n", i, samplePage)
	return b.String()
}

// SampleFlags returns the flags with which Fill stores a sample: three of four
// are seen, and some are answered or flagged.
func SampleFlags(i int) []string {
	var flags []string
	if i%4 != 3 {
		flags = append(flags, `\Seen`)
	}
	if i%7 == 0 {
		flags = append(flags, `\Answered`)
	}
	if i%50 == 0 {
		flags = append(flags, `\Flagged`)
	}
	return flags
}

// Fill appends the samples from first up to before end to a mailbox, with their
// flags and dates. The server needs LITERAL+ and MULTIAPPEND. 100,000 samples in
// a Maildir of Dovecot take 20 seconds with DovecotOptions.NoSync, of which the
// files alone take half.
func (c *IMAP) Fill(mailbox string, first, end int) {
	c.t.Helper()
	c.fill(mailbox, first, end, 5000) // Dovecot reads the folder for each command
}

// fill is Fill with commands for so many messages.
func (c *IMAP) fill(mailbox string, first, end, batch int) {
	c.t.Helper()
	base, commands := c.tag, (end-first+batch-1)/batch
	c.nc.SetDeadline(time.Now().Add(time.Duration(commands+1) * wait))
	sent := make(chan error, 1)
	go func() { // while responses are read
		for k := range commands {
			i := first + k*batch
			fmt.Fprintf(c.w, "p%d APPEND %s", base+k+1, mailbox)
			for n := i; n < min(i+batch, end); n++ {
				m := Sample(n)
				fmt.Fprintf(c.w, " (%s) \"%s\" {%d+}\r\n", strings.Join(SampleFlags(n), " "), sampleTime.Add(time.Duration(n)*time.Minute).Format("_2-Jan-2006 15:04:05 -0700"), len(m))
				c.w.WriteString(m)
			}
			c.w.WriteString("\r\n")
		}
		sent <- c.w.Flush() // with the first error
	}()
	for range commands {
		c.tag++
		responses := c.answer()
		got := responses[len(responses)-1]
		require.True(c.t, strings.HasPrefix(got, "OK"), "APPEND is answered by %s", got)
	}
	require.NoError(c.t, <-sent)
}
