package grammar

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// fetchExt is FETCH (RFC 9051 §6.4.5, §7.5.2) with the data items without a section.
func fetchExt() extension {
	number := func(att imap.FetchAtt) row[Item] {
		return datum(att,
			func(d *decoder, it *Item) bool { return d.Size(&it.N) },
			func(e *wire.Encoder, it *Item) { e.Int(it.N) })
	}
	structure := func(att imap.FetchAtt) row[Item] {
		return datum(att,
			func(d *decoder, it *Item) bool {
				it.Structure = &d.parts.take(1)[0]
				return readStructure(d, it.Structure)
			},
			func(e *wire.Encoder, it *Item) { WriteStructure(e, it.Structure, att == imap.FetchBodyStructure) })
	}
	return extension{
		commands: pair("FETCH", "UID FETCH", func(c *imap.Fetch) *bool { return &c.UID }, readFetch, writeFetch),
		fetchItems: []row[imap.FetchItem]{
			item(imap.FetchUID), item(imap.FetchFlags), item(imap.FetchInternalDate), item(imap.FetchSize),
			item(imap.FetchEnvelope), item(imap.FetchBodyStructure), item(imap.FetchBody),
		},
		fetchData: []row[Item]{
			number(imap.FetchUID),
			number(imap.FetchSize),
			datum(imap.FetchFlags,
				readFlagSet,
				func(e *wire.Encoder, it *Item) { e.FlagSet(it.Flags, false) }),
			datum(imap.FetchInternalDate,
				func(d *decoder, it *Item) bool { return d.TryKeyword("NIL") || d.DateTime(&it.Time) },
				func(e *wire.Encoder, it *Item) { e.DateTime(it.Time) }),
			datum(imap.FetchEnvelope,
				func(d *decoder, it *Item) bool {
					it.Envelope = new(message.Envelope)
					return readEnvelope(d, it.Envelope)
				},
				func(e *wire.Encoder, it *Item) { WriteEnvelope(e, it.Envelope) }),
			structure(imap.FetchBodyStructure),
			structure(imap.FetchBody),
		},
	}
}

// item is the row of a data item that is requested by its name alone.
func item(att imap.FetchAtt) row[imap.FetchItem] {
	return row[imap.FetchItem]{
		name: att.String(), has: func(it *imap.FetchItem) bool { return it.Att == att },
		read: func(_ *decoder, it *imap.FetchItem) bool { it.Att = att; return true },
	}
}

// datum is the row of a data item's value. read and write begin with the value:
// the name and the blank before it are handled alike for all items.
func datum(att imap.FetchAtt, read func(*decoder, *Item) bool, write func(*wire.Encoder, *Item)) row[Item] {
	return sectionDatum(att.String(), att, read, write)
}

func sectionDatum(name string, att imap.FetchAtt, read func(*decoder, *Item) bool, write func(*wire.Encoder, *Item)) row[Item] {
	return row[Item]{
		name: name, has: func(it *Item) bool { return it.Att == att && it.Raw == nil },
		read:  func(d *decoder, it *Item) bool { it.Att = att; return read(d, it) },
		write: write,
	}
}

// readFlagSet reads a list of flags. Most messages of a mailbox have one of a few
// lists, so those that were read last are kept.
func readFlagSet(d *decoder, it *Item) bool {
	line := d.Line()
	mark := d.Mark()
	if end := bytes.IndexByte(line[min(mark.Pos(), len(line)):], ')'); end >= 0 {
		if set, ok := d.flagSets[string(line[mark.Pos():mark.Pos()+end+1])]; ok {
			d.Advance(end + 1)
			it.Flags = set
			return true
		}
	}
	var flags []mailbox.Flag
	if !d.FlagList(&flags) {
		return false
	}
	it.Flags = mailbox.NewFlagSet(flags...)
	if text := d.Since(mark); text != nil && len(text) <= maxFlagText {
		if len(d.flagSets) >= maxFlagSets {
			clear(d.flagSets)
		}
		if d.flagSets == nil {
			d.flagSets = map[string]mailbox.FlagSet{}
		}
		d.flagSets[string(text)] = it.Flags
	}
	return true
}

// Bounds of what readFlagSet keeps.
const (
	maxFlagSets = 1024
	maxFlagText = 1024
)

func readFetch(d *decoder, c *imap.Fetch) bool {
	if !d.SP() || !d.NumSet(&c.Set) || !d.SP() {
		return false
	}
	if d.Peek() == '(' {
		if !d.List1(func() bool { return readFetchItem(d, c, false) }) {
			return false
		}
	} else if !readFetchItem(d, c, true) {
		return false
	}
	if !d.TrySP() {
		return true
	}
	// fetch-modifiers, RFC 4466 §2.4
	if !d.List1(func() bool { return all().fetchModifiers.read(d, c, "fetch modifier") }) {
		return false
	}
	if c.Vanished && (!c.UID || c.ChangedSince == nil) { // RFC 7162 §3.2.6
		return d.Expected("VANISHED with UID FETCH and CHANGEDSINCE only")
	}
	return true
}

