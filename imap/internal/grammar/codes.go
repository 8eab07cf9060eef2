package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// args reads the arguments of the code, if that is the one of the line.
func (s *StatusLine) args(code imap.Code, read func(d *wire.Decoder) bool) bool {
	if s.Code != code {
		return false
	}
	d := wire.NewDecoder(wire.Bytes([]byte(s.Args+"\r\n")), wire.LimitsClient())
	d.Tolerant = true
	return d.Begin() == nil && read(d) && d.End()
}

// AppendUID returns what an APPENDUID code says. ok is false if there is none, or
// one that can't be read.
func (s *StatusLine) AppendUID() (a imap.AppendUID, ok bool) {
	ok = s.args(imap.CodeAppendUID, func(d *wire.Decoder) bool {
		return d.NZNumber(&a.UIDValidity) && d.SP() && d.UIDSet(&a.UIDs)
	})
	return a, ok
}

// CopyUID returns what a COPYUID code says, as AppendUID does.
func (s *StatusLine) CopyUID() (c imap.CopyUID, ok bool) {
	ok = s.args(imap.CodeCopyUID, func(d *wire.Decoder) bool {
		return d.NZNumber(&c.UIDValidity) && d.SP() && d.UIDSet(&c.Source) && d.SP() && d.UIDSet(&c.Dest)
	})
	return c, ok && c.Source.Len() == c.Dest.Len()
}

// Number returns the argument of a code that has a number: UIDNEXT, UIDVALIDITY,
// UNSEEN, HIGHESTMODSEQ.
func (s *StatusLine) Number(code imap.Code) (n int64, ok bool) {
	ok = s.args(code, func(d *wire.Decoder) bool { return d.Number64(&n) })
	return n, ok
}

// PermanentFlags returns what a PERMANENTFLAGS code says.
func (s *StatusLine) PermanentFlags() (flags []mailbox.Flag, ok bool) {
	ok = s.args(imap.CodePermanentFlags, func(d *wire.Decoder) bool { return d.FlagList(&flags) })
	return flags, ok
}

// Capabilities returns what a CAPABILITY code says.
func (s *StatusLine) Capabilities() (set imap.CapSet, ok bool) {
	if s.Code != imap.CodeCapability {
		return set, false
	}
	line := &StatusLine{Code: s.Code, Args: " " + s.Args}
	ok = line.args(imap.CodeCapability, func(d *wire.Decoder) bool {
		set = imap.NewCapSet(caps(d)...)
		return d.Err() == nil
	})
	return set, ok
}
