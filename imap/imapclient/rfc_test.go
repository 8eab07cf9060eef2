package imapclient_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
)

// TestRFC plays the dialogues of the RFCs, as far as a client can say what stands
// there: it names messages by UID.
func TestRFC(t *testing.T) {
	transcript.ServeDir(t, "testdata/rfc*.txt", nil, rfcClients)
}

func text(n int) mailbox.Incoming {
	return mailbox.Incoming{Body: strings.NewReader(strings.Repeat("x", n)), Size: int64(n)}
}

const meeting = "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\r\nFrom: Fred Foobar <foobar@Blurdybloop.example>\r\nSubject: afternoon meeting\r\n" +
	"To: mooch@owatagu.siam.edu.example\r\nMessage-Id: <B27397-0100000@Blurdybloop.example>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\nHello Joe, do you think we can meet at 3:30 tomorrow?\r\n"

var rfcClients = map[string]client{
	"rfc9051-connection": func(t *testing.T, srv *transcript.Server) {
		c, err := imapclient.NewClientStartTLS(t.Context(), srv.Dial(), &imapclient.Options{
			Credentials: &sasl.Credentials{Username: "SMITH", Password: "SESAME"}, TLSConfig: srv.TLS,
		})
		require.NoError(t, err)
		require.NotNil(t, c.TLS())
		require.NoError(t, c.Noop(t.Context()))
		require.True(t, c.Capabilities().Has("XPIG-LATIN"))
		require.False(t, c.Capabilities().Has(imap.CapStartTLS))
		require.True(t, c.Enabled().Has(imap.CapIMAP4rev2))
		require.NoError(t, c.Logout(t.Context()))
		require.ErrorIs(t, c.Noop(t.Context()), imapclient.ErrClosed)
	},
	"rfc9051-authenticate": func(t *testing.T, srv *transcript.Server) {
		for range 2 {
			c := connect(t, srv, &imapclient.Options{
				Credentials: &sasl.Credentials{Username: "test", Password: "test", Authzid: "test"}, AllowInsecureAuth: true, Mechanisms: []string{"PLAIN"},
			})
			require.NoError(t, c.Logout(t.Context()))
		}
	},
	"rfc9051-select": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		info := m.Info()
		require.Equal(t, 172, info.Exists)
		require.Equal(t, uint32(3857529045), info.UIDValidity)
		require.Equal(t, mailbox.UID(4392), info.UIDNext)
		require.Equal(t, 5, info.Flags.Len())
		require.True(t, info.NewKeywords)
		blurdy, err := c.Examine(t.Context(), "blurdybloop")
		require.NoError(t, err)
		info = blurdy.Info()
		require.Equal(t, 17, info.Exists)
		require.True(t, info.ReadOnly)
		require.False(t, info.NewKeywords)
		require.Zero(t, info.PermanentFlags.Len())
		require.ErrorIs(t, m.AddFlags(t.Context(), imapclient.UIDs(1), mailbox.FlagSeen), imapclient.ErrNotSelected)
		_, err = c.Select(t.Context(), "no-such", nil)
		require.ErrorIs(t, err, mailbox.ErrNotExist)
		require.ErrorIs(t, blurdy.AddFlags(t.Context(), imapclient.UIDs(1), mailbox.FlagSeen), imapclient.ErrNotSelected)
		m, err = c.Select(t.Context(), "~peter/mail/台北/日本語", nil)
		require.NoError(t, err)
		require.NoError(t, m.Unselect(t.Context()))
		usable(t, c)
	},
	"rfc9051-mailboxes": func(t *testing.T, srv *transcript.Server) {
		ctx := t.Context()
		c := connect(t, srv, nil)
		require.NoError(t, c.Create(ctx, "owatagusiam/blurdybloop"))
		require.ErrorIs(t, c.Delete(ctx, "foo"), &imap.Error{Status: imap.NO, Text: `Name "foo" has inferior hierarchical names`})
		require.NoError(t, c.Delete(ctx, "blurdybloop"))
		require.NoError(t, c.Rename(ctx, "blurdybloop", "sarasoop"))
		require.NoError(t, c.Subscribe(ctx, "#news.comp.mail.mime"))
		require.NoError(t, c.Unsubscribe(ctx, "#news.comp.mail.mime"))
		st, err := c.Status(ctx, "blurdybloop", imap.StatusUIDNext, imap.StatusMessages)
		require.NoError(t, err)
		require.Equal(t, uint32(231), *st.Messages)
		require.Equal(t, mailbox.UID(44292), st.UIDNext)
		require.NoError(t, c.Create(ctx, "~peter/mail/台北/日本語"))
		ns, err := c.Namespace(ctx)
		require.NoError(t, err)
		require.Len(t, ns.Personal, 2)
		require.Equal(t, "#mh/", ns.Personal[1].Prefix)
		require.Equal(t, "#public/", ns.Shared[1].Prefix)
		usable(t, c)
	},
	"rfc9051-list": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		names, err := c.List(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, names, 6)
		require.Equal(t, "INBOX", strings.ToUpper(names[0].Name))
		require.Equal(t, "TABLECLOTH", names[1].Unknown[0].Name)
		require.False(t, names[3].Selectable())
		require.Equal(t, []string{"SUBSCRIBED"}, names[4].ChildInfo)
		require.Equal(t, "Broccoli", names[5].OldName)
		require.Equal(t, mailbox.UseSent, names[5].Use)
		names, err = c.List(t.Context(), &imapclient.ListOptions{
			Subscribed: true, Patterns: []string{"foo/*", "a b/%"}, Status: []imap.StatusItem{imap.StatusMessages, imap.StatusUnseen},
		})
		require.NoError(t, err)
		require.Equal(t, uint32(17), *names[0].Status.Messages)
		require.Equal(t, uint32(29), *names[1].Status.Unseen)
		require.Nil(t, names[2].Status)
		usable(t, c)
	},
	"rfc9051-append": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		stored, err := c.Append(t.Context(), "saved-messages", mailbox.Incoming{
			Body: strings.NewReader(meeting), Size: mailbox.SizeUnknown, Flags: mailbox.NewFlagSet(mailbox.FlagSeen), InternalDate: time.Unix(8e8, 0),
		})
		require.NoError(t, err)
		require.Equal(t, &imapclient.Appended{UIDs: []mailbox.UID{3955}, UIDValidity: 38505, Done: 1}, stored)
		_, err = c.Append(t.Context(), "nowhere", text(8))
		require.ErrorIs(t, err, mailbox.ErrNotExist)
		usable(t, c)
	},
	"rfc9051-fetch": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		msgs := fetch(t.Context(), m, imapclient.UIDSet(mailbox.UIDRangeSet(4827313, 4828442)), imapclient.Flags).clean(t, 3)
		require.Equal(t, mailbox.UID(4827943), msgs[1].UID)
		fields := imapclient.Header("DATE", "FROM")
		msg, err := m.Message(t.Context(), 12, imapclient.Entry, imapclient.Summary, fields)
		require.NoError(t, err)
		require.Equal(t, imapclient.Flags|imapclient.Date|imapclient.Size|imapclient.Envelope|imapclient.Structure, msg.Has)
		require.Equal(t, int64(4286), msg.Entry.Size)
		require.True(t, msg.InternalDate.Equal(time.Date(1996, 7, 17, 9, 44, 25, 0, time.UTC)))
		require.Equal(t, "IMAP4rev2 WG mtg summary and minutes", msg.Subject())
		require.Equal(t, message.Address{Name: "John Klensin", Local: "KLENSIN", Domain: "MIT.EDU"}, msg.Envelope.Cc[1])
		require.Equal(t, int64(3028), msg.Structure.BodySize)
		b, err := msg.Body(fields).Bytes(1000)
		require.NoError(t, err)
		require.Equal(t, "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n\r\n", string(b))
		mime, header, part := imapclient.Part(1, 2).MIME(), imapclient.Part(4, 2).Header(), imapclient.Part(4, 1).Range(5, 7)
		msg, err = m.Message(t.Context(), 12, mime, header, part)
		require.NoError(t, err)
		b, err = msg.Body(part).Bytes(1000)
		require.NoError(t, err)
		require.Equal(t, "fifteen", string(b))
		b, err = msg.Body(mime).Bytes(1000)
		require.NoError(t, err)
		require.Equal(t, "a: b\r\n", string(b))
		_, err = msg.Body(header).Read(make([]byte, 1))
		require.ErrorIs(t, err, imapclient.ErrItemMissing)
		_, err = msg.Body(imapclient.Part(3)).Read(make([]byte, 1))
		require.ErrorIs(t, err, imapclient.ErrItemMissing)
		usable(t, c)
	},
	"rfc9051-search": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		findUIDs(t, m, search.And{search.Flagged, search.Since(time.Date(1994, 2, 1, 0, 0, 0, 0, time.UTC)), search.Not{Key: search.From("Smith")}}, "2,10:11")
		findUIDs(t, m, search.Text{Value: "string not in mailbox"}, "")
		some := mailbox.UIDRangeSet(1, 500).Union(mailbox.UIDRangeSet(700, 800))
		found, err := m.Search(t.Context(), search.Or{A: search.From(`a\b"`), B: search.SentOn(time.Date(2004, 1, 3, 0, 0, 0, 0, time.UTC))},
			&imapclient.SearchOptions{In: imapclient.UIDSet(some)})
		require.NoError(t, err)
		require.Equal(t, "17,900:901", found.UIDs.String())
		usable(t, c)
	},
	"rfc9051-store": func(t *testing.T, srv *transcript.Server) {
		ctx := t.Context()
		c, m := inbox(t, srv)
		require.NoError(t, m.AddFlags(ctx, imapclient.UIDs(2, 3, 4), mailbox.FlagDeleted))
		copied, err := m.Copy(ctx, imapclient.UIDs(304, 319, 320), "meeting")
		require.NoError(t, err)
		require.Equal(t, uint32(38505), copied.UIDValidity)
		require.Equal(t, []mailbox.Moved{
			{Source: mailbox.UIDRange{First: 304, Last: 304}, Dest: mailbox.UIDRange{First: 3956, Last: 3956}},
			{Source: mailbox.UIDRange{First: 319, Last: 320}, Dest: mailbox.UIDRange{First: 3957, Last: 3958}},
		}, copied.Moved)
		copied, err = m.Copy(ctx, imapclient.UIDSet(mailbox.UIDRangeSet(305, 310)), "meeting")
		require.NoError(t, err)
		require.Empty(t, copied.Moved)
		copied, err = m.Move(ctx, imapclient.UIDSet(mailbox.UIDRangeSet(42, 69)), "foo")
		require.NoError(t, err)
		require.Equal(t, mailbox.UIDRange{First: 1202, Last: 1229}, copied.Moved[0].Dest)
		gone, err := m.Expunge(ctx, imapclient.UIDSet(mailbox.UIDRangeSet(3000, 3002)))
		require.NoError(t, err)
		require.Equal(t, "3000:3002", gone.String())
		require.Zero(t, m.Exists())
		usable(t, c)
	},
	"rfc2177-idle": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, &imapclient.Options{Timeouts: imapclient.Timeouts{IdlePeriod: 29 * time.Minute, KeepAlive: -1}})
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		var vanished []string
		for u, err := range m.Watch(t.Context()) {
			require.NoError(t, err)
			if u.Arrived > 0 {
				require.Equal(t, 1, u.Arrived)
				msgs := fetch(t.Context(), m, u.New, imapclient.Size).clean(t, 1)
				require.Equal(t, mailbox.UID(7), msgs[0].UID)
			}
			if u.Removed > 0 {
				vanished = append(vanished, u.Vanished.String())
			}
			if len(vanished) == 2 {
				time.Sleep(6 * time.Minute) // IDLE is not issued anew meanwhile
				break
			}
		}
		require.Equal(t, []string{"2", "7"}, vanished)
		require.Equal(t, 2, m.Exists())
		usable(t, c)
	},
	"rfc5161-enable": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, &imapclient.Options{Enable: []imap.Cap{"X-GOOD-IDEA", "X-NOT-OFFERED"}})
		require.NoError(t, c.Enable(t.Context(), imap.CapCondStore))
		require.True(t, c.Enabled().Has("X-GOOD-IDEA"))
		require.True(t, c.Enabled().Has(imap.CapCondStore))
		require.False(t, c.Enabled().Has("X-NOT-OFFERED"))
		usable(t, c)
	},
	"rfc7162-condstore": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.Equal(t, mailbox.ModSeq(715194045007), m.Info().HighestModSeq)
		since := mailbox.ModSeq(320162338)
		stored, err := m.Store(t.Context(), imapclient.UIDs(5, 7, 9), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagDeleted), Op: mailbox.FlagsAdd, UnchangedSince: &since})
		require.NoError(t, err)
		require.Equal(t, "7,9", stored.Conflicts.String())
		msgs := fetch(t.Context(), m, imapclient.UIDSet(mailbox.UIDRangeSet(1, 172)), imapclient.Flags|imapclient.ModSeq, imapclient.ChangedSince(12345)).clean(t, 3)
		require.Equal(t, mailbox.ModSeq(75403), msgs[1].ModSeq)
		require.True(t, msgs[2].Entry.Flags.Has("$AutoJunk"))
		found, err := m.Search(t.Context(), search.ModSeq{N: 620162338}, nil)
		require.NoError(t, err)
		require.Equal(t, "2,5:7,11:12,18:20,23", found.UIDs.String())
		require.Equal(t, mailbox.ModSeq(917162500), found.ModSeq)
		m, err = c.Select(t.Context(), "other", nil)
		require.NoError(t, err)
		require.Zero(t, m.Info().HighestModSeq)
		usable(t, c)
	},
	"rfc7162-qresync": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.Equal(t, mailbox.ModSeq(90060128194045007), m.Info().HighestModSeq)
		_, err := m.UIDs(t.Context())
		require.NoError(t, err)
		u, err := m.Poll(t.Context())
		require.NoError(t, err)
		require.Equal(t, "405,407,410,425", u.Vanished.String())
		require.Equal(t, 460, u.Exists)
		require.Equal(t, mailbox.UID(430), u.Flags[0].UID)
		require.Equal(t, mailbox.ModSeq(90060128194045027), u.Flags[0].ModSeq)
		other, err := c.Select(t.Context(), "other", nil)
		require.NoError(t, err)
		require.Equal(t, 20, other.Info().Exists)
		require.Equal(t, 20, other.Exists())
		require.Equal(t, uint32(7), other.Info().UIDValidity)
		usable(t, c)
	},
	"rfc5182-searchres": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.NoError(t, m.AddFlags(t.Context(), imapclient.Where(search.Keyword("$Junk")), mailbox.FlagDeleted))
		err := m.AddFlags(t.Context(), imapclient.Where(search.Keyword("$Junk")), mailbox.FlagDeleted)
		require.ErrorIs(t, err, &imap.Error{Code: imap.CodeNotSaved})
		usable(t, c)
	},
	"rfc2971-id": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, &imapclient.Options{ID: imap.IDFields{
			{Name: "name", Value: "sodr"}, {Name: "version", Value: "19.34"}, {Name: "vendor", Value: "Pink Floyd Music Limited"},
		}})
		id, err := c.ID(t.Context(), nil)
		require.NoError(t, err)
		require.Len(t, id, 5)
		require.Equal(t, "mailto:cyrus-bugs+@andrew.cmu.edu", id[4].Value)
		usable(t, c)
	},
	"rfc7888-literal-plus": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, &imapclient.Options{Credentials: &sasl.Credentials{Username: "Müll", Password: `"fat" ü`}, AllowInsecureAuth: true})
		_, err := c.Append(t.Context(), "Drafts", text(5000))
		require.NoError(t, err)
		usable(t, c)
	},
	"rfc7888-literal-minus": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		for _, n := range []int{4096, 4097} {
			_, err := c.Append(t.Context(), "Drafts", text(n))
			require.NoError(t, err)
		}
		_, err := c.Append(t.Context(), "Drafts", text(4097))
		require.ErrorIs(t, err, mailbox.ErrTooLarge)
		usable(t, c)
	},
	"rfc4978-compress": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		require.NoError(t, c.Compress(t.Context()))
		require.NoError(t, c.Noop(t.Context()))
		require.ErrorIs(t, c.Compress(t.Context()), &imap.Error{Code: imap.CodeCompressionActive})
		usable(t, c)
	},
}
