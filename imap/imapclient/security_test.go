package imapclient_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// No password or token is in a trace, a log or an error.
func TestNoSecretIsTold(t *testing.T) {
	const secret = "hunter2 Pässwört"
	token := func(context.Context) (string, error) { return "hunter2token", nil }
	const refused = "S: ${t} NO [AUTHENTICATIONFAILED] no\nDROP"
	for name, x := range map[string]struct {
		script string
		cr     sasl.Credentials
	}{
		"LOGIN": {"S: * OK [CAPABILITY IMAP4rev1] hi\nC: {{t:}} LOGIN tim {18}\nS: + go on\nC: " + secret + "\n" + refused, sasl.Credentials{Username: "tim", Password: secret}},
		"LOGIN quoted": {"S: * OK [CAPABILITY IMAP4rev1] hi\nC: {{t:}} LOGIN tim \"hunter2 \\\"\"\n" + refused,
			sasl.Credentials{Username: "tim", Password: `hunter2 "`}},
		"LOGIN that is cut off": {"S: * OK [CAPABILITY IMAP4rev1] hi\nC: {{t:}} LOGIN tim {18}\nS: ${t} NO no literals\nDROP", sasl.Credentials{Username: "tim", Password: secret}},
		"LOGIN with NUL":        {"S: * OK [CAPABILITY IMAP4rev1] hi\nDROP", sasl.Credentials{Username: "tim", Password: "hunter2\x00"}},
		"PLAIN":                 {"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\nC: {{t:}} AUTHENTICATE PLAIN {{.*}}\n" + refused, sasl.Credentials{Username: "tim", Password: secret}},
		"PLAIN without IR":      {"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC: {{t:}} AUTHENTICATE PLAIN\nS: +\nC: {{.*}}\n" + refused, sasl.Credentials{Username: "tim", Password: secret}},
		"the SASL LOGIN":        {"S: * OK [CAPABILITY IMAP4rev1 AUTH=LOGIN] hi\nC: {{t:}} AUTHENTICATE LOGIN\nS: + ${b64 \"User Name\"}\nC: {{.*}}\nS: + ${b64 \"Password\"}\nC: {{.*}}\n" + refused, sasl.Credentials{Username: "tim", Password: secret}},
		"XOAUTH2":               {"S: * OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] hi\nC: {{t:}} AUTHENTICATE XOAUTH2 {{.*}}\nS: + ${b64 \"{}\"}\nC:\n" + refused, sasl.Credentials{Username: "tim", Token: token}},
		"OAUTHBEARER":           {"S: * OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER SASL-IR] hi\nC: {{t:}} AUTHENTICATE OAUTHBEARER {{.*}}\nS: + ${b64 \"{}\"}\nC: AQ==\n" + refused, sasl.Credentials{Username: "tim", Token: token}},
		"garbage in the answer": {"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\nC: {{t:}} AUTHENTICATE PLAIN {{x:.*}}\nS: * WHAT ${x}\nS: ${t} WHAT ${x}\nDROP", sasl.Credentials{Username: "tim", Password: secret}},
		"the end in the middle": {"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\nC: {{t:}} AUTHENTICATE PLAIN\nS: +\nC: {{.*}}\nCLOSE", sasl.Credentials{Username: "tim", Password: secret}},
		"a password that works": {"S: * OK [CAPABILITY IMAP4rev1] hi\nC: {{t:}} LOGIN tim {{.*}}\nS: ${t} OK [CAPABILITY IMAP4rev1] hi\nDROP", sasl.Credentials{Username: "tim", Password: "hunter2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var told bytes.Buffer
			srv := transcript.Serve(t, x.script, nil)
			o := &imapclient.Options{
				Credentials: &x.cr, AllowInsecureAuth: true, Logger: slog.New(slog.NewTextHandler(lockedWriter{&mu, &told}, nil)),
				Trace: func(e textproto.Event) {
					mu.Lock()
					defer mu.Unlock()
					fmt.Fprintf(&told, "%s\n", e.Line)
				},
				OnCommand: func(s imapclient.CommandStats) {
					mu.Lock()
					defer mu.Unlock()
					fmt.Fprintf(&told, "%+v\n", s)
				},
			}
			c, err := imapclient.NewClient(t.Context(), srv.Dial(), o)
			if err == nil {
				c.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&told, "%v %+v\n", err, err)
			require.Contains(t, told.String(), "CAPABILITY")
			for _, s := range []string{"hunter2", "Pässw"} {
				require.NotContains(t, told.String(), s)
			}
			for i := range 3 { // wherever it stands in what is encoded
				enc := base64.StdEncoding.EncodeToString([]byte("hunter2 "[i:]))
				require.NotContains(t, told.String(), enc[:6])
			}
		})
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Without TLS no secret is sent, whatever the server offers or lacks.
func TestNoSecretInTheClear(t *testing.T) {
	for _, caps := range []string{
		"AUTH=PLAIN", "AUTH=LOGIN", "AUTH=PLAIN AUTH=LOGIN SASL-IR", "", "LOGINDISABLED", "AUTH=XOAUTH2 AUTH=OAUTHBEARER SASL-IR", "AUTH=PLAIN LITERAL+ STARTTLS",
	} {
		t.Run(caps, func(t *testing.T) {
			srv := transcript.Serve(t, "S: * OK [CAPABILITY IMAP4rev1 "+caps+"] hi\nDROP", nil)
			_, err := imapclient.NewClient(t.Context(), srv.Dial(), &imapclient.Options{Credentials: &sasl.Credentials{
				Username: "tim", Password: "secret", Token: func(context.Context) (string, error) { return "token", nil },
			}})
			require.Error(t, err)
			if caps != "" && caps != "LOGINDISABLED" {
				require.ErrorIs(t, err, sasl.ErrEncryptionNeeded)
			}
		})
	}
	// The command LOGIN is one of the mechanisms that can be forbidden, by either side.
	for _, x := range []struct {
		caps  string
		mechs []string
	}{{"LOGINDISABLED", nil}, {"", []string{"PLAIN"}}, {"", []string{}}} {
		srv := transcript.Serve(t, "S: * OK [CAPABILITY IMAP4rev1 "+x.caps+"] hi\nDROP", nil)
		o := password()
		o.Mechanisms = x.mechs
		_, err := imapclient.NewClient(t.Context(), srv.Dial(), o)
		require.ErrorIs(t, err, sasl.ErrUnsupported)
	}
}

// What is said before TLS, by whomever, has no effect after it.
func TestBeforeTLSIsForgotten(t *testing.T) {
	srv := transcript.Serve(t, `
S: * OK [CAPABILITY IMAP4rev1 STARTTLS LITERAL+ AUTH=PLAIN] hi
S: * OK [ALERT] Please send your password to mallory@example.org
S: * ENABLED UTF8=ACCEPT IMAP4rev2
S: * LIST () "/" "&aaaa&"
S: * 7 EXISTS
S: * SURPRISE
C: {{t:}} STARTTLS
S: * CAPABILITY IMAP4rev1 LITERAL+ AUTH=XOAUTH2
S: * OK [ALERT] Please send your password to mallory@example.org
S: ${t} OK [CAPABILITY IMAP4rev1 LITERAL+] go on
STARTTLS
C: {{t:}} CAPABILITY
S: * CAPABILITY IMAP4rev1
S: ${t} OK done
C: {{t:}} LOGIN tim "secret"
S: ${t} OK [CAPABILITY IMAP4rev1] done
C: {{t:}} CREATE "M&APw-ll \"&AOQ-\""
S: ${t} OK done
C: {{t:}} APPEND INBOX {8}
S: + go on
C- "x: y\r\n\r\n\r\n"
S: ${t} OK done
C: {{t:}} NOOP
S: ${t} OK done
`, nil)
	o := password()
	o.TLSConfig, o.AllowInsecureAuth = srv.TLS, false
	c, err := imapclient.NewClientStartTLS(t.Context(), srv.Dial(), o)
	require.NoError(t, err)
	defer c.Close()
	require.Equal(t, 1, c.Capabilities().Len())
	require.Zero(t, c.Enabled().Len())
	require.Empty(t, c.Events())
	require.NoError(t, c.Create(t.Context(), "Müll \"ä\""))
	_, err = c.Append(t.Context(), "INBOX", short8())
	require.NoError(t, err)
	usable(t, c)
}

func short8() mailbox.Incoming {
	return mailbox.Incoming{Body: strings.NewReader("x: y\r\n\r\n"), Size: 8}
}

// Capabilities from before the login are not believed after it: LITERAL+ least of all,
// since a server that lacks it takes the literal for commands (R49).
func TestBeforeLoginIsForgotten(t *testing.T) {
	srv := transcript.Serve(t, `
S: * OK [CAPABILITY IMAP4rev1 LITERAL+ UIDPLUS IDLE] hi
C: {{t:}} LOGIN tim "secret"
S: ${t} OK done
C: {{t:}} CAPABILITY
S: * CAPABILITY IMAP4rev1
S: ${t} OK done
C: {{t:}} APPEND INBOX {8}
S: ${t} NO too long
C: {{t:}} NOOP
S: ${t} OK done
`, nil)
	c := connect(t, srv, password())
	_, err := c.Append(t.Context(), "INBOX", short8())
	require.ErrorIs(t, err, &imap.Error{Status: imap.NO})
	usable(t, c)
}

// No value can become a command: the server gets just those that were meant, or
// nothing.
func TestNoInjection(t *testing.T) {
	const bad = "x\r\nP1 DELETE INBOX\r\n"
	ctx := t.Context()
	for _, caps := range []string{"", " LITERAL+", " ID X-GM-EXT-1 ENABLE QUOTA UIDPLUS LITERAL-"} {
		for _, evil := range []string{bad, "x\nP1 DELETE INBOX\n", "\r", "\x00", "a\x00b", `"` + bad, `\` + bad, "{3}" + bad, "{3+}" + bad, "é" + bad, "x) DELETED", `x" DELETED "`, "%*", "", "NIL", "(x", "~{3}"} {
			m := newModel(caps)
			m.fill("INBOX", 3)
			var got []string
			m.send = func(_ int, j *job, w io.Writer) {
				got = append(got, j.cmd.Name())
				io.WriteString(w, j.answer)
			}
			c, err := imapclient.NewClient(ctx, m.dial(), &imapclient.Options{ID: imap.IDFields{}})
			require.NoError(t, err)
			box, err := c.Select(ctx, "INBOX", nil)
			require.NoError(t, err)
			for name, call := range map[string]func() error{
				"CREATE":      func() error { return c.Create(ctx, evil) },
				"DELETE":      func() error { return c.Delete(ctx, evil) },
				"RENAME":      func() error { return c.Rename(ctx, evil, evil) },
				"SUBSCRIBE":   func() error { return c.Subscribe(ctx, evil) },
				"UNSUBSCRIBE": func() error { return c.Unsubscribe(ctx, evil) },
				"STATUS":      func() error { return use(c.Status(ctx, evil, imap.StatusMessages)) },
				"LIST": func() error {
					return use(c.List(ctx, &imapclient.ListOptions{Reference: evil, Patterns: []string{evil}}))
				},
				"LSUB": func() error {
					return use(c.List(ctx, &imapclient.ListOptions{Subscribed: true, Reference: evil, Patterns: []string{evil}}))
				},
				"COPY":         func() error { return use(box.Copy(ctx, imapclient.UIDs(1), evil)) },
				"APPEND":       func() error { return use(c.Append(ctx, evil, short8())) },
				"SEARCH":       func() error { return use(box.Search(ctx, search.Subject(evil), nil)) },
				"SEARCH field": func() error { return use(box.Search(ctx, search.Header{Field: evil, Value: "x"}, nil)) },
				"SEARCH flag":  func() error { return use(box.Search(ctx, search.Keyword(mailbox.Flag(evil)), nil)) },
				"STORE":        func() error { return box.AddFlags(ctx, imapclient.UIDs(1), mailbox.Flag(evil)) },
				"FETCH fields": func() error { return drain(ctx, box, imapclient.UIDs(1), imapclient.Header(evil)) },
				"FETCH raw": func() error {
					return drain(ctx, box, imapclient.UIDs(1), imapclient.RawItem(evil, imap.String(evil), imap.Atom(evil)))
				},
				"ID":           func() error { return use(c.ID(ctx, imap.IDFields{{Name: evil, Value: evil}})) },
				"SEARCH Gmail": func() error { return use(box.Search(ctx, imapclient.GmailSearch(evil), nil)) },
				"STORE labels": func() error { return box.AddLabels(ctx, imapclient.UIDs(1), evil) },
				"GETQUOTAROOT": func() error { return use(c.Quota(ctx, evil)) },
				"ENABLE":       func() error { return c.Enable(ctx, imap.Cap(evil)) },
			} {
				got = nil
				err := call()
				require.NoError(t, c.Err(), "%s %q", name, evil)
				require.NoError(t, c.Noop(ctx), "%s %q", name, evil)
				want, _, _ := strings.Cut(name, " ")
				for _, cmd := range got[:len(got)-1] {
					if want == "LSUB" && cmd == "LIST" { // for the attributes
						continue
					}
					require.Equal(t, want, cmd, "%s %q", name, evil)
				}
				require.Equal(t, "NOOP", got[len(got)-1])
				if strings.ContainsAny(evil, "\x00") && len(got) > 1 && want == "SEARCH" {
					require.Error(t, err, "%s %q", name, evil)
				}
			}
			require.NoError(t, c.Close())
			m.mu.Lock()
			require.NotNil(t, m.boxes["INBOX"])
			m.mu.Unlock()
		}
	}
}

// A flag that can't be written is an error: the command would change nothing.
func TestInvalidFlag(t *testing.T) {
	srv := transcript.Serve(t, "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\nC: {{t:}} SELECT INBOX\nS: * 1 EXISTS\nS: ${t} OK done\nC: {{t:}} NOOP\nS: ${t} OK done", nil)
	c, m := inbox(t, srv)
	for _, f := range []mailbox.Flag{"a b", "a)", `\`, "é", "a\r\nb"} {
		err := m.AddFlags(t.Context(), imapclient.UIDs(1), mailbox.FlagSeen, f)
		var e *imapclient.CommandError
		require.ErrorAs(t, err, &e, "%q", f)
	}
	usable(t, c)
}
