package message

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestTransferDecoder(t *testing.T) {
	for _, c := range []struct{ enc, in, want string }{
		{"base64", "SGVsbG8=", "Hello"},
		{"base64", "SGVs\r\nbG8=\r\n", "Hello"},
		{"base64", "SGVsbG8", "Hello"},
		{"base64", "SGVsbA", "Hell"},
		{"base64", "S-G*V s\tb!G8", "Hello"},
		{"base64", "SGVsbG8=IFdvcmxk", "Hello World"},
		{"base64", "SGVsbA==bw==", "Hello"},
		{"base64", "====", ""},
		{"base64", "A", ""},
		{"base64", "", ""},
		{"base64", strings.Repeat("AAAA", 5000), strings.Repeat("\x00", 15000)},
		// RFC 2045 §6.7.
		{"quoted-printable", "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.", "Now's the time for all folk to come to the aid of their country."},
		{"quoted-printable", "a=3D=e4=E4\r\n", "a=\xe4\xe4\r\n"},
		{"quoted-printable", "a \t\r\nb  \nc ", "a\r\nb\nc"},
		{"quoted-printable", "a b  c", "a b  c"},
		{"quoted-printable", "a= \t\r\nb=\nc=", "abc"},
		{"quoted-printable", "a=zz=4", "a=zz=4"},
		{"quoted-printable", "a=\rb", "a=\rb"},
		{"quoted-printable", strings.Repeat(" ", 3000) + "x", strings.Repeat(" ", 3000) + "x"},
		{"quoted-printable", strings.Repeat("x", 9000) + "=20", strings.Repeat("x", 9000) + " "},
		{"x-uuencode", "preamble\nbegin 644 x.txt\n#0V%T\n`\nend\nafter\n", "Cat"},
		{"uuencode", "begin 644 x\r\n&0V%T0V%T\r\n#0V%T\r\nend", "CatCatCat"},
		{"7bit", "as=20is", "as=20is"},
		{"x-unknown", "as=20is", "as=20is"},
	} {
		got, err := io.ReadAll(NewTransferDecoder(iotest.HalfReader(strings.NewReader(c.in)), c.enc))
		require.NoError(t, err)
		require.Equal(t, c.want, string(got), "%s %.40q", c.enc, c.in)
	}
	broken := errors.New("broken")
	for _, enc := range []string{"base64", "quoted-printable", "x-uuencode", "7bit"} {
		require.True(t, KnownEncoding(enc))
		_, err := io.ReadAll(NewTransferDecoder(iotest.ErrReader(broken), enc))
		require.ErrorIs(t, err, broken)
	}
	require.False(t, KnownEncoding("x-unknown"))
}

func TestCharsetReader(t *testing.T) {
	for _, c := range []struct{ charset, in, want string }{
		{"utf-8", "ä", "ä"},
		{"", "ä\xe4", "ää"},
		{"x-nonsense", "\x93\xe4", "“ä"},
		{"us-ascii", "a\xe4", "aä"},
		{"ISO-8859-15", "\xa4", "€"},
		{"utf-16le", "a\x00b\x00", "ab"},
		{"shift_jis", "\x93\xfa\x96\x7b", "日本"},
		{"utf-7", "a+AOQ-b+-+2D3eAA-", "aäb+😀"},
	} {
		got, err := io.ReadAll(NewCharsetReader(iotest.OneByteReader(strings.NewReader(c.in)), c.charset))
		require.NoError(t, err)
		require.Equal(t, c.want, string(got), c.charset)
	}
	require.True(t, KnownCharset("KOI8-R"))
	require.True(t, KnownCharset("iso-8859-1"))
	require.True(t, KnownCharset("cp1251"))
	require.False(t, KnownCharset("x-nonsense"))
	require.False(t, KnownCharset("iso-2022-kr"))
}
