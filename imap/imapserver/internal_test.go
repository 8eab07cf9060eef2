package imapserver

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/textproto"
)

// TestFilterLongHeaders: headers too long to be held, lines too long for any
// buffer.
func TestFilterLongHeaders(t *testing.T) {
	long := strings.Repeat("word ", 20_000)
	header := "X-Long: " + long + "\r\nSubject: short\r\n" + strings.Repeat("X-Many: "+strings.Repeat("z", 60)+"\r\n\tfolded\r\n", 5000) + "To: me\r\n\r\n"
	f := &fetcher{Conn: &Conn{ctx: t.Context(), tp: textproto.NewConn(nil, nil)}}
	for _, tc := range []struct {
		sec  imap.BodySection
		want string
	}{
		{imap.BodySection{Spec: imap.SectionHeaderFields, Fields: []string{"to", "SUBJECT"}}, "Subject: short\r\nTo: me\r\n\r\n"},
		{imap.BodySection{Spec: imap.SectionHeaderFields, Fields: []string{"x-long"}}, "X-Long: " + long + "\r\n\r\n"},
		{imap.BodySection{Spec: imap.SectionHeaderFieldsNot, Fields: []string{"X-Many", "X-Long"}}, "Subject: short\r\nTo: me\r\n\r\n"},
		{imap.BodySection{Spec: imap.SectionHeaderFields, Fields: []string{"none"}}, "\r\n"},
	} {
		var out bytes.Buffer
		require.NoError(t, f.filter(&out, newSection(&tc.sec), content(header), span{0, int64(len(header))}))
		require.Equal(t, tc.want, out.String())
		out.Reset()
		w := &window{w: &out, span: span{3, 7}}
		require.NoError(t, f.filter(w, newSection(&tc.sec), content(header), span{0, int64(len(header))}))
		require.Equal(t, tc.want[min(3, len(tc.want)):min(10, len(tc.want))], out.String())
	}
}

type content string

func (c content) Size() int64 { return int64(len(c)) }

func (c content) ReadAt(p []byte, off int64) (int, error) {
	return strings.NewReader(string(c)).ReadAt(p, off)
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"a LOGIN fred secret":         "a LOGIN <hidden>",
		"a login {4}":                 "a login <hidden>",
		" secret":                     "<hidden>",
		"a AUTHENTICATE PLAIN":        "a AUTHENTICATE PLAIN",
		"a AUTHENTICATE PLAIN AGZyZQ": "a AUTHENTICATE PLAIN <hidden>",
		"a SELECT LOGIN":              "a SELECT LOGIN",
		"a FETCH 1 BODY[]":            "a FETCH 1 BODY[]",
		"a uid fetch 1 FLAGS":         "a uid fetch 1 FLAGS",
		"a LOGIN":                     "a LOGIN",
		"a LOGIN ":                    "a LOGIN ",
		"done":                        "done",
		"a":                           "<hidden>",
		"":                            "",
		// What is no command may be a secret.
		"LOGIN fred secret":        "LOGIN <hidden>",
		"fred secret":              "fred <hidden>",
		"a\tLOGIN fred secret":     "<hidden>",
		"a LOGIN\tfred secret":     "a <hidden>",
		"a  LOGIN fred secret":     "a <hidden>",
		"a LOG\x00IN fred secret":  "a <hidden>",
		"AGZyZWQAc2VjcmV0":         "<hidden>",
		"a AUTHENTICATE  AGZyZQ==": "a AUTHENTICATE <hidden>",
		// What the parser does not take is hidden all the same.
		"a AUTHENTICATE PLAIN\tAGZyZQ":  "a AUTHENTICATE <hidden>",
		"a AUTHENTICATE\tPLAIN AGZyZQ":  "a <hidden>",
		"a AUTHENTICATE\tPLAIN\tAGZyZQ": "a <hidden>",
		"a AUTHENTICATE PLAIN=AGZyZQ":   "a AUTHENTICATE <hidden>",
		"a AUTHENTICATE AGZyZQ":         "a AUTHENTICATE <hidden>",
		"a authenticate plain AGZyZQ":   "a authenticate plain <hidden>",
		"a LOGIN\tfred\tsecret":         "a <hidden>",
		"a UID LOGIN fred secret":       "a UID <hidden>",
		"a UID AUTHENTICATE PLAIN x":    "a UID <hidden>",
		"a NOOP\rb LOGIN fred secret":   "<hidden>",
	} {
		require.Equal(t, want, string(newProtocol().redact(textproto.Receive, []byte(in))))
	}
	require.Equal(t, "a LOGIN x y", string(newProtocol().redact(textproto.Send, []byte("a LOGIN x y"))))
}

// A line of a header is not compared with each name of HEADER.FIELDS.
func TestFieldSet(t *testing.T) {
	names := []string{"To", "subject", "X-\u212a", ""}
	set := newFieldSet(names)
	for line, want := range map[string]bool{
		"To: me\r\n": true, "TO : me\r\n": true, "to\t:me": true, "Tom: me": false, "T: me": false, "To\r\n": false,
		"SUBJECT:": true, "x-k: folding is that of ASCII": false, ":": true, "no colon": false,
		strings.Repeat("x", 5000) + ": y": false,
	} {
		require.Equal(t, want, set.begins([]byte(line)), "%q", line)
	}
	for i := range 10_000 {
		names = append(names, fmt.Sprintf("A%d", i))
	}
	set = newFieldSet(names)
	line := []byte("Received: from example.org\r\n")
	require.Zero(t, testing.AllocsPerRun(100, func() { set.begins(line) }))
}
