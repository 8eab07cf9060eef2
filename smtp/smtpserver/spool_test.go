package smtpserver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// The message has one Return-Path, the reverse-path of MAIL; all else of it is as
// it was sent (RFC 5321 §4.4).
func TestReturnPath(t *testing.T) {
	st, d := store(t, nil, "alice", "bob")
	d.TempDir = t.TempDir()
	k := talk(t, start(t, &smtpserver.Server{Backend: d}))
	k.do("EHLO c", "250")
	long := strings.Repeat(strings.Repeat("y", 70)+"\r\n", 2000) // goes through a file
	huge := strings.Repeat("X-Long: "+strings.Repeat("z", 900)+"\r\n", 1500)
	for _, tt := range []struct{ name, message, want string }{
		{"none", "Subject: x\r\n\r\nx\r\n", "Subject: x\r\n\r\nx\r\n"},
		{"at the top", "Return-Path: <forged@x.example>\r\nSubject: x\r\n\r\nx\r\n", "Subject: x\r\n\r\nx\r\n"},
		{"several", "RETURN-PATH: <a@b>\r\nreturn-path:\r\n\t<a@b>\r\n (folded)\r\nSubject: x\r\n\tfolded\r\nReturn-Path :<c@d>\r\nReturn-Path-X: kept\r\nTo: y\r\nReturn-Path: <>\r\n\r\nReturn-Path: <body>\r\n",
			"Subject: x\r\n\tfolded\r\nReturn-Path-X: kept\r\nTo: y\r\n\r\nReturn-Path: <body>\r\n"},
		{"DKIM", "Return-Path: <a@b>\r\nDKIM-Signature: v=1;  h=from:return-path\r\n\t ; b=x\r\nFrom:  a@b  \r\n\r\nx\r\n",
			"DKIM-Signature: v=1;  h=from:return-path\r\n\t ; b=x\r\nFrom:  a@b  \r\n\r\nx\r\n"},
		{"nothing else", "Return-Path: <a@b>\r\n", ""},
		{"no body", "Return-Path: <a@b>\r\nSubject: x\r\n", "Subject: x\r\n"},
		{"no header", "\r\nReturn-Path: <a@b>\r\n", "\r\nReturn-Path: <a@b>\r\n"},
		{"no fields", "text\r\nReturn-Path: <a@b>\r\n\r\nx\r\n", "text\r\n\r\nx\r\n"},
		{"long", "Subject: x\r\nReturn-Path: <a@b>\r\nTo: y\r\n\r\n" + long, "Subject: x\r\nTo: y\r\n\r\n" + long},
		{"long header", huge[:200*910] + "Return-Path: <a@b>\r\n" + huge[:200*910] + "\r\nx\r\n", huge[:400*910] + "\r\nx\r\n"},
		{"cut header", "Return-Path: <a@b>\r\n" + huge + "\r\nx\r\n", huge + "\r\nx\r\n"},
		{"cut within", huge[:1152*910] + "Return-Path: <" + strings.Repeat("a", 600) + ">\r\n\r\nx\r\n", huge[:1152*910] + "Return-Path: <" + strings.Repeat("a", 600) + ">\r\n\r\nx\r\n"},
	} {
		k.send("sender@remote.example", []string{"alice@example.org", "bob@example.org"}, tt.message, "250")
		for _, name := range []string{"alice", "bob"} {
			got := stored(t, st, name)
			m := got[len(got)-1]
			m, ok := strings.CutPrefix(m, "Return-Path: <sender@remote.example>\r\nReceived: ")
			require.True(t, ok, tt.name)
			i := strings.Index(m, ";\r\n\t")
			m = m[i+4:]
			_, m, _ = strings.Cut(m, "\r\n")
			if m != tt.want {
				t.Fatalf("%s: got %d octets, want %d: %.300q", tt.name, len(m), len(tt.want), m)
			}
		}
	}
}
