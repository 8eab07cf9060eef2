package message

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

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

// Misspelt encodings that encode nothing are no reason to hide a message.
func TestMessageEncoding(t *testing.T) {
	for enc, typ := range map[string]string{"8-bit": "message", "": "message", "none": "message", "binary": "message", "base64": "application", "Quoted-Printable": "application"} {
		sum, _, err := Parse(strings.NewReader("Content-Type: message/rfc822\nContent-Transfer-Encoding: "+enc+"\n\nSubject: x\n\ny"), nil)
		require.NoError(t, err)
		require.Equal(t, typ, sum.Root.Type, enc)
	}
}

func TestParserFinished(t *testing.T) {
	p := NewParser(nil)
	_, err := p.Write([]byte("Subject: x\n"))
	require.NoError(t, err)
	sum, _ := p.Finish()
	again, _ := p.Finish()
	require.Same(t, sum, again)
	_, err = p.Write([]byte("y"))
	require.ErrorIs(t, err, ErrFinished)
}

func TestParseReadError(t *testing.T) {
	broken := errors.New("broken")
	sum, _, err := Parse(io.MultiReader(strings.NewReader("Subject: x\n\nbody"), iotest.ErrReader(broken)), nil)
	require.ErrorIs(t, err, broken)
	require.Equal(t, "x", sum.Envelope.Subject)
	require.EqualValues(t, 4, sum.Root.BodySize)
}

// What is past a limit is passed over, and nothing else.
func TestLimits(t *testing.T) {
	opts := &Options{MaxHeaderSize: 100, MaxFields: 3, MaxAddresses: 2, MaxDepth: 2, MaxParts: 3}
	parse := func(s string) (*Summary, []Defect) {
		sum, defects, err := Parse(strings.NewReader(s), opts)
		require.NoError(t, err)
		return sum, defects
	}
	sum, defects := parse("To: a@b, c@d, e@f\nCc: g@h\n\n")
	require.Len(t, sum.Envelope.To, 2)
	require.Empty(t, sum.Envelope.Cc)
	require.True(t, hasDefect(defects, DefectAddressCount))

	sum, defects = parse("To: g: a@b, c@d;\n\n")
	require.Equal(t, group("g", mb("", "a", "b")), sum.Envelope.To)
	require.True(t, hasDefect(defects, DefectAddressCount))

	sum, defects = parse("A: 1\nB: 2\nC: 3\nSubject: x\n\nbody")
	require.Empty(t, sum.Envelope.Subject)
	require.True(t, hasDefect(defects, DefectFieldCount))
	require.EqualValues(t, 4, sum.Root.BodySize)

	sum, defects = parse("A: 1\nB: " + strings.Repeat("x", 200) + "\nSubject: y\n\nbody")
	require.Equal(t, "y", sum.Envelope.Subject)
	require.True(t, hasDefect(defects, DefectHeaderSize))
	require.EqualValues(t, 4, sum.Root.BodySize)

	const nest = "Content-Type: multipart/mixed; boundary=%\n\n--%\n"
	sum, defects = parse(strings.ReplaceAll(nest, "%", "a") + strings.ReplaceAll(nest, "%", "b") + "\nx\n--b--\n--a--\n")
	require.Equal(t, "application", sum.Root.Children[0].Type)
	require.True(t, hasDefect(defects, DefectDepth))

	sum, defects = parse(strings.ReplaceAll(nest, "%", "a") + "\n1\n--a\n\n2\n--a\n\n3\n--a\n\n4\n--a--\n")
	require.Len(t, sum.Root.Children, 2)
	require.EqualValues(t, 1, sum.Root.Children[1].BodySize)
	require.True(t, hasDefect(defects, DefectPartCount))
}

func TestSummaryBroken(t *testing.T) {
	leaf := func() *Part { return &Part{Type: "text", Subtype: "plain", Encoding: "7bit"} }
	deep := leaf()
	for range depthCap + 1 {
		deep = &Part{Type: "multipart", Subtype: "mixed", Encoding: "7bit", Children: []*Part{deep}}
	}
	for _, root := range []*Part{
		nil,
		{Type: "multipart"},
		{Type: "text", Children: []*Part{leaf()}},
		{Type: "message", Subtype: "rfc822"},
		{Type: "message", Subtype: "rfc822", Envelope: &Envelope{}},
		{Type: "multipart", Children: []*Part{nil}},
		deep,
	} {
		_, err := (&Summary{Root: root}).AppendBinary(nil)
		require.ErrorIs(t, err, ErrSummary)
	}
	b, err := (&Summary{Root: leaf()}).AppendBinary(nil)
	require.NoError(t, err)
	var s Summary
	for i := range b {
		require.ErrorIs(t, s.UnmarshalBinary(b[:i]), ErrSummary)
	}
	require.ErrorIs(t, s.UnmarshalBinary(append(b, 0)), ErrSummary)
	require.Nil(t, s.Root)
	b[0] = 99
	require.ErrorIs(t, s.UnmarshalBinary(b), ErrSummary)
	// A count that promises more than there is.
	require.ErrorIs(t, s.UnmarshalBinary([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0}), ErrSummary)
}

func TestPreview(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "\n\n  Hello,\n\tworld. \n", "Hello, world."},
		{"quoted lines", "\n> old\nnew\n> old\n", "new"},
		{"only quoted lines", "\n> old\n", "> old"},
		{"long", "\n" + strings.Repeat("äb ", 300), strings.TrimSpace(strings.Repeat("äb ", 67))},
		{"base64", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nR3LDvMOfZQ==\n", "Grüße"},
		{"attachment only", "Content-Disposition: attachment\n\nx\n", ""},
		{"not text", "Content-Type: image/png\n\nx\n", ""},
		{"encrypted", "\n-----BEGIN PGP MESSAGE-----\nx\n", ""},
		{"html", "Content-Type: text/html\n\n<style>x</style><p>a&amp;b</p>c<br>d<b>e</b>\u200b\u00ad", "a&b c de"},
		{"plain is empty", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\n \n--b\nContent-Type: text/html\n\n<p>x\n--b--", "x"},
		{"html, then its plain alternative", "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>x\n--b\n\ny\n--b--", "y"},
		{"html, then a footer", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>x\n--b\n\nfooter\n--b--", "x"},
		{"forwarded only", "Content-Type: message/rfc822\n\nSubject: x\n\ninner", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			sum, _, err := Parse(strings.NewReader(c.in), nil)
			require.NoError(t, err)
			require.Equal(t, c.want, sum.Preview)
		})
	}
}
