package sasl

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// A Carrier sends an exchange over the connection of a client.
//
// Its functions send a line and return the server's answer: a challenge, in
// base64; done, which is success; or an error. A refusal by the server must be
// an error made with Refusal, after which the connection can be used again.
type Carrier struct {
	// Begin sends the command that begins an exchange. initial is the initial
	// response, nil if there is none; see EncodeInitial.
	Begin func(mechanism string, initial []byte) (challenge string, done bool, err error)

	// Respond sends a response, in base64, or "*", which cancels the exchange.
	Respond func(line string) (challenge string, done bool, err error)

	// MaxInitial is how many octets initial may have. A longer one is sent as
	// the answer to the server's first challenge (RFC 4422 §3.3). Negative: the
	// protocol has no initial responses.
	MaxInitial int
}

// Refusal returns an error for a server's refusal: it has the text of err, and
// is both err and meaning to errors.Is and errors.As. meaning is the closest
// error of this package:
//   - ErrUnsupported: the server does not know or does not allow the mechanism,
//   - ErrEncryptionNeeded: not without TLS,
//   - ErrUnavailable: it may work later,
//   - ErrExpired, ErrAuthzDenied, ErrMalformed, or else ErrAuthFailed.
func Refusal(err, meaning error) error { return &refusal{err: err, meaning: meaning} }

type refusal struct{ err, meaning error }

func (r *refusal) Error() string   { return r.err.Error() }
func (r *refusal) Unwrap() []error { return []error{r.err, r.meaning} }

// Authenticate carries an exchange to its end. An exchange that the mechanism
// can't continue is cancelled, and the connection can be used again unless the
// error is ErrServerUnproven: then the connection must be closed.
//
// If the connection does not allow what the mechanism would reveal, nothing is
// sent and the error is ErrEncryptionNeeded.
func Authenticate(mech Client, c Conn, carry Carrier) error {
	if RevealsSecret(mech.Name()) && !c.AllowsPasswords() {
		return ErrEncryptionNeeded
	}
	response, err := mech.Start()
	if err != nil {
		return err
	}
	initial, held := response, false
	if response != nil && len(response) > carry.MaxInitial {
		initial, held = nil, true
	}
	text, done, err := carry.Begin(mech.Name(), initial)
	for {
		switch {
		case err != nil:
			return withReason(mech, err)
		case done:
			if err := mech.Finish(); err != nil {
				return unproven(err)
			}
			return nil
		case held:
			held = false
		default:
			challenge, err := Decode([]byte(strings.TrimSpace(text)))
			if p, ok := mech.(prompted); ok && err != nil && p.anyPrompt() {
				challenge, err = []byte(text), nil
			}
			if err == nil {
				response, err = mech.Next(challenge)
			}
			if err != nil {
				return cancel(carry, err)
			}
		}
		text, done, err = carry.Respond(base64.StdEncoding.EncodeToString(response))
	}
}

// cancel ends an exchange that can't continue because of reason. A server that
// then does anything but refuse must not be trusted.
func cancel(carry Carrier, reason error) error {
	if _, _, err := carry.Respond("*"); err == nil {
		return unproven(fmt.Errorf("it continues after the exchange was cancelled: %w", reason))
	}
	return reason
}

func unproven(err error) error {
	if errors.Is(err, ErrServerUnproven) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrServerUnproven, err)
}

// withReason adds to a refusal what the server said within the exchange.
func withReason(mech Client, err error) error {
	if reason := Reason(mech); reason != nil && !errors.Is(err, reason) {
		return fmt.Errorf("%w (%w)", err, reason)
	}
	return err
}

// Authenticate logs in with the strongest mechanism among those offered that
// the credentials can serve. If the server refuses the mechanism itself, or if
// the channel binding may have failed, the next of Candidates is tried. After
// any other refusal the credentials are wrong, and another mechanism would only
// expose them more.
//
// The error is ErrUnsupported, possibly together with a refusal, if no
// mechanism was left, and ErrEncryptionNeeded if there would be one under TLS.
// As with the function Authenticate, the connection must be closed after
// ErrServerUnproven.
func (cr Credentials) Authenticate(ctx context.Context, offered []string, c Conn, carry Carrier) error {
	var last error
	skipPlus := false
	for mech, err := range Candidates(ctx, offered, cr, c) {
		if err != nil {
			return err
		}
		plus := strings.HasSuffix(mech.Name(), "-PLUS")
		if plus && skipPlus {
			continue
		}
		err = Authenticate(mech, c, carry)
		var refused *refusal
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &refused):
			return fmt.Errorf("%s: %w", mech.Name(), err)
		case errors.Is(refused, ErrUnsupported), errors.Is(refused, ErrEncryptionNeeded):
		case plus && (errors.Is(refused, ErrAuthFailed) || errors.Is(refused, ErrMalformed)):
			// Either the password or the binding is wrong. Unless the server
			// said that it is the binding, there is only one attempt without
			// it, since servers count failures.
			reason := Reason(mech)
			skipPlus = reason == nil || !strings.Contains(reason.Error(), "channel-binding")
		default:
			return fmt.Errorf("%s: %w", mech.Name(), err)
		}
		last = fmt.Errorf("%s: %w", mech.Name(), err)
	}
	if last != nil {
		return Refusal(last, ErrUnsupported)
	}
	_, err := Select(ctx, offered, cr, c)
	return err
}
