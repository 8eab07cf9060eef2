package message

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestContentType(t *testing.T) {
	plain := func(params ...Param) Part { return Part{Type: "text", Subtype: "plain", Params: params} }
	for _, c := range []struct {
		in   string
		want Part
		kind DefectKind
	}{
		{in: `text/plain; charset=us-ascii (Plain text)`, want: plain(Param{"charset", "us-ascii"})}, // RFC 2045 §5.1
		{in: `text/plain; charset="us-ascii"`, want: plain(Param{"charset", "us-ascii"})},
		{in: `TEXT / HTML ; Charset = "UTF-8" ;`, want: Part{Type: "text", Subtype: "html", Params: []Param{{"charset", "UTF-8"}}}},
		{in: `text/plain (comment; x=y); a="b\"c;d"; e=""`, want: plain(Param{"a", `b"c;d`}, Param{"e", ""})},
		{in: `application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A`,
			want: Part{Type: "application", Subtype: "x-stuff", Params: []Param{{"title*", "us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"}}}},

		{in: ``, want: plain(), kind: DefectContentType},
		{in: `text`, want: plain(), kind: DefectContentType},
		{in: `X-ZIP; boundary=""`, want: plain(Param{"boundary", ""}), kind: DefectContentType},
		{in: `text/; charset=x`, want: plain(Param{"charset", "x"}), kind: DefectContentType},
		{in: `text/plain charset=utf-8`, want: plain(Param{"charset", "utf-8"})},
		{in: `text/plain; charset=utf-8 format=flowed`, want: plain(Param{"charset", "utf-8"}, Param{"format", "flowed"}), kind: DefectParam},
		{in: `text/plain; name=my file (1).txt; x=y`, want: plain(Param{"name", "my file (1).txt"}, Param{"x", "y"}), kind: DefectParam},
		{in: `text/plain; name=a (b; c=d).txt; x=y`, want: plain(Param{"name", "a (b; c=d).txt"}, Param{"x", "y"}), kind: DefectParam},
		{in: `text/plain; name=a (b; charset=utf-8 (x)`, want: plain(Param{"name", "a (b"}, Param{"charset", "utf-8"}), kind: DefectParam},
		{in: `text/plain; name="no end; x=y`, want: plain(Param{"name", "no end"}, Param{"x", "y"}), kind: DefectParam},
		{in: `text/plain; =x; a=b`, want: plain(Param{"a", "b"}), kind: DefectParam},
		{in: `text/plain; a; b=c`, want: plain(Param{"b", "c"}), kind: DefectParam},
		{in: `multipart/mixed; boundary=a=b/c`, want: Part{Type: "multipart", Subtype: "mixed", Params: []Param{{"boundary", "a=b/c"}}}, kind: DefectParam},
		{in: `text/plain; charset=`, want: plain(Param{"charset", ""}), kind: DefectParam},
		{in: `text/plain; name="a" b="c"`, want: plain(Param{"name", "a"}, Param{"b", "c"})},
		{in: `text/html; charset=utf-8; charset=latin1`, want: Part{Type: "text", Subtype: "html", Params: []Param{{"charset", "utf-8"}, {"charset", "latin1"}}}},
	} {
		t.Run(c.in, func(t *testing.T) {
			got := plain()
			require.Equal(t, c.kind, parseContentType(&got, c.in))
			require.Equal(t, c.want, got)
		})
	}
}

func TestParam(t *testing.T) {
	for _, c := range []struct{ in, name, want string }{
		// RFC 2231 §3.
		{`message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"`, "url", "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"},
		// RFC 2231 §4.
		{`application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A`, "title", "This is ***fun***"},
		// RFC 2231 §4.1.
		{`application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"`, "title", "This is even more ***fun*** isn't it!"},
		{`a/b; x*1=b; x*0=a; x*3=d`, "x", "ab"},
		{`a/b; x*0*=utf-8''%C3; x*1*=%A4`, "x", "ä"},
		{`a/b; x=plain; x*=utf-8''%C3%A4`, "x", "ä"},
		{`a/b; x*1=b; x=plain`, "x", "plain"},
		{`a/b; x*=iso-8859-1'de'%E4%zz%`, "x", "ä%zz%"},
		{`a/b; x*=%C3%A4`, "x", "ä"},
		{`a/b; x*=nonsense''%E4`, "x", "ä"},
		{`a/b; x*=utf-8''a%00%0D%0Ab`, "x", "a   b"},
		{`a/b; x*00=a; x*0=b`, "x", "a"},
		{`a/b; xy=a; x*9999999999=b`, "x", ""},
	} {
		t.Run(c.in, func(t *testing.T) {
			var p Part
			parseContentType(&p, c.in)
			require.Equal(t, c.want, p.Param(c.name))
		})
	}
}

func TestFilename(t *testing.T) {
	for _, c := range []struct{ contentType, disposition, want string }{
		{`a/b; name="a.txt"`, ``, "a.txt"},
		{`a/b; name="a.txt"`, `attachment; filename=b.txt`, "b.txt"},
		{`a/b; name="=?utf-8?Q?=C3=A4.txt?="`, `attachment`, "ä.txt"},
		{`a/b`, `attachment; filename*=utf-8''=?utf-8?Q?=C3=A4?=`, "=?utf-8?Q?=C3=A4?="},
		{"a/b; name=\"\xe4.txt\"", ``, "ä.txt"},
		{`a/b`, `; filename="x"`, "x"},
	} {
		var p Part
		parseContentType(&p, c.contentType)
		parseDisposition(&p, c.disposition)
		require.Equal(t, c.want, p.Filename())
	}
}
