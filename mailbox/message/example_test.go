package message_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

const exampleMessage = `From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.org>
To: Team: alice@example.com, "Smith, Bob" <bob@example.com>;
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Sch=F6ne Gr=FC=DFe!
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--b--
`

func ExampleParse() {
	msg := strings.NewReader(exampleMessage)
	sum, defects, err := message.Parse(msg, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(message.DecodeText(sum.Envelope.Subject), len(defects))
	fmt.Println(message.DecodeText(sum.Envelope.From[0].Name))
	fmt.Println(sum.Preview)
	for _, part := range sum.Root.Children {
		fmt.Println(part.Type, part.Subtype, part.Filename(), part.BodyOffset, part.BodySize)
	}
	// Output:
	// Grüße 0
	// Jürgen
	// Schöne Grüße!
	// text plain  287 19
	// application pdf Grüße.pdf 446 12
}

func ExampleDecodedBody() {
	msg := strings.NewReader(exampleMessage)
	sum, _, _ := message.Parse(msg, nil)
	text, _ := io.ReadAll(message.DecodedBody(msg, sum.Root.Find(1)))
	fmt.Printf("%s\n", text)
	// Output: Schöne Grüße!
}

func ExampleParser() {
	// A Parser is a Writer: what is stored can be parsed on its way.
	p := message.NewParser(&message.Options{MaxParts: 100})
	_, _ = io.Copy(io.MultiWriter(io.Discard, p), strings.NewReader("Subject: x\nbroken line\n\nbody\n"))
	sum, defects := p.Finish()
	fmt.Println(sum.Envelope.Subject, sum.Root.Lines)
	for _, d := range defects {
		fmt.Println(d, errors.Is(d, message.DefectNoColon))
	}
	// Output:
	// x 1
	// header line without a field name at octet 11 true
}

func ExamplePart_Section() {
	msg := strings.NewReader(exampleMessage)
	sum, _, _ := message.Parse(msg, nil)
	// BODY[2.MIME]
	if span, ok := sum.Root.Section([]int{2}, message.SectionMIME); ok {
		header, _ := message.ReadHeader(span.Reader(msg), 4096)
		fmt.Println(header.Get("Content-Type"))
	}
	// Output: application/pdf
}

func ExampleSelectFields() {
	_, _ = io.Copy(os.Stdout, message.SelectFields(strings.NewReader(exampleMessage), []string{"Subject", "From"}, false))
	// Output:
	// From: =?utf-8?Q?J=C3=BCrgen?= <juergen@example.org>
	// Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
}

func ExampleParseAddressList() {
	list, ok := message.ParseAddressList(`"Doe, J." <j@example.org>, Friends: a@example.com;, broken <x@example.net`, 0)
	for _, a := range list {
		fmt.Println(a)
	}
	fmt.Println(ok)
	// Output:
	// "Doe, J." <j@example.org>
	// Friends:
	// a@example.com
	// ;
	// broken <x@example.net>
	// false
}

func ExampleAddress_AddrSpec() {
	a := message.Address{Local: "odd> local", Domain: "example.org"}
	fmt.Println(a.AddrSpec())
	a.Domain = "example.org> x"
	_, err := a.AddrSpec()
	fmt.Println(err)
	// Output:
	// "odd> local"@example.org <nil>
	// message: address can't be written: domain "example.org> x"
}

func ExampleBaseSubject() {
	fmt.Println(message.BaseSubject("Re: [list] =?utf-8?Q?Gr=C3=BC=C3=9Fe?= (fwd)"))
	// Output: Grüße true
}

func ExampleSummary_AppendBinary() {
	sum, _, _ := message.Parse(strings.NewReader(exampleMessage), nil)
	stored, _ := sum.AppendBinary(nil)
	var again message.Summary
	err := again.UnmarshalBinary(stored)
	fmt.Println(len(stored) < 400, again.Root.Find(2).Filename(), err)
	// Output: true Grüße.pdf <nil>
}
