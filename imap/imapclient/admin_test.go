package imapclient_test

import (
	"errors"
	"fmt"
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
			{"list", testLists}, {"acl", testACL}, {"metadata", testMetadata}, {"raw", testRawAtSites}, {"namespace", testNamespace},
			{"quota", testQuota}, {"urlauth", testURLAuth}, {"annotate", testAnnotate}, {"mailboxes", testMailboxes}, {"status", testStatusAtSites},
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

func testNamespace(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	name, err := c.Join(ctx, "joined", "below")
	require.NoError(t, err)
	require.NoError(t, c.Create(ctx, name))
	entries, err := c.List(ctx, &imapclient.ListOptions{Patterns: []string{name}})
	require.NoError(t, err)
	require.Equal(t, []string{name}, names(entries))
	require.NoError(t, c.Delete(ctx, name))
	inbox, err := c.Join(ctx, "inbox")
	require.NoError(t, err)
	_, err = c.Status(ctx, inbox)
	require.NoError(t, err)
	_, err = c.Join(ctx)
	require.ErrorIs(t, err, mailbox.ErrInvalidName)

	// Without NAMESPACE.
	o := s.options()
	o.Disable = []imap.Cap{imap.CapNamespace, imap.CapIMAP4rev2}
	again, err := s.dial(t, o).Join(ctx, "joined", "below")
	require.NoError(t, err)
	require.Equal(t, name, again)
}

func testQuota(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	needs(t, c, imap.CapQuota)
	m := s.box(t, c, count(3)...)
	if s.name == "cyrus" { // where the administrator alone may do that
		o := s.options()
		o.Credentials.Username = "cyrus"
		admin := s.dial(t, o)
		root := "user/alice"
		if sep, err := admin.Namespace(ctx); err == nil && len(sep.Personal) > 0 && sep.Personal[0].Separator == '.' {
			root = "user.alice"
		}
		set, err := admin.SetQuota(ctx, root, map[mailbox.QuotaName]int64{
			mailbox.QuotaStorage: 10<<20 - 1, mailbox.QuotaMessage: 1000, "X-ANNOTATION-STORAGE": 1 << 20, "X-NUM-FOLDERS": 100})
		require.NoError(t, err)
		require.True(t, len(set) == 0 || set[0].Root == root) // it does not return the quota
		_, err = c.SetQuota(ctx, root, map[mailbox.QuotaName]int64{mailbox.QuotaMessage: 1})
		require.Error(t, err)
	}
	quotas, err := c.Quota(ctx, m.Name())
	require.NoError(t, err)
	if s.name == "cyrus" {
		require.Len(t, quotas, 1)
		got := map[mailbox.QuotaName]mailbox.QuotaResource{}
		for _, r := range quotas[0].Resources {
			got[r.Name] = r
		}
		require.Equal(t, int64(10<<20), got[mailbox.QuotaStorage].Limit)
		require.Equal(t, int64(1<<20), got["X-ANNOTATION-STORAGE"].Limit)
		require.Equal(t, int64(100), got["X-NUM-FOLDERS"].Limit)
		require.GreaterOrEqual(t, got[mailbox.QuotaMessage].Usage, int64(3))
	}
	if len(quotas) > 0 && s.name != "cyrus" { // which tells this the administrator only
		again, err := c.QuotaRoot(ctx, quotas[0].Root)
		require.NoError(t, err)
		require.Equal(t, quotas[0].Root, again[0].Root)
	}
	none, err := c.QuotaRoot(ctx, "no such root")
	require.True(t, err != nil || len(none) == 0) // Dovecot says OK
	_, err = c.Quota(ctx, "no such mailbox")
	require.True(t, err == nil && s.name == "dovecot" || errors.Is(err, mailbox.ErrNotExist), err)
}

func testURLAuth(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	needs(t, c, imap.CapURLAuth)
	text := "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
	m := s.box(t, c, text, letter("two", "second"))
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	_, port, _ := strings.Cut(s.plain, ":")
	host := "localhost"
	if s.name == "dovecot" {
		host += ":" + port
	}
	url := func(uid mailbox.UID, rest string) string {
		return fmt.Sprintf("imap://alice@%s/%s;UIDVALIDITY=%d/;UID=%d%s", host, m.Name(), m.Info().UIDValidity, uid, rest)
	}
	urls, err := c.GenURLAuth(ctx, "", url(uids.At(0), "/;SECTION=1;URLAUTH=user+alice"), url(uids.At(1), ";URLAUTH=authuser"))
	require.NoError(t, err)
	require.Len(t, urls, 2)
	require.NoError(t, m.Unselect(ctx)) // Cyrus dies of a URL of the selected mailbox
	var got []*imap.URLData
	requests := []imap.URLRequest{{URL: urls[0]}, {URL: urls[1]}}
	binary := c.Capabilities().Has(imap.CapURLAuthBinary)
	if binary {
		requests = append(requests, imap.URLRequest{URL: urls[0], Items: imap.URLBinary | imap.URLBodyPartStructure})
	}
	for d, err := range c.URLFetch(ctx, requests...) {
		require.NoError(t, err)
		got = append(got, d)
	}
	require.Equal(t, "aGVsbG8=\r\n", string(got[0].Body))
	require.Equal(t, letter("two", "second"), string(got[1].Body))
	if binary {
		require.Equal(t, "hello", string(got[2].Binary))
		require.Equal(t, "text", got[2].Structure.Type)
	}
	n := 0
	for d, err := range c.URLFetch(ctx, imap.URLRequest{URL: urls[0] + "0"}, imap.URLRequest{URL: urls[1]}) {
		if n++; n == 1 {
			require.Error(t, err)
			require.Empty(t, d.Body)
			continue
		}
		require.NoError(t, err)
	}
	require.Equal(t, 2, n)
	_, err = c.ResetKey(ctx, m.Name())
	require.NoError(t, err)
	for _, err := range c.URLFetch(ctx, requests[0]) {
		require.Error(t, err)
	}
	for range c.URLFetch(ctx, requests...) {
		break
	}
	require.NoError(t, c.Noop(ctx))
}

func testAnnotate(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	needs(t, c, imap.CapAnnotate)
	m := s.box(t, c, count(3)...)
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	value := func(name, v string) imap.AnnotationAttr { return imap.AnnotationAttr{Name: name, Value: []byte(v)} }
	require.NoError(t, m.Annotate(ctx, imapclient.UIDs(uids.At(0), uids.At(1)),
		imap.Annotation{Entry: "/comment", Attrs: []imap.AnnotationAttr{value("value.priv", "my \"own\"\r\nremark"), value("value.shared", "ours")}}))
	var all [][]imap.Annotation
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Flags, imapclient.Annotation([]string{"/comment"}, []string{"value.priv", "value.shared"})) {
		require.NoError(t, err)
		all = append(all, msg.Annotations)
	}
	require.Len(t, all, 3)
	require.Equal(t, "/comment", all[1][0].Entry)
	require.ElementsMatch(t, []imap.AnnotationAttr{value("value.priv", "my \"own\"\r\nremark"), value("value.shared", "ours")}, all[1][0].Attrs)
	found, err := m.Search(ctx, imap.SearchAnnotation{Entry: "/comment", Attr: "value.shared", Value: "ours"}, nil)
	require.NoError(t, err)
	require.Equal(t, mailbox.UIDSetOf(uids.At(0), uids.At(1)), found.UIDs)
	require.NoError(t, m.Annotate(ctx, imapclient.UIDs(uids.At(0)), imap.Annotation{Entry: "/comment", Attrs: []imap.AnnotationAttr{{Name: "value.shared"}, {Name: "value.priv"}}}))
	found, err = m.Search(ctx, imap.SearchAnnotation{Entry: "/comment", Attr: "value.shared", Value: "ours"}, nil)
	require.NoError(t, err)
	require.Equal(t, mailbox.UIDSetOf(uids.At(1)), found.UIDs)
}

