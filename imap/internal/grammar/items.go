package grammar

import (
	"io"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// An Item is an item of a FETCH response. Which field besides Att and Name holds
// its data depends on Att.
type Item struct {
	Name string // in capitals, without a section
	Att  imap.FetchAtt
	Raw  *imap.Value // an item that is not known here; Att means nothing then

	N         int64 // FetchUID, FetchSize, FetchModSeq, FetchBinarySize
	Flags     []mailbox.Flag
	Time      time.Time // FetchInternalDate, FetchSaveDate (zero: NIL)
	Text      string    // FetchEmailID, FetchThreadID, FetchPreview
	Envelope  *message.Envelope
	Structure *message.Part

	// Section says which octets Body has. It is nil for RFC822 and its kin.
	// Partial has the offset only, and Text is as the server spelled it.
	Section *imap.BodySection
	Body    io.Reader // nil: NIL. Good until the next call of NextItem or Read
	Size    int64     // octets of Body
}

// NextItem returns the next item of the FETCH response that Read has begun, nil
// at its end. An error as from Read ends the response. The Item is good until the
// next call; what it points to, but for Body, may be kept.
func (r *ResponseReader) NextItem() (*Item, error) {
	d := r.d
	if !r.fetch {
		return nil, nil
	}
	if !d.CloseLiteral() {
		return nil, r.skip(d.Err())
	}
	for d.Try(' ') {
	}
	if d.Try(')') {
		r.fetch = false
		if !d.End() {
			return nil, r.skip(d.Err())
		}
		return nil, nil
	}
	r.it = Item{}
	if !d.Element() || !r.item(&r.it) {
		return nil, r.skip(d.Err())
	}
	return &r.it, nil
}

func (r *ResponseReader) item(it *Item) bool {
	d := r.d
	var known bool
	it.Name, it.Att, known = fetchName(d)
	if d.Peek() == '[' {
		return r.section(it)
	}
	if !d.SP() {
		return false
	}
	if !known {
		it.Raw = new(imap.Value)
		return d.Value(it.Raw)
	}
	switch it.Att {
	case imap.FetchUID:
		return d.Number64(&it.N)
	case imap.FetchSize:
		return d.Size(&it.N)
	case imap.FetchFlags:
		return d.FlagList(&it.Flags)
	case imap.FetchInternalDate, imap.FetchSaveDate:
		return d.TryKeyword("NIL") || d.DateTime(&it.Time)
	case imap.FetchEnvelope:
		it.Envelope = new(message.Envelope)
		return ParseEnvelope(d, it.Envelope)
	case imap.FetchBody, imap.FetchBodyStructure:
		it.Structure = new(message.Part)
		return ParseStructure(d, it.Structure)
	case imap.FetchModSeq:
		return d.Special('(') && d.Number64(&it.N) && d.Special(')')
	case imap.FetchEmailID, imap.FetchThreadID:
		return d.TryKeyword("NIL") || d.Special('(') && d.Atom(&it.Text) && d.Special(')')
	case imap.FetchPreview:
		return text(d, &it.Text)
	}
	return r.body(it) // RFC822, RFC822.HEADER, RFC822.TEXT
}

// fetchName reads an item's name, which ends before "[", and looks it up.
func fetchName(d *wire.Decoder) (name string, att imap.FetchAtt, known bool) {
	var buf [32]byte
	b := buf[:0]
	for ch := d.Peek(); ch != '[' && imap.IsAtomChar(ch); ch = d.Peek() {
		b = append(b, ch)
		d.Try(ch)
	}
	wire.Upper(b)
	if att, known = fetchItems[string(b)]; known {
		return att.String(), att, true
	}
	if string(b) == "BODY" {
		return "BODY", imap.FetchBody, true
	}
	return string(b), 0, false
}

func (r *ResponseReader) section(it *Item) bool {
	d := r.d
	name := it.Name
	it.Section = &imap.BodySection{}
	d.Special('[')
	mark := d.Mark()
	if !parseSection(d, it.Section, name != "BODY") {
		return false
	}
	it.Section.Text = string(d.Since(mark))
	if !d.Special(']') {
		return false
	}
	if d.Try('<') {
		it.Section.Partial = &imap.Partial{}
		if !d.Number64(&it.Section.Partial.Offset) || !d.Special('>') {
			return false
		}
	}
	if !d.SP() {
		return false
	}
	switch name {
	case "BODY":
		it.Att = imap.FetchBodySection
	case "BINARY":
		it.Att = imap.FetchBinary
	case "BINARY.SIZE":
		it.Att = imap.FetchBinarySize
		return d.Size(&it.N)
	default:
		it.Raw = new(imap.Value)
		return d.Value(it.Raw)
	}
	return r.body(it)
}

// body reads octets: a literal is left on the connection.
func (r *ResponseReader) body(it *Item) bool {
	d := r.d
	if c := d.Peek(); c == '{' || c == '~' {
		var lit imap.Literal
		if !d.LiteralHeader(&lit) {
			return false
		}
		body, err := d.OpenLiteral()
		if err != nil {
			return false
		}
		it.Body, it.Size = body, lit.Size
		return true
	}
	var s string
	var some bool
	if !d.NString(&s, &some) {
		return false
	}
	if some {
		it.Body, it.Size = strings.NewReader(s), int64(len(s))
	}
	return true
}
