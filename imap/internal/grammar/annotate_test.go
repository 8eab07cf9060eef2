package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// The examples of RFC 5257 §4.
func TestAnnotate(t *testing.T) {
	fetch := func(entries, attrs []string) imap.Command {
		return &imap.Fetch{Set: nums(1, 1), Items: []imap.FetchItem{{Att: imap.FetchAnnotation, Annotation: &imap.AnnotationQuery{Entries: entries, Attrs: attrs}}}}
	}
	store := func(a ...imap.Annotation) imap.Command {
		return &imap.Store{Set: nums(1, 1), Op: mailbox.FlagsReplace, Item: imap.StoreAnnotation, Annotations: a}
	}
	attr := func(name, value string) imap.AnnotationAttr {
		return imap.AnnotationAttr{Name: name, Value: []byte(value)}
	}
	for line, want := range map[string]imap.Command{
		"SELECT INBOX (ANNOTATE)":                                     &imap.Select{Mailbox: "INBOX", Annotate: true},
		"FETCH 1 (ANNOTATION (/comment value))":                       fetch([]string{"/comment"}, []string{"value"}),
		"FETCH 1 (ANNOTATION (/* (value.priv size.priv)))":            fetch([]string{"/*"}, []string{"value.priv", "size.priv"}),
		"FETCH 1 (ANNOTATION (/% value.shared))":                      fetch([]string{"/%"}, []string{"value.shared"}),
		"FETCH 1 (ANNOTATION ((/comment /altsubject) value.priv))":    fetch([]string{"/comment", "/altsubject"}, []string{"value.priv"}),
		`FETCH 1 (ANNOTATION ((/comment "/a b") value))`:              fetch([]string{"/comment", "/a b"}, []string{"value"}),
		`STORE 1 ANNOTATION (/comment (value.priv "My new comment"))`: store(imap.Annotation{Entry: "/comment", Attrs: []imap.AnnotationAttr{attr("value.priv", "My new comment")}}),
		`STORE 1 ANNOTATION (/comment (value.shared NIL))`:            store(imap.Annotation{Entry: "/comment", Attrs: []imap.AnnotationAttr{{Name: "value.shared"}}}),
		`STORE 1 ANNOTATION (/comment (value.priv "x" value.shared "foo's bar") /altsubject (value.priv ""))`: store(
			imap.Annotation{Entry: "/comment", Attrs: []imap.AnnotationAttr{attr("value.priv", "x"), attr("value.shared", "foo's bar")}},
			imap.Annotation{Entry: "/altsubject", Attrs: []imap.AnnotationAttr{attr("value.priv", "")}}),
		`SEARCH ANNOTATION /comment value "IMAP4"`:            &imap.Search{Key: imap.SearchAnnotation{Entry: "/comment", Attr: "value", Value: "IMAP4"}},
		`SEARCH ANNOTATION * value.priv "IMAP4"`:              &imap.Search{Key: imap.SearchAnnotation{Entry: "*", Attr: "value.priv", Value: "IMAP4"}},
		"STORE 1 ANNOTATION (/a (value.priv ~{2+}\r\n\x00b))": store(imap.Annotation{Entry: "/a", Attrs: []imap.AnnotationAttr{attr("value.priv", "\x00b")}}),
	} {
		cmd, err := parseOne(t, line)
		require.NoError(t, err, line)
		require.Equal(t, want, cmd)
		e := wire.Encoder{Mode: wire.LiteralPlus}
		WriteCommand(&e, cmd)
		require.NoError(t, e.Err)
		require.Equal(t, line, string(e.B))
	}
	for _, line := range []string{
		"STORE 1 +ANNOTATION (/a (value.priv NIL))", "STORE 1 ANNOTATION.SILENT (/a (value.priv NIL))", "STORE 1 ANNOTATION (/a)", "STORE 1 ANNOTATION ()",
		"FETCH 1 (ANNOTATION)", "FETCH 1 (ANNOTATION (/a))", "FETCH 1 (ANNOTATION (/a ()))", "APPEND x ANNOTATION (/a (value.priv NIL))",
	} {
		_, err := parseOne(t, line)
		require.ErrorIs(t, err, &imap.Error{Status: imap.BAD}, line)
	}
	e := wire.Encoder{}
	WriteCommand(&e, &imap.Store{Set: nums(1, 1), Item: imap.StoreAnnotation, Annotations: []imap.Annotation{{Entry: "/a", Attrs: []imap.AnnotationAttr{{Name: "value.priv"}}}}})
	require.Equal(t, "STORE 1 ANNOTATION (/a (value.priv NIL))", string(e.B), "whatever Op is")

	// An APPEND with everything that may stand before its parts.
	e = wire.Encoder{}
	m := imap.AppendMessage{Flags: []mailbox.Flag{mailbox.FlagDraft}, Catenate: true, Annotations: []imap.Annotation{{Entry: "/comment", Attrs: []imap.AnnotationAttr{attr("value.priv", "Don't send until I say so")}}}}
	WriteCommand(&e, &imap.Append{Mailbox: "drafts", Message: m})
	require.Equal(t, `APPEND drafts (\Draft) ANNOTATION (/comment (value.priv "Don't send until I say so")) CATENATE (`, string(e.B))
	cmd, err := parseOne(t, string(e.B))
	require.NoError(t, err)
	require.Equal(t, m, cmd.(*imap.Append).Message)

	for line, want := range map[string][]imap.Annotation{
		`(/comment (value.priv "My comment" value.shared NIL) /altsubject (value.priv "My subject" size.priv "10"))`: {
			{Entry: "/comment", Attrs: []imap.AnnotationAttr{attr("value.priv", "My comment"), {Name: "value.shared"}}},
			{Entry: "/altsubject", Attrs: []imap.AnnotationAttr{attr("value.priv", "My subject"), attr("size.priv", "10")}}},
		"(/comment)":               {{Entry: "/comment"}},
		`(/comment "/altsubject")`: {{Entry: "/comment"}, {Entry: "/altsubject"}},
	} {
		r := responsesOf("* 1 FETCH (ANNOTATION " + line + " UID 5)\r\n")
		_, err := r.Read()
		require.NoError(t, err)
		items, _ := itemsOf(t, r)
		require.Len(t, items, 2)
		require.Equal(t, want, items[0].Annotations)
	}
	for line, want := range map[string]any{
		"* OK [ANNOTATIONS 20480 NOPRIVATE]":   imap.AnnotationsCode{MaxSize: 20480, NoPrivate: true},
		"* OK [ANNOTATIONS READ-ONLY]":         imap.AnnotationsCode{ReadOnly: true},
		"* OK [ANNOTATIONS NONE]":              imap.AnnotationsCode{},
		"* OK [ANNOTATIONS]":                   nil,
		"a NO [ANNOTATE TOOBIG] Store failed":  imap.AnnotateTooBig,
		"a NO [ANNOTATE toomany] Store failed": imap.AnnotateTooMany,
	} {
		require.Equal(t, want, status(t, line).Arg, line)
	}
}
