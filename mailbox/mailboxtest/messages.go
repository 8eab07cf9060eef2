package mailboxtest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

const multipart = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nTo: a@example.org, \"B, C\" <b@example.org>\r\n" +
	"Subject: =?utf-8?b?w7w=?= and\r\n more\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nMessage-ID: <x@y>\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHello =C3=BC\r\n--b\r\n" +
	"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: x@example.org\r\n\r\ninner body\r\n--b\r\n" +
	"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"a b.bin\"\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b--\r\nepilogue\r\n"

func testSummary(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	all := f.odd()
	if f.lacks(LackSummary) {
		all = map[string]string{}
	}
	all["multipart"] = multipart
	want := map[mailbox.UID]string{}
	for _, body := range all {
		res, err := m.Append(f.ctx, mailbox.Incoming{Body: strings.NewReader(body), Size: mailbox.SizeUnknown})
		require.NoError(t, err)
		want[arrived(res)[0]] = body
	}
	seen := 0
	for msg, err := range m.Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantSummary) {
		require.NoError(t, err)
		seen++
		sum, _, err := message.Parse(strings.NewReader(want[msg.UID]), nil)
		require.NoError(t, err)
		if f.lacks(LackSummary) {
			sameSummary(t, sum, msg)
			continue
		}
		w, err := sum.AppendBinary(nil)
		require.NoError(t, err)
		g, err := summaryOf(msg).AppendBinary(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(w, g), "the summary of UID %d is not the one that message.Parse makes", msg.UID)
	}
	require.Equal(t, len(want), seen)
}

// sameSummary checks what a server tells of a well-formed message.
func sameSummary(t testing.TB, want *message.Summary, msg *mailbox.Message) {
	t.Helper()
	env := want.Envelope
	if len(env.Sender) == 0 { // servers fill in defaults (RFC 9051 §7.5.2)
		env.Sender = env.From
	}
	if len(env.ReplyTo) == 0 {
		env.ReplyTo = env.From
	}
	got := *msg.Envelope
	require.True(t, env.Time.Equal(got.Time))
	env.Time = got.Time
	require.Equal(t, env, got)
	require.Equal(t, want.References, msg.References)
	require.Equal(t, want.Preview != "", msg.Preview != "")
	sameStructure(t, want.Root, msg.Structure)
}

func sameStructure(t testing.TB, want, got *message.Part) {
	t.Helper()
	require.Equal(t, want.Type+"/"+want.Subtype, got.Type+"/"+got.Subtype)
	if want.Type != "multipart" {
		require.Equal(t, want.Encoding, got.Encoding)
	}
	require.Equal(t, want.Disposition, got.Disposition)
	require.Equal(t, want.Filename(), got.Filename())
	require.Len(t, got.Children, len(want.Children))
	if want.Type != "multipart" {
		require.Equal(t, want.BodySize, got.BodySize)
	}
	for i, child := range want.Children {
		sameStructure(t, child, got.Children[i])
	}
}

// summaryOf puts together what a message has of a summary.
func summaryOf(msg *mailbox.Message) *message.Summary {
	return &message.Summary{Envelope: *msg.Envelope, Root: msg.Structure, References: msg.References, Preview: msg.Preview}
}

// testWant asks for each part alone and for all combinations, and checks what
// comes.
func testWant(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	bodies := map[mailbox.UID]string{}
	for _, body := range []string{multipart, text("plain"), "", "Subject: no body", strings.Replace(text("refs"), "\r\n\r\n", "\r\nReferences: <a@b> <c@d>\r\n\r\n", 1)} {
		if body == "" && f.lacks(LackEmpty) || !strings.Contains(body, "\r\n\r\n") && f.lacks(LackSummary) {
			continue
		}
		res, err := m.Append(f.ctx, mailbox.Incoming{Body: strings.NewReader(body), Size: mailbox.SizeUnknown, Flags: mailbox.NewFlagSet(mailbox.FlagSeen, "Word")})
		require.NoError(t, err)
		bodies[arrived(res)[0]] = body
	}
	full := map[mailbox.UID]mailbox.Entry{}
	for _, e := range entries(t, m, mailbox.AllUIDs()) {
		full[e.UID] = e
	}
	for want := mailbox.Want(0); ; want++ {
		n := 0
		for msg, err := range m.Messages(f.ctx, mailbox.AllUIDs(), want) {
			require.NoError(t, err)
			n++
			body, ok := bodies[msg.UID]
			require.True(t, ok, "the UID comes with every want")
			sum, _, err := message.Parse(strings.NewReader(body), nil)
			require.NoError(t, err)
			e := full[msg.UID]
			if want&mailbox.WantFlags != 0 {
				require.Equal(t, e.ModSeq, msg.ModSeq)
				require.True(t, e.Flags.Equal(msg.Flags))
			}
			if want&mailbox.WantEntry != 0 {
				sameEntry(t, e, msg.Entry)
			}
			if want&mailbox.WantEnvelope != 0 {
				require.NotNil(t, msg.Envelope)
				require.Equal(t, sum.Envelope.Subject, msg.Envelope.Subject)
				require.Equal(t, sum.Envelope.From, msg.Envelope.From)
			}
			if want&mailbox.WantStructure != 0 {
				require.NotNil(t, msg.Structure)
				require.Equal(t, sum.Root.Type, msg.Structure.Type)
				require.Len(t, msg.Structure.Children, len(sum.Root.Children))
				if want&mailbox.WantContent != 0 && msg.Structure.Located {
					part, err := io.ReadAll(msg.Structure.Body().Reader(msg.Content))
					require.NoError(t, err)
					require.Equal(t, body[sum.Root.BodyOffset:], string(part))
				}
			}
			if want&mailbox.WantReferences != 0 {
				require.Equal(t, strings.Join(sum.References, " "), strings.Join(msg.References, " "))
			}
			if want&mailbox.WantPreview != 0 && f.lacks(LackSummary) {
				require.Equal(t, sum.Preview != "", msg.Preview != "")
			} else if want&mailbox.WantPreview != 0 {
				require.Equal(t, sum.Preview, msg.Preview)
			}
			if want&mailbox.WantHeader != 0 {
				require.Equal(t, body[:sum.Root.BodyOffset], readAll(t, msg.Header), "the header with the empty line that ends it")
			}
			if want&mailbox.WantContent != 0 {
				require.Equal(t, body, readAll(t, msg.Content))
			}
		}
		require.Equal(t, len(bodies), n, "want %b", want)
		if want == mailbox.WantSummary|mailbox.WantFlags|mailbox.WantEntry|mailbox.WantHeader|mailbox.WantContent {
			break
		}
	}
}

