package message

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func mb(name, local, domain string) Address {
	return Address{Name: name, Local: local, Domain: domain}
}

func group(name string, members ...Address) []Address {
	list := append([]Address{{Kind: GroupStart, Name: name}}, members...)
	return append(list, Address{Kind: GroupEnd})
}

// addressCases are address lists and how they are to be understood.
var addressCases = []struct {
	name   string
	in     string
	want   []Address
	broken bool
}{
	// RFC 5322 appendix A.1.1 and A.1.2.
	{name: "A.1.1 name", in: `John Doe <jdoe@machine.example>`, want: []Address{mb("John Doe", "jdoe", "machine.example")}},
	{name: "A.1.2 quoted name", in: `"Joe Q. Public" <john.q.public@example.com>`, want: []Address{mb("Joe Q. Public", "john.q.public", "example.com")}},
	{name: "A.1.2 several", in: `Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>`,
		want: []Address{mb("Mary Smith", "mary", "x.test"), mb("", "jdoe", "example.org"), mb("Who?", "one", "y.test")}},
	{name: "A.1.2 quotes in a name", in: `<boss@nil.test>, "Giant; \"Big\" Box" <sysservices@example.net>`,
		want: []Address{mb("", "boss", "nil.test"), mb(`Giant; "Big" Box`, "sysservices", "example.net")}},
	{name: "A.1.3 group", in: `A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;`,
		want: group("A Group", mb("Ed Jones", "c", "a.test"), mb("", "joe", "where.test"), mb("John", "jdoe", "one.test"))},
	{name: "A.1.3 empty group", in: `Undisclosed recipients:;`, want: group("Undisclosed recipients")},
	// RFC 5322 appendix A.5: comments everywhere.
	{name: "A.5 from", in: "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", want: []Address{mb("Pete", "pete", "silly.test")}},
	{name: "A.5 group", in: "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
		want: group("A Group", mb("Chris Jones", "c", "public.example"), mb("", "joe", "example.org"), mb("John", "jdoe", "one.test"))},
	{name: "A.5 empty group", in: "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", want: group("Hidden recipients")},
	// RFC 5322 appendix A.6.1: obsolete addressing.
	{name: "A.6.1", in: `Joe Q. Public <john.q.public@example.com>`, want: []Address{mb("Joe Q. Public", "john.q.public", "example.com")}},
	{name: "A.6.1 route", in: `Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example`,
		want: []Address{{Name: "Mary Smith", Route: "@node.test", Local: "mary", Domain: "example.net"}, mb("", "jdoe", "test.example")}},
	{name: "long route", in: `<@a.example,@b.example:c@d.example>, x@y`, want: []Address{{Route: "@a.example,@b.example", Local: "c", Domain: "d.example"}, mb("", "x", "y")}},

	{name: "empty", in: "", want: nil},
	{name: "commas", in: " , ,, ", want: nil},
	{name: "comment as name", in: "a@b.example (Old \\(Style\\))", want: []Address{mb("Old (Style)", "a", "b.example")}},
	{name: "quoted local part", in: `"a b\"@c" @ d.example, <"x y"@z>`, want: []Address{mb("", `a b"@c`, "d.example"), mb("", "x y", "z")}},
	{name: "domain literal", in: `a@[192.0.2.1], B <b@[IPv6:2001:db8::1]>`, want: []Address{mb("", "a", "[192.0.2.1]"), mb("B", "b", "[IPv6:2001:db8::1]")}},
	{name: "EAI", in: `Дмитрий <дима@почта.рф>, 用户@例子.广告`, want: []Address{mb("Дмитрий", "дима", "почта.рф"), mb("", "用户", "例子.广告")}},
	{name: "encoded word with a comma", in: `=?utf-8?Q?Doe,_J=2E?= <j@d.example>, =?utf-8?B?w6Q=?= =?utf-8?B?w7Y=?= <x@y>`,
		want: []Address{mb("=?utf-8?Q?Doe,_J=2E?=", "j", "d.example"), mb("=?utf-8?B?w6Q=?= =?utf-8?B?w7Y=?=", "x", "y")}},
	{name: "encoded word in quotes", in: `"=?utf-8?Q?a?=" <a@b>`, want: []Address{mb("=?utf-8?Q?a?=", "a", "b")}},

	// What breaks the rules.
	{name: "missing brackets", in: `John Doe john@d.example, x@y`, want: []Address{mb("John Doe", "john", "d.example"), mb("", "x", "y")}, broken: true},
	{name: "name after", in: `john@d.example John Doe`, want: []Address{mb("John Doe", "john", "d.example")}, broken: true},
	{name: "missing end bracket", in: `A <a@b.example, c@d`, want: []Address{mb("A", "a", "b.example"), mb("", "c", "d")}, broken: true},
	{name: "missing comma", in: `A <a@b> C <c@d>`, want: []Address{mb("A", "a", "b"), mb("C", "c", "d")}, broken: true},
	{name: "missing quote", in: `"A B <a@b>, c@d`, want: []Address{mb(`"A B`, "a", "b"), mb("", "c", "d")}, broken: true},
	{name: "missing parenthesis", in: `A (B <a@b>, c@d`, want: []Address{mb(`A (B`, "a", "b"), mb("", "c", "d")}, broken: true},
	{name: "semicolons", in: `a@b; c@d; e@f`, want: []Address{mb("", "a", "b"), mb("", "c", "d"), mb("", "e", "f")}, broken: true},
	{name: "group without an end", in: `g: a@b, c@d`, want: group("g", mb("", "a", "b"), mb("", "c", "d")), broken: true},
	{name: "no domain", in: `root, <postmaster>, a@b`, want: []Address{mb("", "root", ""), mb("", "postmaster", ""), mb("", "a", "b")}, broken: true},
	{name: "only a name", in: `Mail Delivery System, a@b`, want: []Address{mb("Mail Delivery System", "", ""), mb("", "a", "b")}, broken: true},
	{name: "null path", in: `<>, A <>`, want: []Address{mb("", "", ""), mb("A", "", "")}, broken: true},
	{name: "two ats", in: `a@b@c.example`, want: []Address{mb("", "a@b", "c.example")}, broken: true},
	{name: "address as a name", in: `a@b.example <a@b.example>`, want: []Address{mb("a@b.example", "a", "b.example")}},
	{name: "at in a name", in: `Sales @ Shop <s@shop.example>`, want: []Address{mb("Sales @ Shop", "s", "shop.example")}},
	{name: "colon in a name", in: `g: Re: you <a@b>;`, want: group("g", mb("Re: you", "a", "b")), broken: true},
	{name: "double brackets", in: `A <<a@b>>, c@d`, want: nil, broken: true},
	{name: "NUL and CR", in: "A\x00B <a@b>,\rc@d", want: []Address{mb("A B", "a", "b"), mb("", "c", "d")}},
	{name: "ORCPT in a local part", in: `"foo@psres.net> ORCPT=admin@admin.com"@test.com`, want: []Address{mb("", "foo@psres.net> ORCPT=admin@admin.com", "test.com")}},
	{name: "dots", in: `.a..b.@c.example, x@y.`, want: []Address{mb("", ".a..b.", "c.example"), mb("", "x", "y.")}},
}

func TestParseAddressList(t *testing.T) {
	for _, c := range addressCases {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ParseAddressList(c.in, 0)
			if c.want != nil {
				require.Equal(t, c.want, got)
			}
			require.Equal(t, c.broken, !ok)
		})
	}
}
