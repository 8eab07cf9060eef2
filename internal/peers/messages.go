package peers

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A Message is a message with CRLF line ends.
type Message struct{ Name, Text string }

// head is the header of a message. It has all the fields that a submission server
// would add.
func head(name string) string {
	return "From: Alice <alice@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject: " + name +
		"\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <" + name + "@example.org>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
}

// Messages returns messages that are difficult to transport. With large, one of
// 20 MB is among them, except in short mode.
func Messages(large bool) []Message {
	bodies := []Message{
		{"plain", "Hello Bob.\r\n"},
		{"dots", ".\r\n..\r\n.leading dot\r\n...three\r\nend.\r\n.\r\n"},
		{"empty-lines", "\r\n\r\n\r\nafter three empty lines\r\n\r\n"},
		{"eight-bit", "Grüße aus Köln, 漢字\r\n"},
		{"no-utf8", string(every(0x80)) + "\r\n"},
		{"controls", "\x01\x02\t\x0b\x0c\x1b[1m\x7f\r\n"},
		{"long-lines", strings.Repeat("x", 998) + "\r\n" + strings.Repeat("long ", 1500) + "\r\n." + strings.Repeat("y", 4096) + "\r\n"},
		{"blanks", "\ttab\r\n trailing blank \r\n \r\n"},
		{"smuggler", "one\r\n.\r\nMAIL FROM:<mallory@example.com>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n"},
		{"no-body", ""},
	}
	if large && !testing.Short() {
		line := []byte("0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 漢字\r\n")
		bodies = append(bodies, Message{"large", string(bytes.Repeat(line, 20<<20/len(line)))})
	}
	for i := range bodies {
		bodies[i].Text = head(bodies[i].Name) + bodies[i].Text
	}
	return bodies
}

// Named returns Messages whose names begin so.
func Named(prefix string, large bool) []Message {
	messages := Messages(large)
	for i := range messages {
		m := &messages[i]
		m.Text = strings.Replace(m.Text, "Subject: ", "Subject: "+prefix+" ", 1)
		m.Name = prefix + " " + m.Name
	}
	return messages
}

// UTF8 returns a message with UTF-8 in its header.
func UTF8() Message {
	return Message{Name: "Grüße", Text: strings.Replace(Messages(false)[0].Text, "Subject: plain", "Subject: Grüße", 1)}
}

// every returns all octets from first up.
func every(first byte) []byte {
	var out []byte
	for b := int(first); b < 256; b++ {
		out = append(out, byte(b))
	}
	return out
}

// Same compares a message that has passed through servers with the message. They
// may have put fields before it, but nothing else.
func Same(t testing.TB, want Message, got string) {
	t.Helper()
	before, ok := strings.CutSuffix(got, want.Text)
	if !ok {
		i := max(0, strings.Index(got, "From: Alice"))
		at := 0
		for at < len(want.Text) && i+at < len(got) && want.Text[at] == got[i+at] {
			at++
		}
		t.Fatalf("message %q of %d octets is not what was sent, %d octets, from %d on:\n%.200q\nnot\n%.200q",
			want.Name, len(got)-i, len(want.Text), at, got[i+at:], want.Text[at:])
	}
	for line := range strings.Lines(before) {
		name, _, colon := strings.Cut(line, ":")
		require.True(t, colon && !strings.ContainsAny(name, " \r\n") || line[0] == ' ' || line[0] == '\t', "%q was put before the message", line)
	}
}

// Find returns the message with the name of the message among several.
func Find(t testing.TB, want Message, among []string) string {
	t.Helper()
	for _, m := range among {
		if strings.Contains(m, "\nSubject: "+want.Name+"\r\n") {
			return m
		}
	}
	t.Fatalf("message %q is not among the %d that came", want.Name, len(among))
	return ""
}

// SameAll compares those of several messages that have the names of the messages
// with them.
func SameAll(t testing.TB, messages []Message, among []string) {
	t.Helper()
	for _, m := range messages {
		Same(t, m, Find(t, m, among))
	}
}

// Maildir waits until a Maildir has n messages and returns them, with CRLF line
// ends.
func (d *Daemon) Maildir(t testing.TB, dir string, n int) []string {
	t.Helper()
	out := d.Files(t, filepath.Join(dir, "new"), n)
	for i := range out {
		out[i] = strings.ReplaceAll(out[i], "\n", "\r\n")
	}
	return out
}

// Files waits until a folder has n files and returns their contents.
func (d *Daemon) Files(t testing.TB, dir string, n int) []string {
	t.Helper()
	var names []string
	for end := time.Now().Add(wait); ; time.Sleep(20 * time.Millisecond) {
		names, _ = filepath.Glob(filepath.Join(dir, "*"))
		if len(names) >= n {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d messages of %d came to %s", len(names), n, dir)
		}
	}
	require.Len(t, names, n)
	var out []string
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		out = append(out, string(b))
	}
	return out
}
