package grammar

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// aclExt is ACL (RFC 4314, and RFC 2086 before it).
func aclExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapACL},
		commands: []row[imap.Command]{
			command("SETACL",
				func(d *decoder, c *imap.SetACL) bool {
					return readIdentifier(d, &c.Mailbox, &c.Identifier) && d.SP() && readModRights(d, c)
				},
				func(e *wire.Encoder, c *imap.SetACL) {
					e.SP().Mailbox(c.Mailbox).SP().AString(c.Identifier).SP()
					writeModRights(e, c)
				}),
			command("DELETEACL",
				func(d *decoder, c *imap.DeleteACL) bool { return readIdentifier(d, &c.Mailbox, &c.Identifier) },
				func(e *wire.Encoder, c *imap.DeleteACL) { e.SP().Mailbox(c.Mailbox).SP().AString(c.Identifier) }),
			named("GETACL", func(c *imap.GetACL) *string { return &c.Mailbox }),
			command("LISTRIGHTS",
				func(d *decoder, c *imap.ListRights) bool { return readIdentifier(d, &c.Mailbox, &c.Identifier) },
				func(e *wire.Encoder, c *imap.ListRights) { e.SP().Mailbox(c.Mailbox).SP().AString(c.Identifier) }),
			named("MYRIGHTS", func(c *imap.MyRights) *string { return &c.Mailbox }),
		},
		responses: []row[Response]{
			data("ACL", readACLData, writeACLData),
			data("LISTRIGHTS", readListRightsData, writeListRightsData),
			data("MYRIGHTS",
				func(d *decoder, r *imap.MyRightsData) bool {
					return d.SP() && d.Mailbox(&r.Mailbox) && d.SP() && readRights(d, &r.Rights)
				},
				func(e *wire.Encoder, r *imap.MyRightsData) {
					e.SP().Mailbox(r.Mailbox).SP()
					writeRights(e, "", r.Rights)
				}),
		},
	}
}

func readIdentifier(d *decoder, box, id *string) bool {
	return d.SP() && d.Mailbox(box) && d.SP() && d.AString(id)
}

// readRights reads rights, which have lower-case letters and digits only (RFC 4314
// §7). A client takes what the server sends.
func readRights(d *decoder, r *imap.Rights) bool {
	if !d.AString((*string)(r)) {
		return false
	}
	return d.Tolerant || checkRights(d, *r)
}

func checkRights(d *decoder, r imap.Rights) bool {
	return r.Valid() || d.Fail(&imap.Error{Status: imap.BAD, Text: "rights are lower-case letters"}) // RFC 4314 §3.1
}

func readModRights(d *decoder, c *imap.SetACL) bool {
	var s string
	if !d.AString(&s) {
		return false
	}
	switch {
	case s != "" && s[0] == '+':
		c.Op, s = imap.RightsAdd, s[1:]
	case s != "" && s[0] == '-':
		c.Op, s = imap.RightsRemove, s[1:]
	}
	c.Rights = imap.Rights(s)
	return checkRights(d, c.Rights)
}

func writeModRights(e *wire.Encoder, c *imap.SetACL) {
	sign := ""
	switch c.Op {
	case imap.RightsAdd:
		sign = "+"
	case imap.RightsRemove:
		sign = "-"
	}
	writeRights(e, sign, c.Rights)
}

func writeRights(e *wire.Encoder, sign string, r imap.Rights) {
	if !r.Valid() {
		e.Fail(fmt.Errorf("imap: invalid rights %q", r))
		return
	}
	e.AString(sign + string(r))
}

func readACLData(d *decoder, a *imap.ACLData) bool {
	if !d.SP() || !d.Mailbox(&a.Mailbox) {
		return false
	}
	for d.TrySP() {
		var x imap.ACLEntry
		if !d.Element() || !d.AString(&x.Identifier) || !d.SP() || !readRights(d, &x.Rights) {
			return false
		}
		a.Entries = append(a.Entries, x)
	}
	return d.Err() == nil
}

func writeACLData(e *wire.Encoder, a *imap.ACLData) {
	e.SP().Mailbox(a.Mailbox)
	for _, x := range a.Entries {
		e.SP().AString(x.Identifier).SP()
		writeRights(e, "", x.Rights)
	}
}

func readListRightsData(d *decoder, l *imap.ListRightsData) bool {
	if !readIdentifier(d, &l.Mailbox, &l.Identifier) || !d.SP() || !readRights(d, &l.Required) {
		return false
	}
	for d.TrySP() {
		var r imap.Rights
		if !d.Element() || !readRights(d, &r) {
			return false
		}
		l.Optional = append(l.Optional, r)
	}
	return d.Err() == nil
}

func writeListRightsData(e *wire.Encoder, l *imap.ListRightsData) {
	e.SP().Mailbox(l.Mailbox).SP().AString(l.Identifier).SP()
	writeRights(e, "", l.Required)
	for _, r := range l.Optional {
		e.SP()
		writeRights(e, "", r)
	}
}
