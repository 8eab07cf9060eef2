package imapclient_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// RFC 5257 §4.2 to §4.5, with UIDs.
func TestAnnotate(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "ANNOTATE-EXPERIMENT-1 UIDPLUS", `
C: {{tag:}} SELECT INBOX (ANNOTATE)
S: * 2 EXISTS
S: * OK [UIDVALIDITY 890061587]
S: * OK [UIDNEXT 34643]
S: * OK [ANNOTATIONS 20480 NOPRIVATE]
S: ${tag} OK [READ-WRITE] Completed
C: {{tag:}} UID FETCH 1123 (UID ANNOTATION (/* (value.priv size.priv)))
S: * 12 FETCH (UID 1200 ANNOTATION (/altsubject))
S: * 12 FETCH (UID 1123 ANNOTATION (/comment (value.priv "My comment" size.priv "10") /altsubject (value.priv "Rhinoceroses!" size.priv "13") /vendor/foobar/label.priv (value.priv NIL size.priv "0")))
S: ${tag} OK Fetch complete
C: {{tag:}} UID STORE 1123 ANNOTATION (/comment (value.priv "My new comment"))
S: ${tag} OK Store complete
C: {{tag:}} UID STORE 1123 ANNOTATION (/comment (value.shared NIL))
S: * 12 FETCH (UID 1123 ANNOTATION (/comment))
S: ${tag} NO [ANNOTATE TOOMANY] Store failed
`, nil)
	m, err := c.Select(ctx, "INBOX", &imapclient.SelectOptions{Annotate: true})
	require.NoError(t, err)
	require.Equal(t, &imap.AnnotationsCode{MaxSize: 20480, NoPrivate: true}, m.Info().Annotations)
	msg, err := m.Message(ctx, 1123, imapclient.Annotation([]string{"/*"}, []string{"value.priv", "size.priv"}))
	require.NoError(t, err)
	require.Len(t, msg.Annotations, 3)
	require.Equal(t, "Rhinoceroses!", string(msg.Annotations[1].Attrs[0].Value))
	require.Nil(t, msg.Annotations[2].Attrs[0].Value)
	require.NoError(t, msg.Close())
	require.Equal(t, &imapclient.AnnotationsChanged{Mailbox: m, UID: 1200, Entries: []string{"/altsubject"}}, c.NextEvent())
	require.NoError(t, m.Annotate(ctx, imapclient.UIDs(1123), imap.Annotation{Entry: "/comment", Attrs: []imap.AnnotationAttr{{Name: "value.priv", Value: []byte("My new comment")}}}))
	err = m.Annotate(ctx, imapclient.UIDs(1123), imap.Annotation{Entry: "/comment", Attrs: []imap.AnnotationAttr{{Name: "value.shared"}}})
	require.Equal(t, imap.AnnotateTooMany, imapclient.CodeArg(err))
	require.Equal(t, &imapclient.AnnotationsChanged{Mailbox: m, UID: 1123, Entries: []string{"/comment"}}, c.NextEvent())
}

// What a cancelled call has asked for is dropped, and the connection can be used.
func TestCancelAdmin(t *testing.T) {
	for name, x := range map[string]struct {
		script string
		call   func(ctx context.Context, c *imapclient.Client) error
	}{
		"list": {`
C: {{tag:}} LIST "" *
S: * LIST () "/" a
S: * LIST () "/" b
S: ${tag} OK done
C: {{t1:}} STATUS a (MESSAGES)
C: {{t2:}} STATUS b (MESSAGES)
S: * OK [ALERT] now
C: {{tag:}} NOOP
S: * STATUS a (MESSAGES 1)
S: ${t1} OK done
S: ${t2} NO done
S: ${tag} OK done
`, func(ctx context.Context, c *imapclient.Client) error {
			_, err := c.List(ctx, &imapclient.ListOptions{Status: []imap.StatusItem{imap.StatusMessages}})
			return err
		}},
		"raw": {`
C: {{tag:}} X
S: * OK [ALERT] now
S: * X 1
S: ${tag} OK done
C: {{tag:}} NOOP
S: ${tag} OK done
`, func(ctx context.Context, c *imapclient.Client) error {
			_, err := c.Raw(ctx, imapclient.RawCommand{Name: "X", Responses: []string{"X"}})
			if err == nil {
				err = context.Canceled // the answer was faster
			}
			return err
		}},
		"acl": {`
C: {{tag:}} GETACL a
S: * OK [ALERT] now
C: {{t1:}} NOOP
S: * ACL a b c
S: ${tag} OK done
S: ${t1} OK done
`, func(ctx context.Context, c *imapclient.Client) error { _, err := c.ACL(ctx, "a"); return err }},
		"urlfetch": {`
C: {{t1:}} URLFETCH "imap://a"
C: {{t2:}} URLFETCH "imap://b"
S: * OK [ALERT] now
C: {{tag:}} NOOP
S: * URLFETCH "imap://a" "b"
S: ${t1} OK done
S: * URLFETCH "imap://b" "b"
S: ${t2} OK done
S: ${tag} OK done
`, func(ctx context.Context, c *imapclient.Client) error {
			for _, err := range c.URLFetch(ctx, imap.URLRequest{URL: "imap://a"}, imap.URLRequest{URL: "imap://b"}) {
				return err
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := scripted(t, "ACL URLAUTH", x.script, nil)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- x.call(ctx, c) }()
			c.AwaitEvent()
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
			require.IsType(t, &imapclient.Alert{}, c.NextEvent())
			require.NoError(t, c.Noop(t.Context()))
			require.Nil(t, c.NextEvent())
		})
	}
}
