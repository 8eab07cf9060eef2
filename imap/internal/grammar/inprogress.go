package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// inProgressExt is INPROGRESS (RFC 9585).
func inProgressExt() extension {
	return extension{
		caps:  []imap.Cap{imap.CapInProgress},
		codes: []row[any]{value("INPROGRESS", readInProgress, writeInProgress)},
	}
}

// readInProgress reads the tag, the progress and the goal, each of which may be
// NIL. All may be missing.
func readInProgress(d *decoder, p *imap.InProgress) bool {
	if !d.TrySP() || d.TryKeyword("NIL") {
		return d.Err() == nil
	}
	var ok bool
	number := func(n **int64) bool {
		if d.TryKeyword("NIL") {
			return true
		}
		*n = new(int64)
		return d.Number64(*n)
	}
	return d.Special('(') && d.NString(&p.Tag, &ok) && d.SP() && number(&p.Done) && d.SP() && number(&p.Goal) && d.Special(')')
}

func writeInProgress(e *wire.Encoder, p *imap.InProgress) {
	if *p == (imap.InProgress{}) {
		return
	}
	e.Raw(" (").NString(p.Tag)
	for _, n := range [...]*int64{p.Done, p.Goal} {
		if e.SP(); n == nil {
			e.NIL()
		} else {
			e.Int(*n)
		}
	}
	e.Raw(")")
}
