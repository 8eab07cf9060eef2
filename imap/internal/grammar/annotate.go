package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// annotateExt is ANNOTATE-EXPERIMENT-1 (RFC 5257).
func annotateExt() extension {
	store := storeItem("ANNOTATION", imap.StoreAnnotation, // §4.5
		func(d *decoder, c *imap.Store) bool {
			if c.Op != mailbox.FlagsReplace {
				return d.Expected("ANNOTATION without a sign")
			}
			return readAnnotations(d, &c.Annotations, false)
		},
		func(e *wire.Encoder, c *imap.Store) { writeAnnotations(e, c.Annotations) })[0] // there is no .SILENT
	store.has = func(c *imap.Store) bool { return c.Item == imap.StoreAnnotation }
	return extension{
		caps: []imap.Cap{imap.CapAnnotate},
		selectParams: []row[imap.Select]{{ // §4.2
			name: "ANNOTATE", has: func(c *imap.Select) bool { return c.Annotate },
			read: func(_ *decoder, c *imap.Select) bool { c.Annotate = true; return true },
		}},
		fetchItems: []row[imap.FetchItem]{{ // §4.3
			name: "ANNOTATION", has: func(it *imap.FetchItem) bool { return it.Att == imap.FetchAnnotation && it.Annotation != nil },
			read: readAnnotationItem, write: writeAnnotationItem,
		}},
		fetchData: []row[Item]{datum(imap.FetchAnnotation,
			func(d *decoder, it *Item) bool { return readAnnotations(d, &it.Annotations, true) },
			func(e *wire.Encoder, it *Item) { writeAnnotations(e, it.Annotations) })},
		storeItems: []row[imap.Store]{store},
		appendItems: []row[imap.AppendMessage]{{ // §4.7
			name: "ANNOTATION", has: func(m *imap.AppendMessage) bool { return len(m.Annotations) > 0 },
			read: func(d *decoder, m *imap.AppendMessage) bool {
				return d.SP() && readAnnotations(d, &m.Annotations, false)
			},
			write: func(e *wire.Encoder, m *imap.AppendMessage) { writeAnnotations(e.SP(), m.Annotations) },
		}},
		searchKeys: []row[search.Key]{key("ANNOTATION", imap.SearchAnnotation{}, nil, // §4.8
			func(d *decoder, k *imap.SearchAnnotation) bool {
				var some bool
				return d.SP() && d.Pattern(&k.Entry) && d.SP() && d.AString(&k.Attr) && d.SP() && d.NString(&k.Value, &some) && d.toUTF8(&k.Value)
			},
			func(e *wire.Encoder, k imap.SearchAnnotation) {
				e.SP().Pattern(k.Entry).SP().AString(k.Attr).SP().String(k.Value)
			})},
		codes: []row[any]{
			value("ANNOTATE",
				func(d *decoder, c *imap.AnnotateCode) bool {
					if !d.SP() {
						return false
					}
					*c = imap.AnnotateCode(wire.Upper(d.Word()))
					return *c != "" || d.Expected("atom")
				},
				func(e *wire.Encoder, c *imap.AnnotateCode) { e.SP().Atom(string(*c)) }),
			value("ANNOTATIONS", readAnnotationsCode, writeAnnotationsCode),
		},
	}
}

// readAnnotationItem reads entries and attributes, each of which may be a list.
func readAnnotationItem(d *decoder, it *imap.FetchItem) bool {
	q := &imap.AnnotationQuery{}
	it.Att, it.Annotation = imap.FetchAnnotation, q
	names := func(list *[]string, read func(*string) bool) bool {
		one := func() bool {
			var s string
			if !read(&s) {
				return false
			}
			*list = append(*list, s)
			return true
		}
		if d.Peek() == '(' {
			return d.List1(one)
		}
		return one()
	}
	return d.SP() && d.Special('(') && names(&q.Entries, d.Pattern) && d.SP() && names(&q.Attrs, d.AString) && d.Special(')')
}

func writeAnnotationItem(e *wire.Encoder, it *imap.FetchItem) {
	names := func(list []string, write func(string) *wire.Encoder) {
		if len(list) == 1 {
			write(list[0])
			return
		}
		writeAll(e, list, func(s string) { write(s) })
	}
	e.Raw(" (")
	names(it.Annotation.Entries, e.Pattern)
	e.SP()
	names(it.Annotation.Attrs, e.AString)
	e.Raw(")")
}

// readAnnotations reads entries with their attributes. With bare, an entry may lack
// them (RFC 5257 §4.4).
func readAnnotations(d *decoder, list *[]imap.Annotation, bare bool) bool {
	return d.List1(func() bool {
		var a imap.Annotation
		if !d.AString(&a.Entry) {
			return false
		}
		if !bare || d.Peek() == ' ' && d.PeekAt(1) == '(' {
			if !d.SP() || !d.List1(func() bool {
				var x imap.AnnotationAttr
				if !d.AString(&x.Name) || !d.SP() || !d.NString8(&x.Value) {
					return false
				}
				a.Attrs = append(a.Attrs, x)
				return true
			}) {
				return false
			}
		}
		*list = append(*list, a)
		return true
	})
}

func writeAnnotations(e *wire.Encoder, list []imap.Annotation) {
	writeAll(e, list, func(a imap.Annotation) {
		if e.AString(a.Entry); len(a.Attrs) > 0 {
			writeAll(e.SP(), a.Attrs, func(x imap.AnnotationAttr) { e.AString(x.Name).SP().NString8(x.Value) })
		}
	})
}

func readAnnotationsCode(d *decoder, c *imap.AnnotationsCode) bool {
	switch {
	case !d.SP():
		return false
	case d.TryKeyword("NONE"):
		return true
	case d.TryKeyword("READ-ONLY"):
		c.ReadOnly = true
	case !d.NZNumber(&c.MaxSize):
		return false
	}
	if d.TrySP() {
		c.NoPrivate = true
		return d.Keyword("NOPRIVATE")
	}
	return true
}

func writeAnnotationsCode(e *wire.Encoder, c *imap.AnnotationsCode) {
	switch e.SP(); {
	case c.ReadOnly:
		e.Raw("READ-ONLY")
	case c.MaxSize == 0:
		e.Raw("NONE")
		return
	default:
		e.Uint(uint64(c.MaxSize))
	}
	if c.NoPrivate {
		e.Raw(" NOPRIVATE")
	}
}
