package message

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddrSpec(t *testing.T) {
	for _, c := range []struct{ local, domain, want string }{
		{"a", "b", "a@b"},
		{"a.b", "c.example", "a.b@c.example"},
		{"a b", "c.example", `"a b"@c.example`},
		{".a", "b", `".a"@b`},
		{`a"\b`, "c", `"a\"\\b"@c`},
		// wneessen/go-mail #495: a local part that pretends to be more.
		{"foo@psres.net> ORCPT=admin@admin.com", "test.com", `"foo@psres.net> ORCPT=admin@admin.com"@test.com`},
		{"дима", "почта.рф", "дима@почта.рф"},
		{"a", "[192.0.2.1]", "a@[192.0.2.1]"},
		{"a", "[IPv6:::1]", "a@[IPv6:::1]"},

		{"", "b", ""},
		{"a", "", ""},
		{"a\r\nb", "c", ""},
		{"a\x00", "c", ""},
		{"a\xff", "c", ""},
		{"a", "b c", ""},
		{"a", "b>", ""},
		{"a", "b..c", ""},
		{"a", ".b", ""},
		{"a", "b@c", ""},
		{"a", "b\r\n", ""},
		{"a", "[x] y]", ""},
		{"a", "[", ""},
		{"a", "b,c", ""},
	} {
		got, err := Address{Local: c.local, Domain: c.domain}.AddrSpec()
		if c.want == "" {
			require.ErrorIs(t, err, ErrAddress, "%q@%q", c.local, c.domain)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestAppendAddresses(t *testing.T) {
	for _, c := range []struct {
		list []Address
		want string
	}{
		{nil, ""},
		{[]Address{mb("", "a", "b"), mb("C D", "c", "d")}, "a@b, C D <c@d>"},
		{[]Address{mb("Joe Q. Public", "j", "d")}, `"Joe Q. Public" <j@d>`},
		{[]Address{mb("=?utf-8?Q?=C3=A4?=", "j", "d")}, `=?utf-8?Q?=C3=A4?= <j@d>`},
		{[]Address{mb(`a "b" \`, "j", "d")}, `"a \"b\" \\" <j@d>`},
		{[]Address{mb(" a ", "j", "d")}, `" a " <j@d>`},
		{append(append([]Address{mb("", "x", "y")}, group("G, H", mb("", "a", "b"), mb("", "c", "d"))...), mb("", "e", "f")), `x@y, "G, H": a@b, c@d;, e@f`},
		{group("Undisclosed recipients"), "Undisclosed recipients: ;"},
	} {
		got, err := AppendAddresses(nil, c.list)
		require.NoError(t, err)
		require.Equal(t, c.want, string(got))
		back, ok := ParseAddressList(c.want, 0)
		require.True(t, ok)
		require.Equal(t, c.list, back)
	}
	for _, list := range [][]Address{
		{mb("a\r\nBcc: x", "a", "b")},
		{mb("", "a", "")},
		{{Kind: GroupEnd}},
		{{Kind: GroupStart, Name: "x"}},
		{{Kind: GroupStart}, {Kind: GroupEnd}},
		{{Kind: GroupStart, Name: "x"}, {Kind: GroupStart, Name: "y"}, {Kind: GroupEnd}, {Kind: GroupEnd}},
	} {
		_, err := AppendAddresses(nil, list)
		require.ErrorIs(t, err, ErrAddress)
	}
}

func TestAddressString(t *testing.T) {
	require.Equal(t, `"A. B" <c@d>`, mb("A. B", "c", "d").String())
	require.Equal(t, `"" <"a\nb"@"c">`, mb("", "a\nb", "c").String())
	require.Equal(t, "g:", Address{Kind: GroupStart, Name: "g"}.String())
	require.Equal(t, ";", Address{Kind: GroupEnd}.String())
}
