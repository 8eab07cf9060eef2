package message

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The binary form of a Summary is
//
//	version      octet, 1
//	envelope     block: number of addresses, envelope
//	references   block: list
//	preview      block: text
//	structure    numbers of parts, addresses, parameters and other strings
//	             of lists, root part
//
// with numbers as varints, and strings and blocks with their length before
// them, so that a reader passes over the items that it does not want. The
// numbers of elements let it allocate each kind once. Empty and
// default values are omitted: a mask before each envelope and part says which.
// There are no references to earlier text, since a Summary is small.

const binaryVersion = 1

// Items is a set of items of a Summary.
type Items uint8

// The items.
const (
	ItemEnvelope   Items = 1 << iota // Summary.Envelope
	ItemReferences                   // Summary.References
	ItemPreview                      // Summary.Preview
	ItemStructure                    // Summary.Root

	AllItems = ItemEnvelope | ItemReferences | ItemPreview | ItemStructure
)

// ErrSummary is wrapped by the errors of AppendBinary, for a tree that
// violates the invariants of Part, and of UnmarshalBinary, for octets that are
// not a Summary.
var ErrSummary = errors.New("message: malformed summary")

var (
	_ encoding.BinaryAppender    = (*Summary)(nil)
	_ encoding.BinaryMarshaler   = (*Summary)(nil)
	_ encoding.BinaryUnmarshaler = (*Summary)(nil)
)

// MarshalBinary returns the binary form of the summary.
func (s *Summary) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// AppendBinary appends the binary form of the summary, which later versions of
// this package read as well.
func (s *Summary) AppendBinary(b []byte) ([]byte, error) {
	var env, tree counts
	if s.Root == nil {
		return b, fmt.Errorf("%w: no root part", ErrSummary)
	}
	env.envelope(&s.Envelope)
	if err := tree.part(s.Root, 1); err != nil {
		return b, err
	}
	b = append(b, binaryVersion)
	start := len(b)
	b = binary.AppendUvarint(b, uint64(env.addresses))
	b = appendEnvelope(b, &s.Envelope)
	b = endBlock(b, start)
	start = len(b)
	b = appendStrings(b, s.References)
	b = endBlock(b, start)
	b = appendString(b, s.Preview)
	for _, n := range [...]int{tree.parts, tree.addresses, tree.params, tree.strings} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return appendPart(b, s.Root, 0), nil
}

// endBlock puts the length of what follows start before it.
func endBlock(b []byte, start int) []byte {
	var buf [binary.MaxVarintLen64]byte
	return slices.Insert(b, start, binary.AppendUvarint(buf[:0], uint64(len(b)-start))...)
}

type counts struct{ parts, addresses, params, strings int }

func (c *counts) envelope(e *Envelope) {
	for _, list := range e.lists() {
		c.addresses += len(*list)
	}
}

