package grammar

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// metadataExt is METADATA and METADATA-SERVER (RFC 5464).
func metadataExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapMetadata, imap.CapMetadataServer},
		commands: []row[imap.Command]{
			command("GETMETADATA", readGetMetadata, writeGetMetadata),
			command("SETMETADATA",
				func(d *decoder, c *imap.SetMetadata) bool {
					return d.SP() && d.Mailbox(&c.Mailbox) && d.SP() && readMetadataEntries(d, &c.Entries)
				},
				func(e *wire.Encoder, c *imap.SetMetadata) {
					writeMetadataEntries(e.SP().Mailbox(c.Mailbox).SP(), c.Entries)
				}),
		},
		responses: []row[Response]{data("METADATA", readMetadataData, writeMetadataData)},
		codes:     []row[any]{value("METADATA", readMetadataCode, writeMetadataCode)},
	}
}

// metadataOptions are the options of GETMETADATA (RFC 5464 §4.2.1, §4.2.2).
func metadataOptions() table[imap.GetMetadata] {
	return table[imap.GetMetadata]{
		{
			name: "MAXSIZE", has: func(c *imap.GetMetadata) bool { return c.MaxSize != nil },
			read: func(d *decoder, c *imap.GetMetadata) bool {
				c.MaxSize = new(int64)
				return d.SP() && d.Number64(c.MaxSize)
			},
			write: func(e *wire.Encoder, c *imap.GetMetadata) { e.SP().Int(*c.MaxSize) },
		},
		{
			name: "DEPTH", has: func(c *imap.GetMetadata) bool { return c.Depth != imap.DepthZero },
			read: func(d *decoder, c *imap.GetMetadata) bool {
				if !d.SP() {
					return false
				}
				switch w := d.Word(); {
				case wire.Is(w, "0"):
					c.Depth = imap.DepthZero
				case wire.Is(w, "1"):
					c.Depth = imap.DepthOne
				case wire.Is(w, "INFINITY"):
					c.Depth = imap.DepthInfinity
				default:
					return d.Expected("0, 1 or infinity")
				}
				return true
			},
			write: func(e *wire.Encoder, c *imap.GetMetadata) {
				if c.Depth == imap.DepthOne {
					e.Raw(" 1")
				} else {
					e.Raw(" infinity")
				}
			},
		},
	}
}

// readGetMetadata reads the options before the mailbox, as in the grammar of RFC
// 5464 §5, or behind it, as in the examples of §4.2.1 and §4.2.2. Several entries may
// lack their parentheses, as in the examples of §4.4.1.
func readGetMetadata(d *decoder, c *imap.GetMetadata) bool {
	options := func() bool {
		return d.List1(func() bool { return metadataOptions().read(d, c, "option of GETMETADATA") }) && d.SP()
	}
	if !d.SP() || d.Peek() == '(' && !options() || !d.Mailbox(&c.Mailbox) || !d.SP() {
		return false
	}
	if next := d.PeekAt(1) | 0x20; d.Peek() == '(' && next >= 'a' && next <= 'z' && !options() {
		return false
	}
	entry := func() bool {
		var s string
		if !readEntryName(d, &s) {
			return false
		}
		c.Entries = append(c.Entries, s)
		return true
	}
	if d.Peek() == '(' {
		return d.List1(entry)
	}
	for {
		if !d.Element() || !entry() {
			return false
		}
		if !d.TrySP() {
			return true
		}
	}
}

func writeGetMetadata(e *wire.Encoder, c *imap.GetMetadata) {
	if t := metadataOptions(); t.of(c) != nil {
		t.write(e.SP(), c)
	}
	e.SP().Mailbox(c.Mailbox).SP()
	if len(c.Entries) == 1 {
		writeEntryName(e, c.Entries[0])
		return
	}
	writeAll(e, c.Entries, func(s string) { writeEntryName(e, s) })
}

// readEntryName reads the name of an entry, which begins with "/" (RFC 5464 §3.2).
// That tells a list of entries from one of options.
func readEntryName(d *decoder, s *string) bool {
	return d.AString(s) && (d.Tolerant || strings.HasPrefix(*s, "/") || d.Expected(`entry that begins with "/"`))
}

func writeEntryName(e *wire.Encoder, s string) {
	if !strings.HasPrefix(s, "/") {
		e.Fail(fmt.Errorf("imap: entry %q does not begin with /", s))
		return
	}
	e.AString(s)
}

func readMetadataEntries(d *decoder, list *[]imap.MetadataEntry) bool {
	return d.List1(func() bool {
		var x imap.MetadataEntry
		if !readEntryName(d, &x.Name) || !d.SP() || !d.NString8(&x.Value) {
			return false
		}
		*list = append(*list, x)
		return true
	})
}

func writeMetadataEntries(e *wire.Encoder, list []imap.MetadataEntry) {
	writeAll(e, list, func(x imap.MetadataEntry) {
		writeEntryName(e, x.Name)
		e.SP().NString8(x.Value)
	})
}

func readMetadataData(d *decoder, m *imap.MetadataData) bool {
	if !d.SP() || !d.Mailbox(&m.Mailbox) || !d.SP() {
		return false
	}
	if d.Peek() == '(' {
		return readMetadataEntries(d, &m.Entries)
	}
	for {
		var s string
		if !d.Element() || !d.AString(&s) {
			return false
		}
		if m.Changed = append(m.Changed, s); !d.TrySP() {
			return d.Err() == nil
		}
	}
}

func writeMetadataData(e *wire.Encoder, m *imap.MetadataData) {
	e.SP().Mailbox(m.Mailbox)
	if len(m.Changed) == 0 {
		writeMetadataEntries(e.SP(), m.Entries)
		return
	}
	for _, s := range m.Changed {
		writeEntryName(e.SP(), s)
	}
}

func readMetadataCode(d *decoder, c *imap.MetadataCode) bool {
	if !d.SP() || !d.Atom(&c.Reason) {
		return false
	}
	c.Reason = string(wire.Upper([]byte(c.Reason)))
	return !d.TrySP() || d.Number64(&c.N)
}

func writeMetadataCode(e *wire.Encoder, c *imap.MetadataCode) {
	e.SP().Atom(c.Reason)
	if c.Reason == imap.MetadataLongEntries || c.Reason == imap.MetadataMaxSize {
		e.SP().Int(c.N)
	}
}
