package grammar

import (
	"encoding/base64"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// urlAuthExt is URLAUTH (RFC 4467), and URLAUTH=BINARY (RFC 5524).
func urlAuthExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapURLAuth},
		commands: []row[imap.Command]{
			command("GENURLAUTH", readGenURLAuth, writeGenURLAuth),
			command("RESETKEY", readResetKey, writeResetKey),
			command("URLFETCH", readURLFetch, writeURLFetch),
		},
		responses: []row[Response]{
			data("GENURLAUTH",
				func(d *decoder, g *imap.GenURLAuthData) bool { return readAStrings(d, &g.URLs) },
				func(e *wire.Encoder, g *imap.GenURLAuthData) {
					for _, s := range g.URLs {
						e.SP().String(s)
					}
				}),
			data("URLFETCH", readURLFetchData, writeURLFetchData),
		},
		codes: []row[any]{value("URLMECH", readURLMechs, writeURLMechs)},
	}
}

// readAStrings reads strings, each after a blank, to the end of the line.
func readAStrings(d *decoder, list *[]string) bool {
	for d.TrySP() {
		var s string
		if !d.Element() || !d.AString(&s) {
			return false
		}
		*list = append(*list, s)
	}
	return d.Err() == nil
}

func readGenURLAuth(d *decoder, c *imap.GenURLAuth) bool {
	for len(c.Requests) == 0 || d.TrySP() {
		var x imap.URLAuthRequest
		if len(c.Requests) == 0 && !d.SP() || !d.Element() || !d.AString(&x.URL) || !d.SP() || !d.Atom(&x.Mechanism) {
			return false
		}
		c.Requests = append(c.Requests, x)
	}
	return true
}

func writeGenURLAuth(e *wire.Encoder, c *imap.GenURLAuth) {
	for _, x := range c.Requests {
		e.SP().String(x.URL).SP().Atom(x.Mechanism)
	}
}

func readResetKey(d *decoder, c *imap.ResetKey) bool {
	if !d.TrySP() {
		return true
	}
	if !d.Mailbox(&c.Mailbox) {
		return false
	}
	for d.TrySP() {
		var s string
		if !d.Element() || !d.Atom(&s) {
			return false
		}
		c.Mechanisms = append(c.Mechanisms, s)
	}
	return d.Err() == nil
}

func writeResetKey(e *wire.Encoder, c *imap.ResetKey) {
	if c.Mailbox == "" && len(c.Mechanisms) == 0 {
		return
	}
	e.SP().Mailbox(c.Mailbox)
	for _, s := range c.Mechanisms {
		e.SP().Atom(s)
	}
}

// urlItems are the items that URLFETCH can ask for (RFC 5524 §3.1).
func urlItems() table[imap.URLRequest] {
	items := func(x *imap.URLRequest) *imap.URLItems { return &x.Items }
	return table[imap.URLRequest]{
		option("BODYPARTSTRUCTURE", items, imap.URLBodyPartStructure),
		option("BODY", items, imap.URLBody),
		option("BINARY", items, imap.URLBinary),
	}
}

func readURLFetch(d *decoder, c *imap.URLFetch) bool {
	for len(c.Requests) == 0 || d.TrySP() {
		var x imap.URLRequest
		if len(c.Requests) == 0 && !d.SP() || !d.Element() {
			return false
		}
		if d.Peek() == '(' && d.offers(imap.CapURLAuthBinary) {
			if !d.Special('(') || !d.AString(&x.URL) {
				return false
			}
			for !d.Try(')') {
				if !d.SP() || !urlItems().read(d, &x, "item of URLFETCH") {
					return false
				}
			}
		} else if !d.AString(&x.URL) {
			return false
		}
		c.Requests = append(c.Requests, x)
	}
	return d.Err() == nil
}

func writeURLFetch(e *wire.Encoder, c *imap.URLFetch) {
	for _, x := range c.Requests {
		if e.SP(); x.Items == 0 {
			e.String(x.URL)
			continue
		}
		e.Raw("(").String(x.URL)
		t := urlItems()
		for i := range t {
			if r := &t[i]; r.has(&x) {
				r.writeTo(e.SP(), &x)
			}
		}
		e.Raw(")")
	}
}

