package message

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func TestSmoke(t *testing.T) {
	in := crlf(`From: "A. B" <a@b.example>, =?utf-8?Q?x,y?= <c@d.example>
To: Group: a@b, "x y"@z;, undisclosed:;
Subject: =?iso-8859-1?Q?Andr=E9?= folded
 here
Date: Fri, 21 Nov 1997 09:55:06 -0600
Message-ID: <1@x>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b 1"

preamble
--b 1

text 1
--b 1
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/alternative; boundary=in

--in
Content-Type: text/html

<p>hi
--in--
--b 1
Content-Type: application/pdf; name*0*=utf-8''a%20; name*1=b
Content-Transfer-Encoding: BASE64
Content-Disposition: attachment; filename="x y.pdf"

AAAA

--b 1--
epilogue
`)
	sum, defects, err := Parse(strings.NewReader(in), nil)
	require.NoError(t, err)
	require.Empty(t, defects)
	require.Len(t, sum.Root.Children, 3)
	p := sum.Root.Children[0]
	require.Equal(t, "text 1", in[p.BodyOffset:p.BodyOffset+p.BodySize])
	require.EqualValues(t, 1, p.Lines)
	p = sum.Root.Children[1].Children[0].Children[0]
	require.Equal(t, "<p>hi", in[p.BodyOffset:p.BodyOffset+p.BodySize])
	p = sum.Root.Children[2]
	require.Equal(t, "AAAA\r\n", in[p.BodyOffset:p.BodyOffset+p.BodySize])
	require.Equal(t, "x y.pdf", p.Filename())
	require.Equal(t, "a b", p.Param("name"))
	t.Logf("%+v", sum.Envelope)
	b, err := sum.AppendBinary(nil)
	require.NoError(t, err)
	var got Summary
	require.NoError(t, got.UnmarshalBinary(b))
	require.Equal(t, sum, &got)
}
