package message

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDecodeText(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		defect         DefectKind
	}{
		// RFC 2047 §8.
		{name: "§8 From", in: "=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", want: "Keith Moore <moore@cs.utk.edu>"},
		{name: "§8 To", in: "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>", want: "Keld Jørn Simonsen <keld@dkuug.dk>"},
		{name: "§8 Cc", in: "=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>", want: "André Pirard <PIRARD@vm1.ulg.ac.be>"},
		{name: "§8 Subject", in: "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=", want: "If you can read this you understand the example."},
		{name: "§8 Olle", in: "=?ISO-8859-1?Q?Olle_J=E4rnefors?=", want: "Olle Järnefors"},
		{name: "§8 Patrik", in: "=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", want: "Patrik Fältström"},
		{name: "§8 Hebrew", in: "=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", want: "םולש ןב ילטפנ"},
		{name: "§8 a", in: "(=?ISO-8859-1?Q?a?=)", want: "(a)"},
		{name: "§8 a b", in: "(=?ISO-8859-1?Q?a?= b)", want: "(a b)"},
		{name: "§8 ab", in: "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", want: "(ab)"},
		{name: "§8 ab two spaces", in: "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", want: "(ab)"},
		{name: "§8 ab folded", in: "(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", want: "(ab)"},
		{name: "§8 a_b", in: "(=?ISO-8859-1?Q?a_b?=)", want: "(a b)"},
		{name: "§8 a _b", in: "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", want: "(a b)"},
		{name: "RFC 2231 §5 language", in: "=?US-ASCII*EN?Q?Keith_Moore?=", want: "Keith Moore"},

		{name: "empty", in: "", want: ""},
		{name: "plain", in: "plain =?text?", want: "plain =?text?"},
		{name: "character between words", in: "=?utf-8?B?w6Q=?= =?utf-8?B?4oI=?= =?UTF-8?Q?=AC?=", want: "ä€"},
		{name: "words without blanks", in: "a=?utf-8?Q?b?==?utf-8?Q?c?=d", want: "abcd"},
		{name: "blanks in a word", in: "=?utf-8?Q?a b c?=", want: "a b c"},
		{name: "missing padding", in: "=?utf-8?B?w6Q?=", want: "ä"},
		{name: "broken base64", in: "=?utf-8?B?w6Q*?=", want: "ä", defect: DefectEncodedWord},
		{name: "broken Q", in: "=?utf-8?Q?a=zz=?=", want: "a=zz=", defect: DefectEncodedWord},
		{name: "unknown charset", in: "=?x-nonsense?Q?Andr=E9?=", want: "André", defect: DefectCharset},
		{name: "unknown charset that is UTF-8", in: "=?x-nonsense?Q?Andr=C3=A9?=", want: "André", defect: DefectCharset},
		{name: "raw latin1", in: "D\xe9j\xe0 vu \x80", want: "Déjà vu €", defect: DefectRaw8bit},
		{name: "raw UTF-8", in: "Déjà vu", want: "Déjà vu"},
		{name: "raw beside words", in: "\xe9 =?utf-8?Q?=C3=A4?= \xe9", want: "é ä é", defect: DefectRaw8bit},
		{name: "raw octets in a word", in: "=?utf-8?Q?\xc3\xa4?=", want: "ä"},
		{name: "line ends in a word", in: "=?utf-8?Q?a=0D=0ABcc:_x=00?=", want: "a  Bcc: x "},
		{name: "UTF-7", in: "=?utf-7?Q?+AOQ-_=3D_+IKw-?=", want: "ä = €"},
		{name: "ISO-2022-JP", in: "=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=", want: "日本語"},
		{name: "GB2312", in: "=?gb2312?B?1tDOxA==?=", want: "中文"},
		{name: "KOI8-R", in: "=?koi8-r?B?8NLJ18XU?=", want: "Привет"},
		{name: "windows-1252 as latin1", in: "=?iso-8859-1?Q?=93x=94?=", want: "“x”"},
		{name: "cp850", in: "=?cp850?Q?=84?=", want: "ä"},
		{name: "no text", in: "=?utf-8?Q??= x", want: " x"},
		{name: "no encoding", in: "=?utf-8?X?a?=", want: "=?utf-8?X?a?="},
		{name: "half a word", in: "=?utf-8?B?w6Q", want: "=?utf-8?B?w6Q"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, defects := CheckText(c.in)
			require.Equal(t, c.want, got)
			require.Equal(t, got, DecodeText(c.in))
			if c.defect == 0 {
				require.Empty(t, defects)
			} else {
				require.NotEmpty(t, defects)
				require.ErrorIs(t, defects[0], c.defect)
			}
		})
	}
}

func TestBaseSubject(t *testing.T) {
	for _, c := range []struct {
		in, want string
		reply    bool
	}{
		{"", "", false},
		{"Hello", "Hello", false},
		{"Re: Hello", "Hello", true},
		{"RE:re :  Fw: FWD: Hello", "Hello", true},
		{"Re [2]: Hello", "Hello", true},
		{"[list] Hello", "Hello", false},
		{"[list] Re: [list] Hello", "Hello", true},
		{"[a][b] Re[1]: x", "x", true},
		{"[only]", "[only]", false},
		{"[a] [only]", "[only]", false},
		{"Re: [only]", "[only]", true},
		{"Hello (fwd)", "Hello", true},
		{"Hello (fwd) (FWD) ", "Hello", true},
		{"[Fwd: Hello]", "Hello", true},
		{"[fwd: [fwd: Re: Hello]] (fwd)", "Hello", true},
		{"Re:", "", true},
		{"Report: x", "Report: x", false},
		{"a\t b\r\n  c", "a b c", false},
		{"=?utf-8?Q?Re:_=C3=84?=", "Ä", true},
		{"[unclosed Re: x", "[unclosed Re: x", false},
		{"[a[b] x", "[a[b] x", false},
	} {
		t.Run(c.in, func(t *testing.T) {
			base, reply := BaseSubject(c.in)
			require.Equal(t, c.want, base)
			require.Equal(t, c.reply, reply)
		})
	}
}

func TestMessageIDs(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"<a@b>", []string{"<a@b>"}},
		{"<a@b><c@d> (comment) <e @ f>", []string{"<a@b>", "<c@d>", "<e@f>"}},
		{"Your message of Monday <a@b> <c <d@e> <f", []string{"<a@b>", "<d@e>"}},
		{"<> a@b", nil},
	} {
		require.Equal(t, c.want, MessageIDs(c.in))
	}
}
