package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func TestGmailLabels(t *testing.T) {
	for line, want := range map[string][]string{
		`(\Inbox \Sent Important "Muy Importante")`:         {`\Inbox`, `\Sent`, "Important", "Muy Importante"}, // Gmail's documentation
		`("\\Important" "\\Inbox" "[Imap]/Sent" inbox)`:     {`\Important`, `\Inbox`, "[Imap]/Sent", "inbox"},   // as Gmail sends them
		"(Entw&APw-rfe \"R&D\" {5}\r\na\"b\\c &- [a]/b x])": {"Entwürfe", "R&D", `a"b\c`, "&", "[a]/b", "x]"},
		"()": nil,
	} {
		r := responsesOf("* 1 FETCH (X-GM-LABELS " + line + ")\r\n")
		_, err := r.Read()
		require.NoError(t, err)
		it, err := r.NextItem()
		require.NoError(t, err, line)
		require.Equal(t, want, it.Labels)
	}

	e := wire.Encoder{Mode: wire.LiteralPlus}
	WriteCommand(&e, &imap.Store{Set: nums(1, 1), Op: mailbox.FlagsAdd, Item: imap.StoreGmailLabels,
		Labels: []string{`\Inbox`, "inbox", "Entwürfe", "", "NIL", `\a b`, "R&D", "a\r\nb LOGOUT", `a"b`}})
	require.NoError(t, e.Err)
	require.Equal(t, `STORE 1 +X-GM-LABELS (\Inbox inbox Entw&APw-rfe "" "NIL" "\\a b" R&-D "a&AA0ACg-b LOGOUT" "a\"b")`, string(e.B))
	e = wire.Encoder{UTF8: true}
	WriteCommand(&e, &imap.Store{Set: nums(1, 1), Item: imap.StoreGmailLabels, Labels: []string{"Entwürfe", "R&D"}})
	require.Equal(t, `STORE 1 +X-GM-LABELS ("Entwürfe" R&D)`, string(e.B))
	cmd, err := parseOne(t, `STORE 1 +X-GM-LABELS "a b"`)
	require.NoError(t, err)
	require.Equal(t, []string{"a b"}, cmd.(*imap.Store).Labels)
}

func TestGmailSearch(t *testing.T) {
	e := wire.Encoder{Mode: wire.LiteralPlus}
	WriteCommand(&e, &imap.Search{Key: imap.SearchGmail{Query: "für"}})
	require.NoError(t, e.Err)
	require.Equal(t, "SEARCH CHARSET UTF-8 X-GM-RAW {4+}\r\nfür", string(e.B))
	_, err := parseOne(t, "SEARCH X-GM-MSGID 18446744073709551616")
	require.Error(t, err)
	_, err = parseOne(t, "SEARCH X-GM-MSGID -1")
	require.Error(t, err)
}

// Items that only a client knows.
func TestRawItem(t *testing.T) {
	e := wire.Encoder{}
	c := &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{
		{Att: imap.FetchUID}, {Att: imap.FetchRaw, Name: "X-A"}, {Att: imap.FetchRaw, Name: "X-B[1]<0.5>", Args: []imap.Value{imap.ListOf(imap.String("a b"), imap.Atom("c"))}},
	}}
	WriteCommand(&e, c)
	require.NoError(t, e.Err)
	require.Equal(t, `FETCH 1 (UID X-A X-B[1]<0.5> ("a b" c))`, string(e.B))
	for _, it := range []imap.FetchItem{{Att: imap.FetchRaw}, {Att: imap.FetchRaw, Name: "A B"}, {Att: imap.FetchRaw, Name: "A\r\nB"}, {Att: imap.FetchRaw, Name: "A)"},
		{Att: imap.FetchRaw, Name: "A", Args: []imap.Value{imap.Atom("b\n")}}} {
		e := wire.Encoder{}
		WriteCommand(&e, &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{it}})
		require.Error(t, e.Err, it)
	}
}
