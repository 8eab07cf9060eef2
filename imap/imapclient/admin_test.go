package imapclient_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// TestAdmin runs what administers mailboxes against the servers of the suite.
func TestAdmin(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		for _, x := range []struct {
			name string
			run  func(t *testing.T, s *site)
		}{
			{"list", testLists}, {"acl", testACL}, {"metadata", testMetadata}, {"raw", testRawAtSites},
		} {
			t.Run(x.name, func(t *testing.T) { x.run(t, s) })
		}
	})
}

// needs skips a test if the server lacks a capability. Each is tested with some server.
func needs(t *testing.T, c *imapclient.Client, caps ...imap.Cap) {
	t.Helper()
	for _, x := range caps {
		if !c.Capabilities().Has(x) {
			t.Skipf("the server has no %s", x)
		}
	}
}

func names(entries []imapclient.ListEntry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

func find(t *testing.T, entries []imapclient.ListEntry, name string) imapclient.ListEntry {
	t.Helper()
	for _, e := range entries {
		if e.Name == name {
			return e
		}
	}
	require.Fail(t, "no such entry", "%s in %v", name, names(entries))
	return imapclient.ListEntry{}
}

// testLists lists with every option, and again without the extensions that help.
func testLists(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	t.Log(c.Capabilities())
	base := s.box(t, c, count(2)...).Name()
	ns, err := c.Namespace(ctx)
	require.NoError(t, err)
	sep := string(ns.Personal[0].Separator)
	below := base + sep + "Ängste & Co"
	require.NoError(t, c.Create(ctx, below))
	require.NoError(t, c.Subscribe(ctx, below))
	hasMetadata, hasACL := c.Capabilities().Has(imap.CapMetadata), c.Capabilities().Has(imap.CapACL)
	if hasMetadata {
		require.NoError(t, c.SetMetadata(ctx, below, imap.MetadataEntry{Name: "/private/comment", Value: []byte("mine")}))
	}
	for _, disable := range [][]imap.Cap{nil, {imap.CapIMAP4rev2, imap.CapListExtended, imap.CapListStatus, imap.CapListMetadata, imap.CapListMyRights, imap.CapSpecialUse, "XLIST"}} {
		o := s.options()
		o.Disable = disable
		c := s.dial(t, o)
		lo := &imapclient.ListOptions{Patterns: []string{base + sep + "%", base}, Status: []imap.StatusItem{imap.StatusMessages}, Rights: hasACL}
		if hasMetadata {
			lo.Metadata = []string{"/private/comment"}
		}
		entries, err := c.List(ctx, lo)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{base, below}, names(entries))
		e := find(t, entries, below)
		require.Equal(t, uint32(0), *e.Status.Messages)
		require.Equal(t, uint32(2), *find(t, entries, base).Status.Messages)
		if hasACL {
			require.True(t, e.Rights.Has("lrswip"), e.Rights)
		}
		if hasMetadata {
			require.Equal(t, "mine", string(e.Metadata[0].Value))
		}

		entries, err = c.List(ctx, &imapclient.ListOptions{Subscribed: true})
		require.NoError(t, err)
		e = find(t, entries, below)
		require.True(t, e.Has(imap.AttrSubscribed))
		require.NotContains(t, names(entries), base)

		entries, err = c.List(ctx, &imapclient.ListOptions{Subscribed: true, RecursiveMatch: true, Patterns: []string{"%"}})
		require.NoError(t, err)
		e = find(t, entries, base)
		require.Equal(t, []string{"SUBSCRIBED"}, e.ChildInfo)
		require.NotContains(t, names(entries), below)
	}
	require.NoError(t, c.Unsubscribe(ctx, below))
	require.NoError(t, c.Delete(ctx, below))

	// Roles, each of which Cyrus gives to one mailbox only.
	if c.Capabilities().Has(imap.CapCreateSpecialUse) {
		name := "Ablage" // Cyrus gives roles to mailboxes of the first level only
		entries, err := c.List(ctx, &imapclient.ListOptions{SpecialUse: true})
		require.NoError(t, err)
		var taken mailbox.SpecialUse
		for _, e := range entries {
			taken |= e.Use
		}
		use := mailbox.UseArchive
		for _, u := range []mailbox.SpecialUse{mailbox.UseArchive, mailbox.UseJunk, mailbox.UseSent, mailbox.UseImportant} {
			if taken&u == 0 {
				use = u
				break
			}
		}
		require.NoError(t, c.Create(ctx, name, use))
		entries, err = c.List(ctx, &imapclient.ListOptions{SpecialUse: true})
		require.NoError(t, err)
		e := find(t, entries, name)
		require.Equal(t, use, e.Use)
		require.False(t, e.Guessed)
		require.NotContains(t, names(entries), base)
		got, err := c.FindMailbox(ctx, use)
		require.NoError(t, err)
		require.Equal(t, name, got) // which Cyrus does not delete
	}
	_, err = c.FindMailbox(ctx, mailbox.UseAll)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
}

