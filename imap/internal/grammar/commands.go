package grammar

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/sasl"
)

// commands is the table of all commands. It is read only.
var commands = map[string]Parser{
	"CAPABILITY":   plain[imap.Capability],
	"NOOP":         plain[imap.Noop],
	"LOGOUT":       plain[imap.Logout],
	"STARTTLS":     plain[imap.StartTLS],
	"NAMESPACE":    plain[imap.Namespace],
	"IDLE":         plain[imap.Idle],
	"CHECK":        plain[imap.Check],
	"CLOSE":        plain[imap.Close],
	"UNSELECT":     plain[imap.Unselect],
	"ID":           parseID,
	"LOGIN":        parseLogin,
	"AUTHENTICATE": parseAuthenticate,
	"ENABLE":       parseEnable,
	"SELECT":       func(d *wire.Decoder) imap.Command { return parseSelect(d, false) },
	"EXAMINE":      func(d *wire.Decoder) imap.Command { return parseSelect(d, true) },
	"CREATE":       parseCreate,
	"DELETE": func(d *wire.Decoder) imap.Command {
		var c imap.Delete
		return result(d.SP() && d.Mailbox(&c.Mailbox), &c)
	},
	"RENAME": func(d *wire.Decoder) imap.Command {
		var c imap.Rename
		return result(d.SP() && d.Mailbox(&c.From) && d.SP() && d.Mailbox(&c.To), &c)
	},
	"SUBSCRIBE": func(d *wire.Decoder) imap.Command {
		var c imap.Subscribe
		return result(d.SP() && d.Mailbox(&c.Mailbox), &c)
	},
	"UNSUBSCRIBE": func(d *wire.Decoder) imap.Command {
		var c imap.Unsubscribe
		return result(d.SP() && d.Mailbox(&c.Mailbox), &c)
	},
	"LIST":         parseList,
	"LSUB":         parseLSub,
	"STATUS":       parseStatus,
	"APPEND":       parseAppend,
	"GETQUOTA":     parseGetQuota,
	"GETQUOTAROOT": parseGetQuotaRoot,
	"SETQUOTA":     parseSetQuota,
	"EXPUNGE":      plain[imap.Expunge],
	"UID EXPUNGE": func(d *wire.Decoder) imap.Command {
		c := imap.Expunge{UID: true}
		return result(d.SP() && d.NumSet(&c.Set), &c)
	},
	"SEARCH":     func(d *wire.Decoder) imap.Command { return parseSearch(d, false) },
	"UID SEARCH": func(d *wire.Decoder) imap.Command { return parseSearch(d, true) },
	"FETCH":      func(d *wire.Decoder) imap.Command { return parseFetch(d, false) },
	"UID FETCH":  func(d *wire.Decoder) imap.Command { return parseFetch(d, true) },
	"STORE":      func(d *wire.Decoder) imap.Command { return parseStore(d, false) },
	"UID STORE":  func(d *wire.Decoder) imap.Command { return parseStore(d, true) },
	"COPY":       func(d *wire.Decoder) imap.Command { return parseCopy(d, false) },
	"UID COPY":   func(d *wire.Decoder) imap.Command { return parseCopy(d, true) },
	"MOVE":       func(d *wire.Decoder) imap.Command { return parseMove(d, false) },
	"UID MOVE":   func(d *wire.Decoder) imap.Command { return parseMove(d, true) },
}

// plain is the parser of a command without arguments.
func plain[T any, C interface {
	*T
	imap.Command
}](*wire.Decoder) imap.Command {
	return C(new(T))
}

// result is cmd if ok, else nil.
func result(ok bool, cmd imap.Command) imap.Command {
	if !ok {
		return nil
	}
	return cmd
}

func parseLogin(d *wire.Decoder) imap.Command {
	var c imap.Login
	return result(d.SP() && d.AString(&c.User) && d.SP() && d.AString(&c.Password), &c)
}