func testMailboxes(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	ns, err := c.Namespace(ctx)
	require.NoError(t, err)
	sep := string(ns.Personal[0].Separator)
	// A separator at the end says that names below will follow (RFC 9051 §6.3.4).
	require.NoError(t, c.Create(ctx, "parent"+sep))
	require.NoError(t, c.Create(ctx, "parent"+sep+"Käse"))
	require.NoError(t, c.Subscribe(ctx, "parent"+sep+"Käse"))
	require.NoError(t, c.Rename(ctx, "parent"+sep+"Käse", "parent"+sep+"チーズ & 1"))
	entries, err := c.List(ctx, &imapclient.ListOptions{Patterns: []string{"parent" + sep + "*"}})
	require.NoError(t, err)
	require.Equal(t, []string{"parent" + sep + "チーズ & 1"}, names(entries))
	m, err := c.Select(ctx, "parent"+sep+"チーズ & 1", nil)
	require.NoError(t, err)
	require.NoError(t, m.Unselect(ctx))
	require.ErrorIs(t, c.Create(ctx, "parent"+sep+"チーズ & 1"), mailbox.ErrExist)
	require.NoError(t, c.Delete(ctx, "parent"+sep+"チーズ & 1"))
	require.ErrorIs(t, c.Delete(ctx, "parent"+sep+"チーズ & 1"), mailbox.ErrNotExist)
	require.ErrorIs(t, c.Rename(ctx, "no such mailbox", "other"), mailbox.ErrNotExist)
	require.Error(t, c.Delete(ctx, "INBOX"))
}

func testStatusAtSites(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c, count(2)...)
	items := []imap.StatusItem{imap.StatusMessages, imap.StatusUIDNext, imap.StatusUIDValidity, imap.StatusUnseen}
	for x, item := range map[imap.Cap]imap.StatusItem{
		imap.CapStatusSize: imap.StatusSize, imap.CapObjectID: imap.StatusMailboxID, imap.CapCondStore: imap.StatusHighestModSeq,
	} {
		if c.Capabilities().Has(x) {
			items = append(items, item)
		}
	}
	st, err := c.Status(ctx, m.Name(), items...)
	require.NoError(t, err)
	require.Equal(t, uint32(2), *st.Messages)
	require.Equal(t, m.Info().UIDValidity, st.UIDValidity)
	if c.Capabilities().Has(imap.CapStatusSize) {
		require.Positive(t, *st.Size)
	}
	if c.Capabilities().Has(imap.CapObjectID) {
		require.Equal(t, m.Info().MailboxID, st.MailboxID)
	}
	_, err = c.Status(ctx, "no such mailbox")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
}