func writeFetch(e *wire.Encoder, c *imap.Fetch) {
	e.SP().NumSet(c.Set).SP()
	writeFetchItems(e, c.Items)
	if t := all().fetchModifiers; t.of(c) != nil {
		t.write(e.SP(), c)
	}
}

func writeFetchItems(e *wire.Encoder, items []imap.FetchItem) {
	writeAll(e, items, func(it imap.FetchItem) {
		if it.Att == imap.FetchRaw {
			WriteValue(e, imap.Atom(it.Name))
			writeValues(e, it.Args)
			return
		}
		if r := all().fetchItems.of(&it); r != nil {
			r.writeTo(e, &it)
			return
		}
		e.Fail(fmt.Errorf("imap: data item %s can't be written", it.Att))
	})
}

// fetchMacros are the macros of RFC 9051 §6.4.5.
var fetchMacros = map[string][]imap.FetchAtt{
	"FAST": {imap.FetchFlags, imap.FetchInternalDate, imap.FetchSize},
	"ALL":  {imap.FetchFlags, imap.FetchInternalDate, imap.FetchSize, imap.FetchEnvelope},
	"FULL": {imap.FetchFlags, imap.FetchInternalDate, imap.FetchSize, imap.FetchEnvelope, imap.FetchBody},
}

// readFetchItem reads a fetch-att, or a macro if macro is true.
func readFetchItem(d *decoder, c *imap.Fetch, macro bool) bool {
	var buf [32]byte
	name := readItemName(d, buf[:0])
	if r := all().fetchItems.find(d, name); r != nil {
		c.Items = append(c.Items, imap.FetchItem{})
		return r.read(d, &c.Items[len(c.Items)-1])
	}
	atts, ok := fetchMacros[string(name)]
	if !ok || !macro {
		return d.Expected("fetch item")
	}
	for _, att := range atts {
		c.Items = append(c.Items, imap.FetchItem{Att: att})
	}
	return true
}

// readItemName appends an item's name in capitals. ATOM-CHAR includes "[", which
// ends a name that a section follows.
func readItemName(d *decoder, b []byte) []byte {
	for ch := d.Peek(); imap.IsAtomChar(ch); ch = d.Peek() {
		b = append(b, ch)
		d.Try(ch)
		if ch == '[' {
			break
		}
	}
	return wire.Upper(b)
}

// An Item is an item of a FETCH response. Att determines which other field holds
// its data.
type Item struct {
	Name string // in capitals, without a section
	Att  imap.FetchAtt
	Raw  *imap.Value // the value of an unknown item; Att is then meaningless

	N           int64           // FetchUID, FetchSize, FetchModSeq, FetchBinarySize
	Flags       mailbox.FlagSet // FetchFlags, without \Recent
	Time        time.Time       // FetchInternalDate, FetchSaveDate (zero: NIL)
	Text        string          // FetchEmailID, FetchThreadID, FetchPreview
	Envelope    *message.Envelope
	Structure   *message.Part
	ID          uint64            // FetchGmailMessageID, FetchGmailThreadID
	Labels      []string          // FetchGmailLabels
	Annotations []imap.Annotation // FetchAnnotation

	// Section says which octets Body has. It is nil for RFC822, RFC822.HEADER
	// and RFC822.TEXT. Partial has the offset only, and Text is as the server
	// spelled it.
	Section *imap.BodySection
	Body    io.Reader // nil: NIL. Valid until the next call of NextItem or Read
	Size    int64     // octets of Body
}

// NextItem returns the next item of the FETCH response that Read has begun, or
// nil at its end. An error as from Read ends the response. The Item is valid until
// the next call; the values that it points to, except Body, remain valid.
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
	if !d.Element() || !readItem(d, &r.it) {
		return nil, r.skip(d.Err())
	}
	return &r.it, nil
}

func readItem(d *decoder, it *Item) bool {
	var buf [32]byte
	name := readItemName(d, buf[:0])
	known := all().fetchData.find(d, name)
	if n := len(name); n > 0 && name[n-1] == '[' {
		name = name[:n-1]
		var ok bool
		if it.Section, ok = readDataSection(d, string(name) != "BODY"); !ok {
			return false
		}
	}
	if !d.SP() {
		return false
	}
	if known == nil {
		it.Name, it.Raw = string(name), new(imap.Value)
		return d.Value(it.Raw)
	}
	ok := known.read(d, it)
	it.Name = it.Att.String() // no allocation
	return ok
}

// BeginFetch begins a FETCH response. The caller then writes the items, separated
// by blanks, each with WriteItemName and its value, and calls EndFetch.
func BeginFetch(e *wire.Encoder, seq uint32) { e.Raw("* ").Uint(uint64(seq)).Raw(" FETCH (") }

// EndFetch ends the response that BeginFetch began.
func EndFetch(e *wire.Encoder) { e.Raw(")").CRLF() }

// WriteItemName writes the name of a data item as in a response, with the section
// that the client asked for, and a blank.
func WriteItemName(e *wire.Encoder, att imap.FetchAtt, s *imap.BodySection) {
	if e.Raw(att.String()); s != nil {
		writeDataSection(e, s)
	}
	e.SP()
}