func testMessages(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	for range m.Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantContent) {
		t.Fatal("the mailbox is empty")
	}
	put := fill(t, m, 30)
	_, err := m.Expunge(f.ctx, mailbox.UIDSetOf(put[3], put[4], put[29]), mailbox.FlagSet{})
	require.NoError(t, err)
	left := mailbox.UIDSetOf(put...).Subtract(mailbox.UIDSetOf(put[3], put[4], put[29]))

	for _, set := range []mailbox.UIDSet{
		{},
		mailbox.AllUIDs(),
		mailbox.UIDSetOf(put[0]),
		mailbox.UIDSetOf(put[3]),
		mailbox.UIDSetOf(put[2], put[4], put[6], put[28], put[29], put[29]+1, mailbox.MaxUID),
		mailbox.UIDRangeSet(put[2], put[5]),
		mailbox.UIDRangeSet(put[20], mailbox.MaxUID),
		mailbox.UIDRangeSet(put[29], mailbox.MaxUID),
		mailbox.UIDRangeSet(put[29]+1, mailbox.MaxUID),
		mailbox.UIDSetOfRanges(mailbox.UIDRange{First: put[1], Last: put[3]}, mailbox.UIDRange{First: put[7], Last: put[9]}),
	} {
		var got mailbox.UIDSet
		for _, e := range entries(t, m, set) {
			got.Add(e.UID)
		}
		require.Equal(t, set.Intersect(left).String(), got.String(), "messages of %v", set)
	}

	for _, want := range []mailbox.Want{0, mailbox.WantSummary, mailbox.WantContent, mailbox.WantSummary | mailbox.WantContent} {
		n := 0
		for _, err := range m.Messages(f.ctx, mailbox.AllUIDs(), want) {
			require.NoError(t, err)
			if n++; n == 3 {
				break // an iteration may end early
			}
		}
		require.Equal(t, 3, n)
	}

	// One sequence can be run over more than once.
	seq := m.Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantEntry)
	for range 2 {
		n := 0
		for _, err := range seq {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, left.Len(), n)
	}
}

// testMessagesReentrant calls everything within the loop.
func testMessagesReentrant(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	f.box(t, "other")
	put := fill(t, m, 300)
	want := contents(t, m, mailbox.AllUIDs())
	seen := 0
	for msg, err := range m.Messages(f.ctx, mailbox.AllUIDs(), mailbox.WantEntry|mailbox.WantSummary|mailbox.WantContent) {
		require.NoError(t, err)
		require.LessOrEqual(t, msg.UID, put[len(put)-1], "messages that arrive meanwhile are not yielded")
		this := mailbox.UIDSetOf(msg.UID)
		if seen%20 == 0 {
			fill(t, m, 1)
			_, err = m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet("Loop")})
			require.NoError(t, err)
			_, err = m.Copy(f.ctx, this, "INBOX")
			require.NoError(t, err)
			status(t, m)
			changes(t, m, msg.ModSeq)
			for _, err := range m.Messages(f.ctx, mailbox.UIDRangeSet(1, msg.UID), mailbox.WantContent) {
				require.NoError(t, err)
			}
			_, err = m.Snapshot(f.ctx)
			require.NoError(t, err)
			_, err = f.Mailboxes(f.ctx, 0)
			require.NoError(t, err)
		}
		switch seen % 3 {
		case 0:
			_, err = m.Expunge(f.ctx, this, mailbox.FlagSet{})
		case 1:
			_, err = m.Move(f.ctx, this, "other")
		}
		require.NoError(t, err)
		// The content is valid to the end of the step, also when the message
		// has left, and for many readers at once.
		if seen%20 == 1 {
			w := workers{t: t}
			for range 4 {
				w.do(func() error {
					b, err := io.ReadAll(io.NewSectionReader(msg.Content, 0, msg.Content.Size()))
					if err == nil && string(b) != want[msg.UID] {
						err = fmt.Errorf("the content of UID %d has changed", msg.UID)
					}
					return err
				})
			}
			w.wait()
		}
		require.Equal(t, want[msg.UID], readAll(t, msg.Content))
		seen++
	}
	require.Equal(t, len(put), seen)
	requireStatus(t, m)
}
