package grammar

import (
	"encoding/base64"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// WriteCommand writes a command without its tag and without CRLF. Of APPEND it
// writes all up to the octets of the message.
func WriteCommand(e *wire.Encoder, cmd imap.Command) {
	name := func(uid bool) *wire.Encoder {
		if uid {
			e.Raw("UID ")
		}
		return e.Raw(cmd.Name())
	}
	switch c := cmd.(type) {
	case *imap.Login:
		name(false).SP().AString(c.User).SP().String(c.Password)
	case *imap.Authenticate:
		name(false).SP().Atom(c.Mechanism)
		if c.Initial != nil {
			e.SP()
			if len(c.Initial) == 0 {
				e.Raw("=")
			}
			e.B = base64.StdEncoding.AppendEncode(e.B, c.Initial)
		}
	case *imap.ID:
		name(false).SP()
		writeIDFields(e, c.Fields)
	case *imap.Enable:
		name(false)
		for _, cap := range c.Caps {
			e.SP().Atom(string(cap))
		}
	case *imap.Select:
		name(false).SP().Mailbox(c.Mailbox)
		writeSelectParams(e, c)
	case *imap.Create:
		name(false).SP().Mailbox(c.Mailbox)
		if len(c.SpecialUse) > 0 {
			e.Raw(" (USE (")
			for i, a := range c.SpecialUse {
				if i > 0 {
					e.SP()
				}
				writeAttr(e, a)
			}
			e.Raw("))")
		}
	case *imap.Delete:
		name(false).SP().Mailbox(c.Mailbox)
	case *imap.Rename:
		name(false).SP().Mailbox(c.From).SP().Mailbox(c.To)
	case *imap.Subscribe:
		name(false).SP().Mailbox(c.Mailbox)
	case *imap.Unsubscribe:
		name(false).SP().Mailbox(c.Mailbox)
	case *imap.List:
		name(false)
		writeListArgs(e, c)
	case *imap.LSub:
		name(false).SP().Mailbox(c.Reference).SP().ListMailbox(c.Pattern)
	case *imap.Status:
		name(false).SP().Mailbox(c.Mailbox).SP()
		writeItems(e, c.Items)
	case *imap.Append:
		name(false).SP().Mailbox(c.Mailbox)
		WriteMessage(e, &c.Message)
	case *imap.GetQuota:
		name(false).SP().AString(c.Root)
	case *imap.GetQuotaRoot:
		name(false).SP().Mailbox(c.Mailbox)
	case *imap.SetQuota:
		name(false).SP().AString(c.Root).Raw(" (")
		for i, l := range c.Limits {
			if i > 0 {
				e.SP()
			}
			e.Atom(string(l.Name)).SP().Int(l.Limit)
		}
		e.Raw(")")
	case *imap.Expunge:
		name(c.UID)
		if c.UID {
			e.SP().NumSet(c.Set)
		}
	case *imap.Copy:
		name(c.UID).SP().NumSet(c.Set).SP().Mailbox(c.Mailbox)
	case *imap.Move:
		name(c.UID).SP().NumSet(c.Set).SP().Mailbox(c.Mailbox)
	case *imap.Store:
		name(c.UID).SP().NumSet(c.Set).SP()
		writeStoreArgs(e, c)
	case *imap.Fetch:
		name(c.UID).SP().NumSet(c.Set).SP()
		writeFetchArgs(e, c)
	case *imap.Search:
		name(c.UID)
		writeSearchArgs(e, c)
	case *imap.Capability, *imap.Noop, *imap.Logout, *imap.StartTLS, *imap.Namespace, *imap.Idle, *imap.Check, *imap.Close, *imap.Unselect:
		name(false)
	default:
		e.Fail(fmt.Errorf("imap: command %s can't be written", cmd.Name()))
	}
}

// WriteMessage writes what APPEND says of a message, from the blank before it to
// its literal's header.
func WriteMessage(e *wire.Encoder, m *imap.AppendMessage) {
	if len(m.Flags) > 0 {
		e.SP()
		writeFlags(e, m.Flags)
	}
	if !m.Date.IsZero() {
		e.SP().DateTime(m.Date)
	}
	e.SP().LiteralHeader(m.Literal.Size, m.Literal.Binary)
}

func writeIDFields(e *wire.Encoder, fields imap.IDFields) {
	if len(fields) == 0 {
		e.NIL()
		return
	}
	e.Raw("(")
	for i, f := range fields {
		if i > 0 {
			e.SP()
		}
		e.String(f.Name).SP().NString(f.Value)
	}
	e.Raw(")")
}

// writeFlags is strict where Encoder.Flags is not: a client's caller is told.
func writeFlags(e *wire.Encoder, flags []mailbox.Flag) {
	for _, f := range flags {
		if !imap.ValidFlag(f) {
			e.Fail(fmt.Errorf("imap: invalid flag %q", f))
		}
	}
	e.Flags(flags...)
}

func writeSelectParams(e *wire.Encoder, c *imap.Select) {
	q := c.QResync
	if !c.CondStore && q == nil {
		return
	}
	e.Raw(" (")
	if c.CondStore {
		e.Raw("CONDSTORE")
	}
	if q != nil {
		if c.CondStore {
			e.SP()
		}
		e.Raw("QRESYNC (").Uint(uint64(q.UIDValidity)).SP().Uint(uint64(q.ModSeq))
		if !q.KnownUIDs.IsEmpty() {
			e.SP().UIDSet(q.KnownUIDs)
		}
		if q.SeqMatch != nil {
			e.Raw(" (").NumSet(q.SeqMatch.Seqs).SP().NumSet(q.SeqMatch.UIDs).Raw(")")
		}
		e.Raw(")")
	}
	e.Raw(")")
}

// An option is a bit of a set and its name.
type option[T ~uint8] struct {
	bit  T
	name string
}

// writeOptions writes the names of the bits that are set, in parentheses. last
// writes what follows the last of them, if it has arguments.
func writeOptions[T ~uint8](e *wire.Encoder, set T, options []option[T]) {
	e.Raw("(")
	first := true
	for _, o := range options {
		if set&o.bit != 0 {
			if !first {
				e.SP()
			}
			e.Raw(o.name)
			first = false
		}
	}
	e.Raw(")")
}

func writeListArgs(e *wire.Encoder, c *imap.List) {
	if c.Select != 0 {
		e.SP()
		writeOptions(e, c.Select, []option[imap.ListSelect]{
			{imap.SelectSubscribed, "SUBSCRIBED"}, {imap.SelectRemote, "REMOTE"},
			{imap.SelectRecursiveMatch, "RECURSIVEMATCH"}, {imap.SelectSpecialUse, "SPECIAL-USE"},
		})
	}
	e.SP().Mailbox(c.Reference).SP()
	if len(c.Patterns) == 1 {
		e.ListMailbox(c.Patterns[0])
	} else {
		e.Raw("(")
		for i, p := range c.Patterns {
			if i > 0 {
				e.SP()
			}
			e.ListMailbox(p)
		}
		e.Raw(")")
	}
	if c.Return == 0 {
		return
	}
	e.Raw(" RETURN ")
	writeOptions(e, c.Return, []option[imap.ListReturn]{
		{imap.ReturnSubscribed, "SUBSCRIBED"}, {imap.ReturnChildren, "CHILDREN"},
		{imap.ReturnSpecialUse, "SPECIAL-USE"}, {imap.ReturnStatus, "STATUS"},
	})
	if c.Return&imap.ReturnStatus != 0 { // it is the last, and has arguments
		e.B = e.B[:len(e.B)-1]
		e.SP()
		writeItems(e, c.Status)
		e.Raw(")")
	}
}

func writeItems(e *wire.Encoder, items []imap.StatusItem) {
	e.Raw("(")
	for i, item := range items {
		if i > 0 {
			e.SP()
		}
		e.Atom(string(item))
	}
	e.Raw(")")
}

func writeStoreArgs(e *wire.Encoder, c *imap.Store) {
	if c.UnchangedSince != nil {
		e.Raw("(UNCHANGEDSINCE ").Uint(uint64(*c.UnchangedSince)).Raw(") ")
	}
	switch c.Op {
	case mailbox.FlagsAdd:
		e.Raw("+")
	case mailbox.FlagsRemove:
		e.Raw("-")
	}
	e.Raw("FLAGS")
	if c.Silent {
		e.Raw(".SILENT")
	}
	e.SP()
	writeFlags(e, c.Flags)
}

func writeFetchArgs(e *wire.Encoder, c *imap.Fetch) {
	e.Raw("(")
	for i, item := range c.Items {
		if i > 0 {
			e.SP()
		}
		switch {
		case item.Att == imap.FetchPreviewLazy:
			e.Raw("PREVIEW (LAZY)")
		case item.Section == nil:
			e.Raw(item.Att.String())
		case item.Att == imap.FetchBinarySize: // has no PEEK and no partial
			e.SectionQuery(item.Att.String(), &imap.BodySection{Path: item.Section.Path})
		default:
			e.SectionQuery(item.Att.String(), item.Section)
		}
	}
	e.Raw(")")
	if c.ChangedSince == nil {
		return
	}
	e.Raw(" (CHANGEDSINCE ").Uint(uint64(*c.ChangedSince))
	if c.Vanished {
		e.Raw(" VANISHED")
	}
	e.Raw(")")
}
