package wire

import (
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/internal/testutil/growth"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// TestGrowth holds the reading of each element to work and memory in proportion to its
// length, for commands and for responses.
func TestGrowth(t *testing.T) {
	elements := map[string]func(*Decoder) bool{
		"atom":    func(d *Decoder) bool { var s string; return d.Atom(&s) },
		"astring": func(d *Decoder) bool { var s string; return d.AString(&s) },
		"nstring": func(d *Decoder) bool { var s string; var ok bool; return d.NString(&s, &ok) },
		"string8": func(d *Decoder) bool { var b []byte; return d.NString8(&b) },
		"retried": func(d *Decoder) bool {
			return d.Retry(func() bool {
				return d.List(func() bool { var s string; return d.String(&s) })
			})
		},
		"pattern":  func(d *Decoder) bool { var s string; return d.Pattern(&s) },
		"mailbox":  func(d *Decoder) bool { var s string; return d.ListMailbox(&s) },
		"number":   func(d *Decoder) bool { var n int64; return d.Size(&n) },
		"set":      func(d *Decoder) bool { var s imap.NumSet; return d.NumSet(&s) },
		"UIDs":     func(d *Decoder) bool { var s mailbox.UIDSet; return d.UIDSet(&s) },
		"flags":    func(d *Decoder) bool { var f []mailbox.Flag; return d.FlagList(&f) },
		"date":     func(d *Decoder) bool { var v time.Time; return d.Date(&v) },
		"datetime": func(d *Decoder) bool { var v time.Time; return d.DateTime(&v) },
		"value":    func(d *Decoder) bool { var v imap.Value; return d.Value(&v) },
		"skipped":  func(d *Decoder) bool { return d.SkipTo() },
	}
	patterns := []string{"(", "((", "(…)", "()", "(a ", " ", "{1}\r\n", "{1+}\r\n", "{1+}\r\na", "~{1+}\r\na", "{0+}\r\n", "{1", "{99999999999999999999+}\r\n", "\"", "\"\"", "\"\\", "\\\"", "\"a\"b\" ", "\"a\" ", "\\", "1,", "1:2,", "№,", "№:№,", "*,", "[", "[…]", "a ", "\\a ", "NIL ", "\xff", "\"\xff", "&", "&-", "&AAA-", "1e"}
	var parsers []growth.Parser
	for name, element := range elements {
		for _, tolerant := range []bool{false, true} {
			parse := func(s string) {
				d := NewDecoder(Bytes([]byte(s)), Limits{Line: 8 << 20, Literal: 8 << 20, Command: 1 << 40, Stream: 8 << 20, Drain: 1 << 40, Depth: 256, Elements: 1 << 30})
				d.Tolerant, d.Share = tolerant, tolerant
				for d.Begin() == nil {
					for element(d) && d.TrySP() {
					}
					if d.Skip() != nil {
						return
					}
				}
			}
			p := growth.Parser{Name: name, Alphabet: "()\"\\{}[ ,:*1a\r\n", Patterns: patterns, Suffix: "\r\n", Octets: 250, Parse: parse}
			if tolerant {
				p.Name += ", tolerant"
			}
			parsers = append(parsers, p)
			q := p
			switch name {
			case "nstring", "mailbox":
				q.Name += ", in quotes"
				q.Prefix, q.Suffix = "\"", "\"\r\n"
				parsers = append(parsers, q)
			case "value", "flags", "skipped", "retried":
				q.Name += ", in a list"
				q.Prefix, q.Suffix = "(", ")\r\n"
				parsers = append(parsers, q)
			}
		}
	}
	growth.Test(t, parsers)
}
