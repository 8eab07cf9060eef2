package imapclient

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
)

type annotationItem imap.AnnotationQuery

func (annotationItem) item() {}

// Annotation is a data item: annotations of messages (RFC 5257 §4.3), of entries such as
// "/comment", which may have the wildcards "*" and "%", and their attributes, such as
// "value.priv"; "value" is both "value.priv" and "value.shared". What the server returns
// is in Message.Annotations. Fetch ignores it where the server has no
// ANNOTATE-EXPERIMENT-1, as it ignores what else the server lacks.
func Annotation(entries, attrs []string) Item {
	return annotationItem{Entries: slices.Clone(entries), Attrs: slices.Clone(attrs)}
}

// annotated takes annotations that nobody has asked for. mu is held; the reader calls it.
func (m *Mailbox) annotated(msg *Message) {
	ev := &AnnotationsChanged{Mailbox: m, UID: msg.UID}
	if ev.UID == 0 && m.view != nil {
		ev.UID = m.view.uid(msg.seq)
	}
	for _, a := range msg.Annotations {
		ev.Entries = append(ev.Entries, a.Entry)
	}
	m.c.events.add(ev)
}

// Annotate changes annotations of the messages of the set (RFC 5257 §4.5): each attribute
// is set to its value, or removed if that is nil. A value is "value.priv", which only
// this user sees, or "value.shared".
//
// If the server refuses because of what it can hold, CodeArg of the error is an
// imap.AnnotateCode. A long set becomes several commands; if one fails, those before it
// have been done.
func (m *Mailbox) Annotate(ctx context.Context, set Set, annotations ...imap.Annotation) error {
	if err := m.c.need(imap.CapAnnotate, "annotations of messages"); err != nil || len(annotations) == 0 {
		return err
	}
	uids, err := m.resolve(ctx, set)
	if err != nil {
		return err
	}
	for _, part := range splitSet(uids, m.c.maxSet(), anyNumber) {
		k := m.newCall(&imap.Store{UID: true, Set: imap.UIDNumSet(part), Item: imap.StoreAnnotation, Annotations: annotations})
		k.name = "UID STORE"
		if err := m.c.run(ctx, k); err != nil {
			return err
		}
	}
	return nil
}
