package sasl

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
)

// MaxEncoded is how many octets a challenge or a response of MaxResponse octets
// has in base64.
const MaxEncoded = (MaxResponse + 2) / 3 * 4

// Serve carries an exchange to its end and returns the identity to act as.
//
// initial is the initial response, nil if there was none. ask sends a
// challenge, given in base64, and returns the line that the client answers
// with, which Serve does not use after it calls ask again. A line "*" cancels
// the exchange (RFC 4422 §3.5). An error of ask that is not one of this
// package's, such as that of a lost connection, is returned wrapped with
// ErrCancelled.
//
// Data that accompanies success, for which SMTP, IMAP and POP3 have no place,
// is sent as a challenge, to which the response must be empty (RFC 4422 §5):
// otherwise the exchange is malformed.
func Serve(ctx context.Context, mech Server, initial []byte, ask func(challenge string) (line []byte, err error)) (identity string, err error) {
	response := initial
	for {
		challenge, done, err := mech.Next(ctx, response)
		switch {
		case err != nil:
			return "", classify(err)
		case done && challenge == nil:
			return mech.Identity(), nil
		}
		line, err := ask(base64.StdEncoding.EncodeToString(challenge))
		if err != nil {
			if !isOwn(err) {
				err = fmt.Errorf("%w: %w", ErrCancelled, err)
			}
			return "", err
		}
		line = bytes.TrimRight(line, " ")
		if string(line) == "*" {
			return "", ErrCancelled
		}
		if response, err = Decode(line); err != nil {
			return "", err
		}
		if done {
			if len(response) > 0 {
				return "", malformed("response after success")
			}
			return mech.Identity(), nil
		}
	}
}

// Decode decodes a challenge or a response, base64 or "=" for one that is empty
// (RFC 4954 §4). The result is not nil. The error is ErrMalformed.
func Decode(line []byte) ([]byte, error) {
	if string(line) == "=" {
		return []byte{}, nil
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Strict().Decode(b, line)
	// Decode skips line ends, which nothing here may contain.
	if err != nil || bytes.ContainsAny(line, "\r\n") {
		return nil, malformed("invalid base64")
	}
	return b[:n], nil
}

// EncodeInitial returns an initial response as it follows the name of the
// mechanism: in base64, "=" for one that is empty (RFC 4954 §4).
func EncodeInitial(initial []byte) string {
	if len(initial) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(initial)
}

// isOwn reports whether an error is one of this package's that a server may
// return.
func isOwn(err error) bool {
	for _, known := range []error{ErrAuthFailed, ErrAuthzDenied, ErrExpired, ErrUnavailable, ErrMalformed, ErrUnsupported, ErrCancelled} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