func (c *counts) part(p *Part, depth int) error {
	if err := p.check(depth); err != nil {
		return err
	}
	c.parts++
	c.params += len(p.Params) + len(p.DispositionParams)
	c.strings += len(p.Language)
	if p.Envelope != nil {
		c.envelope(p.Envelope)
	}
	for _, child := range p.Children {
		if err := c.part(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// check verifies the invariants of a part.
func (p *Part) check(depth int) error {
	switch {
	case p == nil:
		return fmt.Errorf("%w: nil part", ErrSummary)
	case depth > depthCap+1:
		return fmt.Errorf("%w: nested too deep", ErrSummary)
	case (p.Type == "multipart") != (len(p.Children) > 0 && p.Envelope == nil):
		return fmt.Errorf("%w: children of %s/%s", ErrSummary, p.Type, p.Subtype)
	case p.isMessage() != (p.Envelope != nil && len(p.Children) == 1):
		return fmt.Errorf("%w: envelope of %s/%s", ErrSummary, p.Type, p.Subtype)
	}
	return nil
}

func (p *Part) isMessage() bool {
	return p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
}

func (e *Envelope) lists() [6]*[]Address {
	return [6]*[]Address{&e.From, &e.Sender, &e.ReplyTo, &e.To, &e.Cc, &e.Bcc}
}

func (e *Envelope) texts() [4]*string {
	return [4]*string{&e.Date, &e.Subject, &e.InReplyTo, &e.MessageID}
}

const envelopeTime = 1 << 10 // the bit of Envelope.Time, above lists and texts

func appendEnvelope(b []byte, e *Envelope) []byte {
	mask := uint64(0)
	for i, l := range e.lists() {
		if len(*l) > 0 {
			mask |= 1 << i
		}
	}
	for i, t := range e.texts() {
		if *t != "" {
			mask |= 1 << (6 + i)
		}
	}
	if !e.Time.IsZero() {
		mask |= envelopeTime
	}
	b = binary.AppendUvarint(b, mask)
	for _, t := range e.texts() {
		if *t != "" {
			b = appendString(b, *t)
		}
	}
	if !e.Time.IsZero() {
		_, zone := e.Time.Zone()
		b = binary.AppendVarint(b, e.Time.Unix())
		b = binary.AppendVarint(b, int64(zone))
	}
	for _, l := range e.lists() {
		if len(*l) == 0 {
			continue
		}
		b = binary.AppendUvarint(b, uint64(len(*l)))
		for i := range *l {
			b = appendBinaryAddress(b, &(*l)[i])
		}
	}
	return b
}

func (a *Address) texts() [4]*string { return [4]*string{&a.Name, &a.Route, &a.Local, &a.Domain} }

func appendBinaryAddress(b []byte, a *Address) []byte {
	mask := byte(a.Kind) & 3
	for i, t := range a.texts() {
		if *t != "" {
			mask |= 4 << i
		}
	}
	b = append(b, mask)
	for _, t := range a.texts() {
		if *t != "" {
			b = appendString(b, *t)
		}
	}
	return b
}

// The bits of a part's mask.
const (
	partTexts    = 5 // ID, Description, MD5, Location, Disposition
	partEncoding = 1 << (partTexts + iota)
	partParams
	partDispositionParams
	partLanguage
	partChildren
	partEnvelope
	partNotLocated
)

func (p *Part) texts() [partTexts]*string {
	return [partTexts]*string{&p.ID, &p.Description, &p.MD5, &p.Location, &p.Disposition}
}

// commonTypes are written as their number. The list may grow at its end.
var commonTypes = [...][2]string{
	{"", ""}, // any other
	{"text", "plain"}, {"text", "html"}, {"multipart", "alternative"}, {"multipart", "mixed"}, {"multipart", "related"},
	{"message", "rfc822"}, {"application", "octet-stream"}, {"application", "pdf"}, {"image", "jpeg"}, {"image", "png"}, {"image", "gif"},
	{"multipart", "signed"}, {"multipart", "report"}, {"multipart", "digest"}, {"message", "delivery-status"}, {"text", "rfc822-headers"},
	{"application", "pgp-signature"}, {"application", "pkcs7-signature"}, {"text", "calendar"},
}

// appendPart appends a part. base is an offset near its start.
func appendPart(b []byte, p *Part, base int64) []byte {
	mask := uint64(0)
	for i, t := range p.texts() {
		if *t != "" {
			mask |= 1 << i
		}
	}
	set := func(bit uint64, on bool) {
		if on {
			mask |= bit
		}
	}
	set(partEncoding, p.Encoding != "7bit")
	set(partParams, len(p.Params) > 0)
	set(partDispositionParams, len(p.DispositionParams) > 0)
	set(partLanguage, len(p.Language) > 0)
	set(partChildren, len(p.Children) > 0)
	set(partEnvelope, p.Envelope != nil)
	set(partNotLocated, !p.Located)
	b = binary.AppendUvarint(b, mask)

	code := byte(0)
	for i, t := range commonTypes[1:] {
		if t[0] == p.Type && t[1] == p.Subtype {
			code = byte(i + 1)
			break
		}
	}
	b = append(b, code)
	if code == 0 {
		b = appendString(appendString(b, p.Type), p.Subtype)
	}
	if p.Located {
		b = binary.AppendVarint(b, p.HeaderOffset-base)
		b = binary.AppendVarint(b, p.BodyOffset-p.HeaderOffset)
	}
	b = binary.AppendVarint(b, p.BodySize)
	b = binary.AppendVarint(b, p.Lines)
	for _, t := range p.texts() {
		if *t != "" {
			b = appendString(b, *t)
		}
	}
	if p.Encoding != "7bit" {
		b = appendString(b, p.Encoding)
	}
	if len(p.Params) > 0 {
		b = appendParams(b, p.Params)
	}
	if len(p.DispositionParams) > 0 {
		b = appendParams(b, p.DispositionParams)
	}
	if len(p.Language) > 0 {
		b = appendStrings(b, p.Language)
	}
	if p.Envelope != nil {
		b = appendEnvelope(b, p.Envelope)
	}
	if len(p.Children) > 0 {
		b = binary.AppendUvarint(b, uint64(len(p.Children)))
		base = p.BodyOffset
		for _, child := range p.Children {
			b = appendPart(b, child, base)
			base = child.BodyOffset + child.BodySize
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStrings(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

func appendParams(b []byte, list []Param) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, p := range list {
		b = appendString(appendString(b, p.Name), p.Value)
	}
	return b
}