func testACL(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	needs(t, c, imap.CapACL)
	name := s.box(t, c).Name()
	mine, err := c.MyRights(ctx, name)
	require.NoError(t, err)
	require.True(t, mine.Has("lrswipa"), mine)
	has := func() imap.Rights {
		t.Helper()
		entries, err := c.ACL(ctx, name)
		require.NoError(t, err)
		for _, e := range entries {
			if strings.EqualFold(e.Identifier, "bob") {
				return e.Rights
			}
		}
		return ""
	}
	require.Empty(t, has())
	require.NoError(t, c.SetACL(ctx, name, "bob", imap.RightsReplace, "lr"))
	require.Equal(t, mailbox.Rights(0), has().Known()&^imap.Rights("lr").Known())
	require.True(t, has().Has("lr"))
	require.NoError(t, c.SetACL(ctx, name, "bob", imap.RightsAdd, "s"))
	require.True(t, has().Has("lrs"))
	require.NoError(t, c.SetACL(ctx, name, "bob", imap.RightsRemove, "r"))
	require.False(t, has().Has("r"))
	require.True(t, has().Has("ls"))
	rights, err := c.ListRights(ctx, name, "bob")
	require.NoError(t, err)
	require.NotEmpty(t, rights.Optional)
	require.NoError(t, c.DeleteACL(ctx, name, "bob"))
	require.Empty(t, has())
	_, err = c.ACL(ctx, "no such mailbox")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.Error(t, c.SetACL(ctx, name, "bob", imap.RightsReplace, "A B"))
}

func testMetadata(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	needs(t, c, imap.CapMetadata)
	name := s.box(t, c).Name()
	long := strings.Repeat("long ", 300)
	require.NoError(t, c.SetMetadata(ctx, name,
		imap.MetadataEntry{Name: "/private/comment", Value: []byte("my \"own\"\r\ncomment")},
		imap.MetadataEntry{Name: "/shared/comment", Value: []byte(long)}))
	values := func(entries []imap.MetadataEntry) map[string]string {
		out := map[string]string{}
		for _, x := range entries {
			if x.Value != nil {
				out[x.Name] = string(x.Value)
			}
		}
		return out
	}
	got, err := c.Metadata(ctx, name, nil, "/private/comment", "/shared/comment", "/private/vendor/posthorn/none")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"/private/comment": "my \"own\"\r\ncomment", "/shared/comment": long}, values(got))

	got, err = c.Metadata(ctx, name, &imapclient.MetadataOptions{MaxSize: 100}, "/private/comment", "/shared/comment")
	var left *imapclient.LongEntriesError
	require.ErrorAs(t, err, &left)
	require.Equal(t, int64(len(long)), left.Longest)
	require.Equal(t, map[string]string{"/private/comment": "my \"own\"\r\ncomment"}, values(got))

	got, err = c.Metadata(ctx, name, &imapclient.MetadataOptions{Depth: imap.DepthInfinity}, "/private")
	require.NoError(t, err)
	require.Equal(t, "my \"own\"\r\ncomment", values(got)["/private/comment"])

	require.NoError(t, c.SetMetadata(ctx, name, imap.MetadataEntry{Name: "/private/comment"}))
	got, err = c.Metadata(ctx, name, nil, "/private/comment")
	require.NoError(t, err)
	require.Empty(t, values(got))
	_, err = c.Metadata(ctx, "no such mailbox", nil, "/private/comment")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	_, err = c.Metadata(ctx, "", nil, "/shared/admin")
	require.NoError(t, err)
	require.Error(t, c.SetMetadata(ctx, name, imap.MetadataEntry{Name: "comment", Value: []byte("x")}))
}

// testRawAtSites sends commands of the selected state by their names.
func testRawAtSites(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c, count(2)...)
	reply, err := m.Raw(ctx, imapclient.RawCommand{Name: "UID FETCH",
		Args: []imap.Value{imap.Atom("1:*"), imap.ListOf(imap.Atom("UID"), imap.Atom("BODY.PEEK[HEADER.FIELDS (Subject)]"))}, Responses: []string{"FETCH"}})
	require.NoError(t, err)
	require.Len(t, reply.Responses, 2)
	require.Contains(t, string(reply.Responses[1].Raw), "Subject: message 2\r\n")
	require.NoError(t, reply.Responses[1].Err)
	_, err = c.Raw(ctx, imapclient.RawCommand{Name: "X-NO-SUCH-COMMAND"})
	require.ErrorIs(t, err, &imap.Error{Status: imap.BAD})
	require.NoError(t, m.Unselect(ctx))
	_, err = m.Raw(ctx, imapclient.RawCommand{Name: "CHECK"})
	require.ErrorIs(t, err, imapclient.ErrNotSelected)
}
