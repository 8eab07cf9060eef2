package grammar

import (
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// contextExt is CONTEXT=SEARCH and CONTEXT=SORT (RFC 5267 §4). PARTIAL is in
// partialExt.
func contextExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapContextSearch, imap.CapContextSort},
		commands: []row[imap.Command]{command("CANCELUPDATE", readCancelUpdate, // §4.3.5
			func(e *wire.Encoder, c *imap.CancelUpdate) {
				if len(c.Tags) == 0 {
					e.Fail(errNoTag)
				}
				for _, tag := range c.Tags {
					e.SP().String(tag)
				}
			})},
		searchReturns: []row[imap.Search]{
			option("CONTEXT", searchReturn, imap.ReturnContext), // §4.2
			updateOption(),
		},
		searchItems: []row[imap.ESearchData]{updateItem("ADDTO", false), updateItem("REMOVEFROM", true)},
		codes: []row[any]{value("NOUPDATE", // §4.3.1
			func(d *decoder, tag *string) bool { return d.SP() && d.AString(tag) },
			func(e *wire.Encoder, tag *string) { e.SP().String(*tag) })},
	}
}

var errNoTag = errors.New("imap: CANCELUPDATE without a tag")

// updateOption is the row of UPDATE (§4.3), which NOTIFY lets data items follow
// (RFC 5465 §7: the grammar there lacks the blank that the example has).
func updateOption() row[imap.Search] {
	r := option("UPDATE", searchReturn, imap.ReturnUpdate)
	r.read = func(d *decoder, c *imap.Search) bool {
		c.Return |= imap.ReturnUpdate
		if d.Peek() == ' ' && d.PeekAt(1) == '(' && d.offers(imap.CapNotify) {
			return d.SP() && readFetchItems(d, &c.Update)
		}
		return true
	}
	r.write = func(e *wire.Encoder, c *imap.Search) {
		if len(c.Update) > 0 {
			writeFetchItems(e.SP(), c.Update)
		}
	}
	return r
}

func readCancelUpdate(d *decoder, c *imap.CancelUpdate) bool {
	for len(c.Tags) == 0 || d.TrySP() {
		var tag string
		if len(c.Tags) == 0 && !d.SP() || !d.Element() || !d.AString(&tag) {
			return false
		}
		c.Tags = append(c.Tags, tag)
	}
	return d.Err() == nil
}

// updateItem is the row of ADDTO or REMOVEFROM (§4.3.3, §4.3.4). The row of the
// first update writes all, since their order matters.
func updateItem(name string, remove bool) row[imap.ESearchData] {
	return row[imap.ESearchData]{
		name: name,
		has:  func(s *imap.ESearchData) bool { return len(s.Updates) > 0 && s.Updates[0].Remove == remove },
		read: func(d *decoder, s *imap.ESearchData) bool {
			return d.SP() && d.List1(func() bool {
				u := imap.SearchUpdate{Remove: remove}
				ok := d.Number(&u.Position) && d.SP() && d.NumSet(&u.Nums)
				s.Updates = append(s.Updates, u)
				return ok
			})
		},
		write: func(e *wire.Encoder, s *imap.ESearchData) { writeUpdates(e, s.Updates) },
	}
}

// writeUpdates writes updates behind the name of the first.
func writeUpdates(e *wire.Encoder, updates []imap.SearchUpdate) {
	for i, u := range updates {
		switch {
		case i == 0:
			e.Raw(" (")
		case u.Remove == updates[i-1].Remove:
			e.SP()
		case u.Remove:
			e.Raw(") REMOVEFROM (")
		default:
			e.Raw(") ADDTO (")
		}
		e.Uint(uint64(u.Position)).SP().NumSet(u.Nums)
	}
	e.Raw(")")
}

// readFetchItems reads a list of data items without macros.
func readFetchItems(d *decoder, items *[]imap.FetchItem) bool {
	var c imap.Fetch
	ok := d.List1(func() bool { return readFetchItem(d, &c, false) })
	*items = c.Items
	return ok
}