// urlData are the items of URLFETCH responses (RFC 5524 §3.2).
func urlData() table[imap.URLData] {
	octets := func(name string, item imap.URLItems, field func(*imap.URLData) *[]byte) row[imap.URLData] {
		return row[imap.URLData]{
			name: name, has: func(u *imap.URLData) bool { return u.Items&item != 0 },
			read: func(d *decoder, u *imap.URLData) bool {
				u.Items |= item
				return d.SP() && d.NString8(field(u))
			},
			write: func(e *wire.Encoder, u *imap.URLData) { e.SP().NString8(*field(u)) },
		}
	}
	return table[imap.URLData]{
		{
			name: "BODYPARTSTRUCTURE", has: func(u *imap.URLData) bool { return u.Items&imap.URLBodyPartStructure != 0 },
			read: func(d *decoder, u *imap.URLData) bool {
				u.Items |= imap.URLBodyPartStructure
				if !d.SP() {
					return false
				}
				if d.TryKeyword("NIL") {
					return true
				}
				u.Structure = new(message.Part)
				return readStructure(d, u.Structure)
			},
			write: func(e *wire.Encoder, u *imap.URLData) {
				if e.SP(); u.Structure == nil {
					e.NIL()
				} else {
					WriteStructure(e, u.Structure, true)
				}
			},
		},
		octets("BODY", imap.URLBody, func(u *imap.URLData) *[]byte { return &u.Body }),
		octets("BINARY", imap.URLBinary, func(u *imap.URLData) *[]byte { return &u.Binary }),
	}
}

// readURLFetchData reads URLs, each with a string, or with items in parentheses (RFC
// 4467 §9, RFC 5524 §5).
func readURLFetchData(d *decoder, f *imap.URLFetchData) bool {
	for more := d.TrySP(); more; {
		var u imap.URLData
		if !d.Element() || !d.AString(&u.URL) || !d.SP() {
			return false
		}
		if d.Peek() != '(' {
			if !d.NString8(&u.Body) {
				return false
			}
			more = d.TrySP()
		}
		for more && d.Peek() == '(' {
			if !readURLData(d, &u) {
				return false
			}
			more = d.TrySP()
		}
		f.URLs = append(f.URLs, u)
	}
	return d.Err() == nil
}

// readURLData reads an item in parentheses; Dovecot has all items in one pair.
func readURLData(d *decoder, u *imap.URLData) bool {
	if !d.Element() || !d.Special('(') {
		return false
	}
	for {
		r := urlData().find(d, d.Word())
		if r == nil {
			return d.SkipTo()
		}
		if !r.read(d, u) {
			return false
		}
		if !d.TrySP() {
			return d.Special(')')
		}
	}
}

func writeURLFetchData(e *wire.Encoder, f *imap.URLFetchData) {
	for i := range f.URLs {
		u := &f.URLs[i]
		if e.SP().String(u.URL); u.Items == 0 {
			e.SP().NString8(u.Body)
			continue
		}
		t := urlData()
		for j := range t {
			if r := &t[j]; r.has(u) {
				r.writeTo(e.Raw(" ("), u)
				e.Raw(")")
			}
		}
	}
}

// readURLMechs reads mechanisms, each with its data in base64 if it has any.
func readURLMechs(d *decoder, list *imap.URLMechs) bool {
	for d.TrySP() {
		var s string
		if !d.Element() || !d.Atom(&s) {
			return false
		}
		name, text, some := strings.Cut(s, "=")
		m := imap.URLMech{Name: name}
		if some {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return d.Expected("base64")
			}
			m.Data = b
		}
		*list = append(*list, m)
	}
	return d.Err() == nil && (len(*list) > 0 || d.Expected("mechanism"))
}

func writeURLMechs(e *wire.Encoder, list *imap.URLMechs) {
	for _, m := range *list {
		if e.SP().Atom(m.Name); m.Data != nil {
			e.Raw("=")
			e.B = base64.StdEncoding.AppendEncode(e.B, m.Data)
		}
	}
}