func parseAuthenticate(d *wire.Decoder) imap.Command {
	var c imap.Authenticate
	if !d.SP() || !d.Atom(&c.Mechanism) {
		return nil
	}
	c.Mechanism = strings.ToUpper(c.Mechanism)
	if !d.TrySP() { // RFC 4959 §3
		return &c
	}
	text := d.Rest()
	for len(text) > 0 && text[len(text)-1] == ' ' {
		text = text[:len(text)-1]
	}
	initial, err := sasl.Decode(text)
	if err != nil {
		d.Fail(&imap.Error{Status: imap.BAD, Text: "invalid base64"})
		return nil
	}
	c.Initial = initial
	return &c
}

func parseEnable(d *wire.Decoder) imap.Command {
	var c imap.Enable
	for len(c.Caps) == 0 || d.TrySP() {
		var s string
		if len(c.Caps) == 0 && !d.SP() || !d.Element() || !d.Atom(&s) {
			return nil
		}
		c.Caps = append(c.Caps, imap.Cap(s))
	}
	return &c
}

// parseID reads a list of pairs, or NIL (RFC 2971 §3.1).
func parseID(d *wire.Decoder) imap.Command {
	var c imap.ID
	if !d.SP() {
		return nil
	}
	return result(idFields(d, &c.Fields), &c)
}

func idFields(d *wire.Decoder, fields *imap.IDFields) bool {
	if d.TryKeyword("NIL") {
		return true
	}
	return d.List(func() bool {
		var f imap.IDField
		if len(*fields) == imap.MaxIDFields {
			return d.Fail(&wire.LimitError{What: "too many ID fields", Limit: imap.MaxIDFields})
		}
		if !d.AString(&f.Name) || !d.SP() || !text(d, &f.Value) {
			return false
		}
		*fields = append(*fields, f)
		return true
	})
}

func parseSelect(d *wire.Decoder, readOnly bool) imap.Command {
	c := imap.Select{ReadOnly: readOnly}
	if !d.SP() || !d.Mailbox(&c.Mailbox) {
		return nil
	}
	if !d.TrySP() {
		return &c
	}
	ok := d.List1(func() bool { // select-params, RFC 4466 §2.4
		switch w := d.Word(); {
		case wire.Is(w, "CONDSTORE"):
			c.CondStore = true
			return true
		case wire.Is(w, "QRESYNC"):
			return d.SP() && parseQResync(d, &c)
		}
		return d.Expected("select parameter")
	})
	return result(ok, &c)
}

// parseQResync reads RFC 7162 §3.2.5's parameter.
func parseQResync(d *wire.Decoder, c *imap.Select) bool {
	q := &imap.QResync{}
	c.QResync = q
	if !d.Special('(') || !d.NZNumber(&q.UIDValidity) || !d.SP() || !d.ModSeq(&q.ModSeq) {
		return false
	}
	if d.TrySP() && d.Peek() != '(' {
		if !d.UIDSet(&q.KnownUIDs) {
			return false
		}
		d.TrySP()
	}
	if d.Peek() == '(' {
		q.SeqMatch = &imap.SeqMatch{}
		if !d.Special('(') || !d.NumSet(&q.SeqMatch.Seqs) || !d.SP() || !d.NumSet(&q.SeqMatch.UIDs) || !d.Special(')') {
			return false
		}
	}
	return d.Special(')')
}

func parseCreate(d *wire.Decoder) imap.Command {
	var c imap.Create
	if !d.SP() || !d.Mailbox(&c.Mailbox) {
		return nil
	}
	if !d.TrySP() {
		return &c
	}
	// create-param, RFC 6154 §3
	if !d.Special('(') || !d.Keyword("USE") || !d.SP() {
		return nil
	}
	ok := d.List(func() bool {
		var s string
		if !d.Special('\\') || !d.Atom(&s) {
			return false
		}
		c.SpecialUse = append(c.SpecialUse, imap.MailboxAttr(`\`+s))
		return true
	})
	return result(ok && d.Special(')'), &c)
}

func parseCopy(d *wire.Decoder, uid bool) imap.Command {
	c := imap.Copy{UID: uid}
	return result(d.SP() && d.NumSet(&c.Set) && d.SP() && d.Mailbox(&c.Mailbox), &c)
}

func parseMove(d *wire.Decoder, uid bool) imap.Command {
	c := imap.Move{UID: uid}
	return result(d.SP() && d.NumSet(&c.Set) && d.SP() && d.Mailbox(&c.Mailbox), &c)
}
