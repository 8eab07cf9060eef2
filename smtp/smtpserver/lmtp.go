package smtpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// RecipientErrors are the results of a message for its recipients, in the order
// in which Rcpt took them; nil: the recipient has it. In LMTP, where each is
// answered (RFC 2033 §4.2), Data may return it. In SMTP, which has one answer for
// all, it refuses the message with the first *smtp.Error in it.
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

// takeLMTP hands a message to a Session and returns a result for each recipient,
// by position (RFC 2033 §4.2): an address that was given twice has two.
func (c *Conn) takeLMTP(ctx context.Context, session Session, r io.Reader) RecipientErrors {
	results := make(RecipientErrors, c.recipients)
	s, ok := session.(LMTPSession)
	if !ok {
		err := session.Data(ctx, r)
		var each RecipientErrors
		errors.As(err, &each)
		for i := range results {
			results[i] = err
			if i < len(each) {
				results[i] = each[i]
			}
		}
		return results
	}
	var mu sync.Mutex
	told := make([]bool, c.recipients)
	over := false
	err := s.DataLMTP(ctx, r, func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if !over && i >= 0 && i < len(results) && !told[i] {
			results[i], told[i] = err, true
		}
	})
	mu.Lock()
	defer mu.Unlock()
	over = true
	for i := range results {
		if !told[i] {
			results[i] = err
		}
	}
	return results
}
