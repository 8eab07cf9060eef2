package smtpserver

import (
	"errors"
	"fmt"
	"strings"
)

// RecipientErrors are the results of a message for its recipients, in the order in
// which Rcpt took them; nil: the recipient has it. Data may return them, alone or
// wrapped.
//
// In LMTP each recipient has its own reply (RFC 2033 §4.2). SMTP has one for all, and
// 250 would take responsibility for all (RFC 5321 §4.2.5): unless every result is nil,
// the message is refused with the first *smtp.Error in them, and the client may send
// it again to those that have it. A Session that can tell the sender of a failure by
// itself, as [Delivery] does, returns nil instead; see [Conn.LMTP].
//
// A recipient without a result does not have the message. Its reply in LMTP is that
// to the error as a whole.
type RecipientErrors []error

func (e RecipientErrors) Error() string {
	var b strings.Builder
	for i, err := range e {
		if err != nil {
			fmt.Fprintf(&b, "; recipient %d: %v", i, err)
		}
	}
	return strings.TrimPrefix(b.String(), "; ")
}

// Unwrap returns the errors.
func (e RecipientErrors) Unwrap() []error { return e }

// orNil returns nil if there is no error in e, as an error.
func (e RecipientErrors) orNil() error {
	for _, err := range e {
		if err != nil {
			return e
		}
	}
	return nil
}

// results returns what there is to answer to a message that came to err: in LMTP a
// result for each recipient, by position (RFC 2033 §4.2), since an address that was
// given twice has two; in SMTP one.
func (c *Conn) results(err error) []error {
	each, _ := errors.AsType[RecipientErrors](err)
	if !c.srv.LMTP {
		if len(each) >= c.recipients && each.orNil() == nil {
			err = nil
		}
		c.tx.result[0] = err
		return c.tx.result[:]
	}
	results := append(make([]error, 0, c.recipients), each[:min(len(each), c.recipients)]...)
	for len(results) < c.recipients {
		results = append(results, err)
	}
	return results
}
