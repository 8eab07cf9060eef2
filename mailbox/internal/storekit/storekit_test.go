package storekit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// idle returns nothing and no error.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestIntake(t *testing.T) {
	const text = "Subject: lunch?\r\n\r\nAt noon?\r\n"
	n := int64(len(text))
	broken := errors.New("broken")
	cut := func() io.Reader { return io.MultiReader(strings.NewReader(text[:5]), iotest.ErrReader(broken)) }
	for _, tc := range []struct {
		name        string
		body        func() io.Reader
		size, limit int64
		err         error
		got         string
	}{
		{"announced", func() io.Reader { return strings.NewReader(text) }, n, 0, nil, text},
		{"unknown", func() io.Reader { return strings.NewReader(text) }, mailbox.SizeUnknown, 0, nil, text},
		{"octet by octet", func() io.Reader { return iotest.OneByteReader(strings.NewReader(text)) }, n, n, nil, text},
		{"with io.EOF", func() io.Reader { return iotest.DataErrReader(strings.NewReader(text)) }, n, n, nil, text},
		{"no body", func() io.Reader { return nil }, 0, 0, nil, ""},
		{"no body, unknown", func() io.Reader { return nil }, mailbox.SizeUnknown, 0, nil, ""},
		{"too short", func() io.Reader { return strings.NewReader(text) }, n + 1, 0, mailbox.ErrSize, text},
		{"too short with io.EOF", func() io.Reader { return iotest.DataErrReader(strings.NewReader(text)) }, n + 1, 0, mailbox.ErrSize, ""},
		{"too long", func() io.Reader { return strings.NewReader(text) }, n - 1, 0, mailbox.ErrSize, text[:n-1]},
		{"too large", func() io.Reader { return strings.NewReader(text) }, mailbox.SizeUnknown, n - 1, mailbox.ErrTooLarge, ""},
		{"broken", cut, n, 0, broken, text[:5]},
		{"broken, unknown", cut, mailbox.SizeUnknown, 0, broken, text[:5]},
		{"idle", func() io.Reader { return idle{} }, mailbox.SizeUnknown, 0, io.ErrNoProgress, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in, err := NewIntake(t.Context(), &mailbox.Incoming{Body: tc.body(), Size: tc.size}, mailbox.Limits{MaxMessageSize: tc.limit}, nil)
			require.NoError(t, err)
			got, err := io.ReadAll(in)
			require.ErrorIs(t, err, tc.err)
			require.Equal(t, tc.got, string(got))
			_, again := in.Read(make([]byte, 1))
			if tc.err == nil {
				require.Equal(t, io.EOF, again)
				require.EqualValues(t, len(got), in.Size())
				require.EqualValues(t, len(got), in.Summary().Root.BodyOffset+in.Summary().Root.BodySize)
			} else {
				require.ErrorIs(t, again, tc.err, "the error stays")
			}
		})
	}
}

func TestIntakeNeedsNoRoomForTheEnd(t *testing.T) {
	in, err := NewIntake(t.Context(), &mailbox.Incoming{Body: strings.NewReader("abc"), Size: 3}, mailbox.Limits{}, nil)
	require.NoError(t, err)
	buf := make([]byte, 3)
	n, err := io.ReadFull(in, buf)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Zero(t, in.Left())
	_, err = in.Read(nil)
	require.Equal(t, io.EOF, err)
}

func TestIntakeRefuses(t *testing.T) {
	msg := &mailbox.Incoming{Body: iotest.ErrReader(errors.New("must not be read")), Size: 11}
	_, err := NewIntake(t.Context(), msg, mailbox.Limits{MaxMessageSize: 10}, nil)
	require.ErrorIs(t, err, mailbox.ErrTooLarge)

	ctx, cancel := context.WithCancel(t.Context())
	msg = &mailbox.Incoming{Body: bytes.NewReader(make([]byte, 100)), Size: 100}
	in, err := NewIntake(ctx, msg, mailbox.Limits{}, nil)
	require.NoError(t, err)
	_, err = io.ReadFull(in, make([]byte, 10))
	require.NoError(t, err)
	cancel()
	_, err = in.Read(make([]byte, 10))
	require.ErrorIs(t, err, context.Canceled)
}

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q, out := NewQueue(), make(chan mailbox.Event)
		go q.Run(ctx, nil, out)
		q.Add(mailbox.Event{MailboxID: "first", Kind: mailbox.EventNew})
		synctest.Wait() // it is on its way and no longer merged
		q.Add(mailbox.Event{MailboxID: "a", Kind: mailbox.EventNew})
		q.Add(mailbox.Event{Kind: mailbox.EventMailboxes})
		for range 1000 {
			q.Add(mailbox.Event{MailboxID: "a", Kind: mailbox.EventVanished})
		}
		require.Equal(t, mailbox.Event{MailboxID: "first", Kind: mailbox.EventNew}, <-out)
		require.Equal(t, mailbox.Event{MailboxID: "a", Kind: mailbox.EventNew | mailbox.EventVanished}, <-out)
		require.Equal(t, mailbox.Event{Kind: mailbox.EventMailboxes}, <-out)
		synctest.Wait()
		require.Nil(t, q.pending, "an idle watch keeps no memory")
		q.Add(mailbox.Event{MailboxID: "b", Kind: mailbox.EventNew})
		synctest.Wait()
		cancel()
		synctest.Wait()
		_, ok := <-out
		require.False(t, ok)
		q.Add(mailbox.Event{MailboxID: "b", Kind: mailbox.EventNew}) // harmless

		closing := make(chan struct{})
		q, out = NewQueue(), make(chan mailbox.Event)
		go q.Run(t.Context(), closing, out)
		close(closing)
		_, ok = <-out
		require.False(t, ok)
	})
}

func TestFold(t *testing.T) {
	require.Equal(t, "$forwarded", Fold("$Forwarded"))
	require.Equal(t, "Ä", Fold("Ä"), "ASCII only")
	require.Equal(t, Fold("NonJunk"), Fold("nonjunk"))
}
